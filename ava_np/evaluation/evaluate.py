"""How well a model does: pictures against their reconstructions, AVA (17) beside its trivial baselines, toy samples."""

from dataclasses import dataclass

import numpy as np

from ava_np.data import toys
from ava_np.data.zoom import zoom_in, zoom_out
from ava_np.evaluation import metrics
from ava_np.indices import evenly_spaced
from ava_np.models import Model
from ava_np.specification import TOY, Specification

MAX_COMPARED = 100  # images compared with all pictures: the time grows with the product
TOY_SAMPLES = 1000


@dataclass(frozen=True)
class Evaluation:
    """What a model makes of a set of pictures; errors are ½‖difference‖₂ per pixel of channels in [0, 1].

    Attributes
    ----------
    reconstruction_errors : ndarray, (pictures,)
        Each picture against its own reconstruction g(μ(x)), at the zoomed size.
    rmses : ndarray, (tried,)
        AVA (17) of g(μ(x)), zoomed in, against all pictures at full size, for at most 100 evenly spaced x.
    best : int
        The picture whose reconstruction has the least (17): the paper's imageBest.
    baselines : dict of str to float
        (17) of trivial fixed images, and the floor that no zoomed image can go below.
    """

    reconstruction_errors: np.ndarray
    rmses: np.ndarray
    best: int
    baselines: dict[str, float]

    @property
    def reconstruction_error(self) -> float:
        """Mean own error over the pictures."""
        return float(self.reconstruction_errors.mean())

    @property
    def rmse(self) -> float:
        """AVA (17) of imageBest."""
        return float(self.rmses.min())

    @property
    def rmse_mean(self) -> float:
        """AVA (17), mean over which picture is decoded."""
        return float(self.rmses.mean())


@dataclass(frozen=True)
class ToyEvaluation:
    """What a model makes of a toy distribution.

    Attributes
    ----------
    points : ndarray, (1000, d)
        Samples.
    modes, of : int
        Modes that they find, of how many there are (``toys.mode_coverage``).
    good : float
        Share of them that is good.
    """

    points: np.ndarray
    modes: int
    of: int
    good: float


def evaluate(model: Model, pictures: np.ndarray, zoom: int) -> Evaluation:
    """Evaluate ``model`` on full-size ``pictures``, (n, zoom·height, zoom·width, channels) in [0, 1].

    Raises
    ------
    ValueError
        If the pictures, zoomed out, are not of the model's shape.
    """
    small = zoom_out(pictures, zoom)
    decoded = model.reconstruct(small)
    tried = evenly_spaced(len(decoded), MAX_COMPARED)
    rmses = np.array([metrics.rmse(zoom_in(decoded[i, None], zoom)[0], pictures) for i in tried])
    return Evaluation(
        reconstruction_errors=metrics.reconstruction_errors(small, decoded),
        rmses=rmses,
        best=int(tried[np.argmin(rmses)]),
        baselines=metrics.baselines(pictures, zoom),
    )


def sample_generator(specification: Specification) -> np.random.Generator:
    """What draws the codes of a run's samples: those that are shown are judged."""
    return np.random.default_rng((specification.training.seed, 3))


def sample_rmses(model: Model, pictures: np.ndarray, zoom: int, generator: np.random.Generator) -> np.ndarray:
    """AVA (17) of 100 samples, zoomed in, each against all full-size pictures: for models that show nothing back."""
    samples = zoom_in(model.sample(MAX_COMPARED, generator), zoom)
    return np.array([metrics.rmse(sample, pictures) for sample in samples])


def evaluate_toy(model: Model, specification: Specification) -> ToyEvaluation:
    """Judge 1000 samples of a model that was made for a toy distribution.

    Raises
    ------
    ValueError
        If it was not.
    """
    if not specification.pictures.toy:
        raise ValueError(f"{specification.pictures.source} is no toy distribution")
    name = str(specification.pictures.source).removeprefix(TOY)
    points = model.sample(TOY_SAMPLES, sample_generator(specification)).reshape(TOY_SAMPLES, -1)
    centres, _ = toys.modes(name)
    judged = toys.mode_coverage(name, points)
    return ToyEvaluation(points, judged.modes, len(centres), judged.good)
