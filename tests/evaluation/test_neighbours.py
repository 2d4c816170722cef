"""Precision, recall, density and coverage are what their papers print, and notice bad and uniform samples."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ava_np.evaluation import arrays, neighbours
from ava_np.evaluation.arrays import Floats
from ava_np.evaluation.neighbours import coverage, density, precision, recall
from ava_np.evaluation.samples import sample_measures
from tests.oracles import few_examples, seeds

MEASURES: tuple[Callable[..., float], ...] = (precision, recall, density, coverage)


def direct(real: Floats, generated: Floats, k: int) -> tuple[float, float, float, float]:
    """Return the four measures by a loop over pairs."""

    def radius(x: Floats, i: int) -> float:
        return float(sorted(np.linalg.norm(x[i] - other) for j, other in enumerate(x) if j != i)[k - 1])

    def inside(x: Floats, balls: Floats) -> np.ndarray:
        radii = [radius(balls, i) for i in range(len(balls))]
        return np.array([[np.linalg.norm(p - q) <= r for q, r in zip(balls, radii, strict=True)] for p in x])

    in_real, in_generated = inside(generated, real), inside(real, generated)
    return (
        in_real.any(axis=1).mean(),
        in_generated.any(axis=1).mean(),
        in_real.sum(axis=1).mean() / k,
        (in_real.any(axis=0).mean()),
    )


@few_examples
@given(N=st.integers(4, 12), M=st.integers(4, 12), F=st.integers(1, 4), k=st.integers(1, 3), seed=seeds)
def test_measures_are_those_of_a_loop_over_pairs(N: int, M: int, F: int, k: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    real, generated = generator.normal(size=(N, F)), 0.5 + generator.normal(size=(M, F))
    assert [measure(real, generated, k) for measure in MEASURES] == pytest.approx(direct(real, generated, k))


def test_results_do_not_depend_on_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    real, generated = np.random.default_rng(0).normal(size=(2, 100, 3))
    whole = [measure(real, generated) for measure in MEASURES]
    monkeypatch.setattr(arrays, "BLOCK", 7)
    assert [measure(real, generated) for measure in MEASURES] == whole


def test_radii_agree_with_scikit_learn() -> None:
    library = pytest.importorskip("sklearn.neighbors")
    x = np.random.default_rng(1).normal(size=(300, 8))
    distances, _ = library.NearestNeighbors(n_neighbors=3).fit(x).kneighbors()  # of each sample, without itself
    assert np.sqrt(neighbours._radii(x, 3)) == pytest.approx(distances[:, 2])


def test_samples_far_from_the_origin_are_measured_as_near_it() -> None:
    real, generated = np.random.default_rng(2).normal(size=(2, 100, 3))
    near = [measure(real, generated) for measure in MEASURES]
    assert [measure(real + 1e8, generated + 1e8) for measure in MEASURES] == near


def test_density_and_coverage_of_real_samples_have_the_means_of_the_paper() -> None:
    """Lemmas 1 and 2 of Naeem et al.: 1, and 1 - (N - 1)···(N - k) / ((2N - 1)···(2N - k))."""
    generator, N, k = np.random.default_rng(3), 50, 5
    pairs = generator.normal(size=(200, 2, N, 3))
    i = np.arange(1, k + 1)
    for measure, expected in ((density, 1.0), (coverage, 1 - np.prod((N - i) / (2 * N - i)))):
        values = np.array([measure(real, generated) for real, generated in pairs])
        assert abs(values.mean() - expected) < 4 * values.std() / np.sqrt(len(values))


def test_bad_samples_lower_precision_and_density_alone() -> None:
    real, good, far = np.random.default_rng(4).normal(size=(3, 200, 3))
    mixed = np.concatenate([good, far + 100])
    assert precision(real, mixed) == precision(real, good) / 2
    assert density(real, mixed) == density(real, good) / 2
    assert coverage(real, mixed) == coverage(real, good)
    assert recall(real, mixed) == recall(real, good)


def test_a_missing_mode_lowers_recall_and_coverage_alone() -> None:
    first, second, samples = np.random.default_rng(5).normal(size=(3, 200, 3))
    real = np.concatenate([first, second + 100])
    assert precision(real, samples) == precision(first, samples)
    assert recall(real, samples) == recall(first, samples) / 2
    assert coverage(real, samples) == coverage(first, samples) / 2


def test_an_outlier_raises_precision_and_not_density() -> None:
    real, generated = np.random.default_rng(6).normal(size=(2, 100, 2))
    generated += 20  # all of them bad
    outlier = np.concatenate([real, [[40.0, 40.0]]])
    assert precision(real, generated) == 0
    assert precision(outlier, generated) == 1
    assert density(outlier, generated) <= 0.2  # in one ball of k = 5


@pytest.mark.parametrize("measure", MEASURES)
def test_what_cannot_be_measured_is_refused(measure: Callable[..., float]) -> None:
    x = np.zeros((10, 2))
    with pytest.raises(ValueError, match="too few: this measure needs 11"):
        measure(x, x, k=10)
    with pytest.raises(ValueError, match="k must be at least 1"):
        measure(x, x, k=0)
    with pytest.raises(ValueError, match="shapes"):
        measure(x, np.zeros((10, 3)))
    with pytest.raises(ValueError, match="finite"):
        measure(x, np.full((10, 2), np.inf))


def test_all_measures_at_once_are_the_single_ones() -> None:
    real, generated = np.random.default_rng(7).normal(size=(2, 60, 3))
    values = sample_measures(real, generated).as_dict()
    assert [values[measure.__name__] for measure in MEASURES] == [measure(real, generated) for measure in MEASURES]
    assert set(values) == {
        *(m.__name__ for m in MEASURES),
        "frechet_distance",
        "kernel_distance",
        "kernel_distance_error",
    }
