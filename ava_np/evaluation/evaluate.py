"""Evaluate a model: reconstruction error, AVA (17) beside its trivial baselines, and samples of toy distributions."""

from dataclasses import dataclass

import numpy as np

from ava_np.data import toys
from ava_np.data.zoom import zoom_in, zoom_out
from ava_np.errors import PictureError
from ava_np.evaluation import linear, metrics
from ava_np.indices import evenly_spaced
from ava_np.models import Model
from ava_np.specification import TOY, Specification

MAX_COMPARED = 100  # images compared with all pictures: the time grows with the product of the two counts
TOY_SAMPLES = 1000
PERFECT = 1e-4  # error of PCA, relative to that of the mean picture


@dataclass(frozen=True)
class Evaluation:
    """Result of ``evaluate``: errors of a model on a set of pictures.

    All errors are means of ½‖difference‖₂ per pixel, for channels in [0, 1].

    Attributes
    ----------
    reconstruction_errors : ndarray, (N,) float64
        Error of each picture against its own reconstruction g(μ(x)), at the zoomed size.
    rmses : ndarray, (tried,) float64
        AVA (17) of g(μ(x)), zoomed in, against all pictures at full size, for at most 100 evenly spaced x.
    best : int
        Index of the picture whose reconstruction has the least (17): the paper's imageBest.
    baselines : dict of str to float
        (17) of trivial fixed images, and the floor, the least value that any zoomed image can have;
        ``metrics.baselines`` describes each.
    mean_image_error, pca_error : float
        Reconstruction errors that need no network: of the mean training picture, and of as many principal components
        of the training pictures as the code has values.

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.evaluation.evaluate import Evaluation
    >>> errors, rmses = np.array([0.1, 0.3]), np.array([0.25, 0.2])
    >>> result = Evaluation(errors, rmses, best=1, baselines={}, mean_image_error=0.4, pca_error=0.1)
    >>> result.reconstruction_error, result.rmse, result.rmse_mean
    (0.2, 0.2, 0.225)
    """

    reconstruction_errors: np.ndarray
    rmses: np.ndarray
    best: int
    baselines: dict[str, float]
    mean_image_error: float
    pca_error: float

    def __repr__(self) -> str:
        """Return the three errors that are compared."""
        return (
            f"<Evaluation of {len(self.reconstruction_errors)} pictures: error {self.reconstruction_error:.4f}, "
            f"the mean picture {self.mean_image_error:.4f}, PCA {self.pca_error:.4f}>"
        )

    def _repr_html_(self) -> str:
        """Return a table for a notebook."""
        from ava_np.notebook import table_html

        rows = [("reconstruction error", self.reconstruction_error), ("of the mean picture", self.mean_image_error)]
        rows += [("of PCA", self.pca_error), ("AVA (17), best", self.rmse), ("AVA (17), mean", self.rmse_mean)]
        count = len(self.reconstruction_errors)
        return table_html(f"{count} pictures", [(name, f"{value:.4f}") for name, value in rows])

    @property
    def reconstruction_error(self) -> float:
        """Mean reconstruction error over the pictures."""
        return float(self.reconstruction_errors.mean())

    @property
    def pca_is_perfect(self) -> bool:
        """Whether PCA loses nothing, as with as many components as pictures: then it is no baseline."""
        return self.pca_error < PERFECT * self.mean_image_error

    @property
    def rmse(self) -> float:
        """AVA (17) of imageBest."""
        return float(self.rmses.min())

    @property
    def rmse_mean(self) -> float:
        """Mean of AVA (17) over the pictures that were decoded."""
        return float(self.rmses.mean())


@dataclass(frozen=True)
class ToyEvaluation:
    """Result of ``evaluate_toy``: samples of a model of a toy distribution.

    Attributes
    ----------
    points : ndarray, (1000, d)
        The samples.
    modes_found : int
        Number of modes that the samples cover, as defined by ``toys.mode_coverage``.
    mode_count : int
        Number of modes of the distribution.
    good_fraction : float
        Fraction of the samples that are good, 0 to 1, as defined by ``toys.mode_coverage``.
    """

    points: np.ndarray
    modes_found: int
    mode_count: int
    good_fraction: float


