"""The Fréchet and the kernel distance have their closed forms, and agree with SciPy and with sums over pairs."""

import numpy as np
import pytest
from hypothesis import given

from ava_np.evaluation.distances import frechet_distance, kernel_distance
from tests.oracles import few_examples, seeds


def whitened(seed: int, count: int, features: int) -> np.ndarray:
    """Return samples with mean 0 and covariance 1, to rounding."""
    x = np.random.default_rng(seed).normal(size=(count, features))
    x -= x.mean(axis=0)
    return x @ np.linalg.inv(np.linalg.cholesky(np.cov(x, rowvar=False))).T


@few_examples
@given(seed=seeds)
def test_frechet_distance_of_normal_distributions_along_the_same_axes(seed: int) -> None:
    """There the distance is ‖μ - ν‖² + Σ (σ - τ)²."""
    generator = np.random.default_rng(seed)
    (μ, ν), (σ, τ) = generator.normal(size=(2, 4)), generator.random((2, 4))
    rotation = np.linalg.qr(generator.normal(size=(4, 4)))[0]
    x = (whitened(seed, 30, 4) * σ + μ) @ rotation
    y = (whitened(seed + 1, 20, 4) * τ + ν) @ rotation
    expected = np.sum((μ - ν) ** 2 + (σ - τ) ** 2)
    assert frechet_distance(x, y) == pytest.approx(expected, rel=1e-6)
    assert frechet_distance(y, x) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("count", [5, 200])  # fewer samples than features: the covariances are singular
def test_frechet_distance_agrees_with_the_matrix_square_root_of_scipy(count: int) -> None:
    linalg = pytest.importorskip("scipy.linalg")
    x, y = np.random.default_rng(0).normal(size=(2, count, 12)) @ np.random.default_rng(1).normal(size=(12, 12))
    covariances = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = linalg.sqrtm(covariances[0] @ covariances[1]).real
    expected = np.sum((x.mean(axis=0) - y.mean(axis=0)) ** 2) + np.trace(covariances[0] + covariances[1] - 2 * root)
    assert frechet_distance(x, y) == pytest.approx(expected, rel=1e-4 if count < 12 else 1e-8)


def test_frechet_distance_of_equal_samples_is_zero() -> None:
    x = np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32)
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(x[:, :1], x[:, :1]) == pytest.approx(0, abs=1e-6)  # a single feature


def test_kernel_distance_is_the_mean_over_pairs() -> None:
    """With 20 samples, each of the ten subsets has one pair of real and one of generated samples."""
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(2, 20, 3))
    order = np.random.default_rng(0)
    parts = [order.permutation(20).reshape(10, 2) for _ in range(2)]
    values = []
    for (a, b), (c, d) in zip(x[parts[0]], y[parts[1]], strict=True):
        crossed = [(p @ q / 3 + 1) ** 3 for p in (a, b) for q in (c, d)]
        values.append((a @ b / 3 + 1) ** 3 + (c @ d / 3 + 1) ** 3 - 2 * np.mean(crossed))
    value, standard_error = kernel_distance(x, y)
    assert value == pytest.approx(np.mean(values))
    assert standard_error == pytest.approx(np.std(values, ddof=1) / np.sqrt(10))


def test_kernel_distance_of_one_distribution_is_zero_on_average_whatever_the_count() -> None:
    generator = np.random.default_rng(1)
    for count in (20, 100):
        results = [kernel_distance(*generator.normal(size=(2, count, 4))) for _ in range(200)]
        values = np.array([result.value for result in results])
        assert abs(values.mean()) < 3 * values.std() / np.sqrt(200)
        assert np.mean([result.standard_error for result in results]) == pytest.approx(values.std(), rel=0.2)


def test_kernel_distance_of_a_shift_has_its_closed_form() -> None:
    """With one feature, k(x, y) = 1 + 3 xy + 3 x²y² + x³y³: the squared differences of three moments, weighted."""
    generator = np.random.default_rng(2)
    x, y = generator.normal(size=(2, 5000, 1))
    expected = 3 * 1**2 + 3 * (2 - 1) ** 2 + (4 - 0) ** 2  # E y, E y² and E y³ of N(1, 1), and of N(0, 1)
    value, standard_error = kernel_distance(x, y + 1)
    assert abs(value - expected) < 4 * standard_error < 0.5 * expected


def test_kernel_distance_depends_on_the_seed_within_its_error() -> None:
    x, y = np.random.default_rng(3).normal(size=(2, 500, 4))
    first, same, other = (kernel_distance(x, y + 0.5, seed=seed) for seed in (0, 0, 1))
    assert first == same
    assert first != other
    assert abs(first.value - other.value) < 4 * (first.standard_error + other.standard_error)


@pytest.mark.parametrize("measure", [frechet_distance, kernel_distance])
def test_features_that_do_not_fit_are_refused(measure: object) -> None:
    assert callable(measure)
    x = np.zeros((30, 4))
    for other in (np.zeros((30, 3)), np.zeros(30), np.zeros((30, 4, 1))):
        with pytest.raises(ValueError, match="shapes"):
            measure(x, other)
    with pytest.raises(ValueError, match="1 generated samples are too few"):
        measure(x, x[:1])
    with pytest.raises(ValueError, match="finite"):
        measure(x, np.full((30, 4), np.nan))
