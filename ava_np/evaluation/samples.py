"""Every measure of samples on features, for two sets at once."""

from dataclasses import asdict, dataclass

from ava_np.evaluation.arrays import Floats
from ava_np.evaluation.distances import frechet_distance, kernel_distance
from ava_np.evaluation.neighbours import coverage, density, precision, recall
from ava_np.network.blas import single_threaded_blas


@dataclass(frozen=True)
class SampleMeasures:
    """Result of ``sample_measures``: each value of one set of samples against real ones.

    Attributes
    ----------
    frechet_distance, kernel_distance : float
        Lower is better.
    kernel_distance_error : float
        Standard error of ``kernel_distance``.
    precision, density : float
        Lower if samples are bad.
    recall, coverage : float
        Lower if samples are not varied.
    """

    frechet_distance: float
    kernel_distance: float
    kernel_distance_error: float
    precision: float
    recall: float
    density: float
    coverage: float

    def as_dict(self) -> dict[str, float]:
        """Return the values by name, for a table or JSON."""
        return asdict(self)


def sample_measures(real: Floats, generated: Floats) -> SampleMeasures:
    """Return every measure of generated samples on features, with the k of the papers.

    The floor of a measure is its value for samples that are as good as real ones: call this with test pictures as
    ``real`` and as many training pictures as there will be samples as ``generated``. Draw both at random, since files
    are often in an order.

    Parameters
    ----------
    real : ndarray, (N, F)
        Features of real samples, at least 20.
    generated : ndarray, (M, F)
        Features of generated samples, at least 20. Compare only results of equal N and M.

    Returns
    -------
    SampleMeasures
        Computed in a few seconds for N = M = 2000 and F = 128.

    Raises
    ------
    ValueError
        If there are too few samples, the numbers of features differ, or a feature is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.evaluation.samples import sample_measures
    >>> generator = np.random.default_rng(0)
    >>> real, other = generator.normal(size=(2, 500, 4))
    >>> floor = sample_measures(real, other)
    >>> narrow = sample_measures(real, 0.1 * other)  # all of them good, none of them far from the middle
    >>> narrow.precision > floor.precision, narrow.recall < 0.1, narrow.coverage < 0.5
    (True, True, True)
    """
    with single_threaded_blas:
        kernel = kernel_distance(real, generated)
        return SampleMeasures(
            frechet_distance=frechet_distance(real, generated),
            kernel_distance=kernel.value,
            kernel_distance_error=kernel.standard_error,
            precision=precision(real, generated),
            recall=recall(real, generated),
            density=density(real, generated),
            coverage=coverage(real, generated),
        )