def evaluate(model: Model, pictures: np.ndarray, zoom: int, training: np.ndarray | None = None) -> Evaluation:
    """Evaluate the reconstructions of a model.

    Parameters
    ----------
    model : Model
        A model with an encoder and a decoder.
    pictures : ndarray, (N, zoom·H, zoom·W, C) float32
        Pictures at full size, in [0, 1]; the model's pictures are (H, W, C).
    zoom : int
        Factor by which the pictures are zoomed out for the model.
    training : ndarray, (M, zoom·H, zoom·W, C) float32, optional
        The training pictures, or some of them, if they are others: mean picture and PCA are fitted to them.

    Returns
    -------
    Evaluation
        Reconstruction errors, AVA (17), and the baselines of (17).

    Raises
    ------
    PictureError
        If there are no pictures.
    ValueError
        If ``zoom`` does not divide the sides, or the zoomed pictures do not have the model's shape.

    Examples
    --------
    >>> import ava_np
    >>> pictures = ava_np.read_pictures(None, size=(24, 30), zoom=3).array
    >>> model = ava_np.build("vae", (10, 8, 3), hidden=(16,))
    >>> result = ava_np.evaluate(model, pictures, zoom=3)
    >>> len(result.reconstruction_errors), result.rmse >= result.baselines["floor"]
    (10, True)
    """
    pictures = np.asarray(pictures)  # read, if they are in the file of a cache
    small = zoom_out(pictures, zoom)
    fitted = small if training is None else zoom_out(np.asarray(training), zoom)
    decoded = model.reconstruct(small)
    tried = evenly_spaced(len(decoded), MAX_COMPARED)
    rmses = np.array([metrics.rmse(zoom_in(decoded[i, None], zoom)[0], pictures) for i in tried])
    return Evaluation(
        reconstruction_errors=metrics.reconstruction_errors(small, decoded),
        rmses=rmses,
        best=int(tried[np.argmin(rmses)]),
        baselines=metrics.baselines(pictures, zoom),
        mean_image_error=linear.mean_image_error(fitted, small),
        pca_error=linear.pca_error(fitted, small, model.latent),
    )


def sample_generator(specification: Specification) -> np.random.Generator:
    """Return the generator that draws a run's samples: the samples that are shown are also the ones evaluated.

    Parameters
    ----------
    specification : Specification
        Specification of the run; only its seed is used.

    Returns
    -------
    Generator
        A new generator in the same state in every call.
    """
    return np.random.default_rng((specification.training.seed, 3))


def sample_rmses(model: Model, pictures: np.ndarray, zoom: int, generator: np.random.Generator) -> np.ndarray:
    """Return AVA (17) of 100 samples, for models that cannot reconstruct.

    Parameters
    ----------
    model : Model
        Draws the samples.
    pictures : ndarray, (N, zoom·H, zoom·W, C) float32
        Pictures at full size, in [0, 1]. Each sample is zoomed in and compared with all of them.
    zoom : int
        Factor by which the samples are zoomed in.
    generator : Generator
        Draws the codes.

    Returns
    -------
    ndarray, (100,) float64
        (17) of each sample.

    Raises
    ------
    PictureError
        If there are no pictures.
    ValueError
        If the zoomed samples do not have the shape of the pictures.

    Examples
    --------
    >>> import ava_np, numpy as np
    >>> from ava_np.evaluation.evaluate import sample_rmses
    >>> pictures = ava_np.read_pictures(None, size=(24, 30), zoom=3).array
    >>> model = ava_np.build("gan", (10, 8, 3), hidden=(16,))
    >>> sample_rmses(model, pictures, 3, np.random.default_rng(0)).shape
    (100,)
    """
    pictures = np.asarray(pictures)
    samples = zoom_in(model.sample(MAX_COMPARED, generator), zoom)
    return np.array([metrics.rmse(sample, pictures) for sample in samples])


def evaluate_toy(model: Model, specification: Specification) -> ToyEvaluation:
    """Evaluate 1000 samples of a model of a toy distribution.

    Parameters
    ----------
    model : Model
        The model of the run.
    specification : Specification
        Specification of the run; its source of pictures names the distribution.

    Returns
    -------
    ToyEvaluation
        The samples, and how they cover the modes.

    Raises
    ------
    ValueError
        If the run's source is not a toy distribution.
    PictureError
        If the model does not make points of this distribution.
    """
    if not specification.pictures.toy:
        raise ValueError(f"{specification.pictures.source} is no toy distribution")
    name = str(specification.pictures.source).removeprefix(TOY)
    centres, _ = toys.mixture(name)
    if model.neurons != centres.shape[1]:
        raise PictureError(
            f"the points of {name} have {centres.shape[1]} values, and those of the model {model.neurons}"
        )
    points = model.sample(TOY_SAMPLES, sample_generator(specification)).reshape(TOY_SAMPLES, -1)
    coverage = toys.mode_coverage(name, points)
    return ToyEvaluation(points, coverage.modes_found, len(centres), coverage.good_fraction)
