"""How well a model shows pictures back: each against its own reconstruction, and AVA (17) beside its trivial rivals."""

from dataclasses import dataclass

import numpy as np

from ava_np import metrics
from ava_np.kernels.zoom import zoom_in_forward, zoom_out_forward
from ava_np.models import Model

MOST_TRIED = 100  # images compared with all pictures: the time grows with the product


@dataclass(frozen=True)
class Evaluation:
    """What a model makes of a set of pictures; errors are ½‖difference‖₂ per pixel of channels in [0, 1].

    Attributes
    ----------
    own_errors : ndarray, (pictures,)
        Each picture against its own reconstruction g(μ(x)), at the zoomed size.
    rmses : ndarray, (tried,)
        AVA (17) of g(μ(x)), zoomed in, against all pictures at full size, for at most 100 evenly spaced x.
    best : int
        The picture whose reconstruction has the least (17): the paper's imageBest.
    rivals : dict of str to float
        (17) of trivial fixed images, and the floor that no zoomed image can go below.
    """

    own_errors: np.ndarray
    rmses: np.ndarray
    best: int
    rivals: dict[str, float]

    @property
    def own_error(self) -> float:
        """Mean own error over the pictures."""
        return float(self.own_errors.mean())

    @property
    def rmse(self) -> float:
        """AVA (17) of imageBest."""
        return float(self.rmses.min())

    @property
    def rmse_mean(self) -> float:
        """AVA (17), mean over which picture is decoded."""
        return float(self.rmses.mean())


def zoom_out(pictures: np.ndarray, zoom: int) -> np.ndarray:
    """Block means of ``pictures`` (n, zoom·h, zoom·w, channels), as (n, h, w, channels) of the same float type."""
    count, height, width, channels = pictures.shape
    small = np.empty((count, height // zoom, width // zoom, channels), pictures.dtype)
    zoom_out_forward(small, pictures, zoom)
    return small


def zoom_in(pictures: np.ndarray, zoom: int) -> np.ndarray:
    """``pictures`` (n, h, w, channels) with every pixel repeated to (n, zoom·h, zoom·w, channels)."""
    count, height, width, channels = pictures.shape
    large = np.empty((count, height * zoom, width * zoom, channels), pictures.dtype)
    zoom_in_forward(large, pictures, zoom)
    return large


def evaluate(model: Model, pictures: np.ndarray, zoom: int) -> Evaluation:
    """Evaluate ``model`` on full-size ``pictures``, (n, zoom·height, zoom·width, channels) in [0, 1].

    Raises
    ------
    ValueError
        If the pictures, zoomed out, are not of the model's shape.
    """
    small = zoom_out(pictures, zoom)
    decoded = model.reconstruct(small)
    tried = np.unique(np.linspace(0, len(decoded) - 1, min(len(decoded), MOST_TRIED)).round().astype(int))
    rmses = np.array([metrics.rmse(zoom_in(decoded[i, None], zoom)[0], pictures) for i in tried])
    return Evaluation(
        own_errors=metrics.own_errors(small, decoded),
        rmses=rmses,
        best=int(tried[np.argmin(rmses)]),
        rivals=metrics.rivals(pictures, zoom),
    )
