"""Batch normalisation: twin, central differences, moments, invariances, running statistics, PyTorch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ava_np.kernels import batch_norm
from ava_np.kernels.twins import batch_norm as twin
from tests.oracles import FLOATS, assert_close, batches, check_gradient, doubles, few_examples, normal, seeds, widths

EPSILON = 0.1
"""Large enough that central differences are accurate for any samples and that a kernel without ε fails the tests."""

every_float = pytest.mark.parametrize("dtype", FLOATS)
neurons = st.tuples(batches, widths)
pictures = st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.sampled_from([1, 3, 8]))
shapes = st.one_of(neurons, pictures)

Shape = tuple[int, ...]


def rows(array: np.ndarray) -> np.ndarray:
    """Return a view of shape (samples, channels), the shape that the twin takes."""
    return array.reshape(-1, array.shape[-1])


def forward(x: np.ndarray, scale: np.ndarray, shift: np.ndarray, ε: float) -> tuple[np.ndarray, ...]:
    """Return y, mean, variance and inverse_std, computed into arrays filled with NaN."""
    y = np.full_like(x, np.nan)
    mean, variance, inverse_std = (np.full_like(scale, np.nan) for _ in range(3))
    batch_norm.batch_norm_forward(y, mean, variance, inverse_std, x, scale, shift, ε)
    return y, mean, variance, inverse_std


@every_float
@given(shape=shapes, seed=seeds)
@few_examples
def test_training_passes_match_the_twin(dtype: type[np.floating], shape: Shape, seed: int) -> None:
    generator = np.random.default_rng(seed)
    x, dy = 2 + 3 * normal(generator, shape, dtype), normal(generator, shape, dtype)
    scale, shift, dscale, dshift = (normal(generator, shape[-1:], dtype) for _ in range(4))
    dx = np.full_like(x, np.nan)
    expected_y, expected_dx = (np.full(rows(x).shape, np.nan) for _ in range(2))
    expected_mean, expected_variance = (np.full(shape[-1:], np.nan) for _ in range(2))
    expected_dscale, expected_dshift = doubles(dscale, dshift)

    y, mean, variance, inverse_std = forward(x, scale, shift, EPSILON)
    batch_norm.batch_norm_backward_input(dx, dy, x, mean, inverse_std, scale)
    batch_norm.batch_norm_backward_parameters(dscale, dshift, dy, x, mean, inverse_std)

    x, dy, scale, shift = doubles(rows(x), rows(dy), scale, shift)
    twin.batch_norm_forward(expected_y, expected_mean, expected_variance, x, scale, shift, EPSILON)
    twin.batch_norm_backward_input(expected_dx, dy, x, expected_mean, expected_variance, scale, EPSILON)
    twin.batch_norm_backward_parameters(
        expected_dscale, expected_dshift, dy, x, expected_mean, expected_variance, EPSILON
    )
    # y, dx and the statistics were filled with NaN and are written; dscale and dshift held values and are added to.
    assert_close(rows(y), expected_y, dtype)
    assert_close(mean, expected_mean, dtype)
    assert_close(variance, expected_variance, dtype)
    assert_close(inverse_std, 1 / np.sqrt(expected_variance + EPSILON), dtype)
    assert_close(rows(dx), expected_dx, dtype)
    assert_close(dscale, expected_dscale, dtype)
    assert_close(dshift, expected_dshift, dtype)


@every_float
@given(shape=shapes, seed=seeds)
@few_examples
def test_evaluation_passes_match_the_twin(dtype: type[np.floating], shape: Shape, seed: int) -> None:
    generator = np.random.default_rng(seed)
    x, dy = 2 + 3 * normal(generator, shape, dtype), normal(generator, shape, dtype)
    running_mean, scale, shift, dscale, dshift = (normal(generator, shape[-1:], dtype) for _ in range(5))
    running_variance = normal(generator, shape[-1:], dtype) ** 2
    y, dx, inverse_std = np.full_like(x, np.nan), np.full_like(x, np.nan), np.full_like(scale, np.nan)
    expected_y, expected_dx = (np.full(rows(x).shape, np.nan) for _ in range(2))
    expected_dscale, expected_dshift = doubles(dscale, dshift)

    batch_norm.batch_norm_evaluation_forward(y, inverse_std, x, running_mean, running_variance, scale, shift, EPSILON)
    batch_norm.batch_norm_evaluation_backward_input(dx, dy, inverse_std, scale)
    batch_norm.batch_norm_backward_parameters(dscale, dshift, dy, x, running_mean, inverse_std)

    x, dy, scale, shift = doubles(rows(x), rows(dy), scale, shift)
    mean, variance = doubles(running_mean, running_variance)
    twin.batch_norm_evaluation_forward(expected_y, x, mean, variance, scale, shift, EPSILON)
    twin.batch_norm_evaluation_backward_input(expected_dx, dy, variance, scale, EPSILON)
    twin.batch_norm_backward_parameters(expected_dscale, expected_dshift, dy, x, mean, variance, EPSILON)
    assert_close(rows(y), expected_y, dtype)
    assert_close(rows(dx), expected_dx, dtype)
    assert_close(dscale, expected_dscale, dtype)
    assert_close(dshift, expected_dshift, dtype)


@every_float
@given(channels=widths, count=st.integers(1, 5), momentum=st.sampled_from([0.0, 0.1, 1.0]), seed=seeds)
@few_examples
def test_running_statistics_match_the_twin(
    dtype: type[np.floating], channels: int, count: int, momentum: float, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    running_mean, mean = (normal(generator, (channels,), dtype) for _ in range(2))
    running_variance, variance = (normal(generator, (channels,), dtype) ** 2 for _ in range(2))
    expected_mean, expected_variance = doubles(running_mean, running_variance)
    batch_norm.update_running_statistics(running_mean, running_variance, mean, variance, momentum, count)
    mean, variance = doubles(mean, variance)
    twin.update_running_statistics(expected_mean, expected_variance, mean, variance, momentum, count)
    assert_close(running_mean, expected_mean, dtype)
    assert_close(running_variance, expected_variance, dtype)


@given(shape=shapes, seed=seeds)
@few_examples
def test_training_backward_matches_central_differences(shape: Shape, seed: int) -> None:
    """Changing one sample also changes the mean and the variance of its channel."""
    generator = np.random.default_rng(seed)
    x, weight = normal(generator, shape, np.float64), normal(generator, shape, np.float64)
    scale, shift = (normal(generator, shape[-1:], np.float64) for _ in range(2))
    dx, dscale, dshift = np.empty_like(x), np.zeros_like(scale), np.zeros_like(shift)

    def objective() -> float:
        return float(np.sum(weight * forward(x, scale, shift, EPSILON)[0]))

    _, mean, _, inverse_std = forward(x, scale, shift, EPSILON)
    batch_norm.batch_norm_backward_input(dx, weight, x, mean, inverse_std, scale)
    batch_norm.batch_norm_backward_parameters(dscale, dshift, weight, x, mean, inverse_std)
    check_gradient(objective, x, dx)
    check_gradient(objective, scale, dscale)
    check_gradient(objective, shift, dshift)


@given(shape=shapes, seed=seeds)
@few_examples
def test_evaluation_backward_matches_central_differences(shape: Shape, seed: int) -> None:
    generator = np.random.default_rng(seed)
    x, weight = normal(generator, shape, np.float64), normal(generator, shape, np.float64)
    mean, scale, shift = (normal(generator, shape[-1:], np.float64) for _ in range(3))
    variance = normal(generator, shape[-1:], np.float64) ** 2
    y, dx, inverse_std = np.empty_like(x), np.empty_like(x), np.empty_like(scale)
    dscale, dshift = np.zeros_like(scale), np.zeros_like(shift)

    def objective() -> float:
        batch_norm.batch_norm_evaluation_forward(y, inverse_std, x, mean, variance, scale, shift, EPSILON)
        return float(np.sum(weight * y))

    objective()
    batch_norm.batch_norm_evaluation_backward_input(dx, weight, inverse_std, scale)
    batch_norm.batch_norm_backward_parameters(dscale, dshift, weight, x, mean, inverse_std)
    check_gradient(objective, x, dx)
    check_gradient(objective, scale, dscale)
    check_gradient(objective, shift, dshift)


def test_parameter_gradients_are_added_and_input_errors_written() -> None:
    generator = np.random.default_rng(0)
    x, dy = (normal(generator, (5, 3), np.float64) for _ in range(2))
    scale = np.ones(3)
    _, mean, _, inverse_std = forward(x, scale, np.zeros(3), EPSILON)
    once, added = (np.zeros(3), np.zeros(3)), (np.full(3, 5.0), np.full(3, 5.0))
    for dscale, dshift in (once, added):
        batch_norm.batch_norm_backward_parameters(dscale, dshift, dy, x, mean, inverse_std)
    assert_close(added[0], once[0] + 5, np.float64)
    assert_close(added[1], once[1] + 5, np.float64)

    clean, dirty = np.zeros((5, 3)), np.full((5, 3), np.nan)
    for dx in (clean, dirty):
        batch_norm.batch_norm_backward_input(dx, dy, x, mean, inverse_std, scale)
    np.testing.assert_array_equal(dirty, clean)
    clean, dirty = np.zeros((5, 3)), np.full((5, 3), np.nan)
    for dx in (clean, dirty):
        batch_norm.batch_norm_evaluation_backward_input(dx, dy, inverse_std, scale)
    np.testing.assert_array_equal(dirty, clean)


@pytest.mark.parametrize("ε", [1e-5, EPSILON])
def test_output_has_mean_shift_and_standard_deviation_scale(ε: float) -> None:
    """Over pictures and pixels together; ε scales the standard deviation by √(variance / (variance + ε))."""
    generator = np.random.default_rng(0)
    x = np.array([-5.0, 0.0, 100.0]) + np.array([0.1, 1.0, 30.0]) * generator.gamma(2.0, size=(8, 5, 7, 3))
    scale, shift = np.array([2.0, -0.5, 1.0]), np.array([-1.0, 0.0, 3.0])
    y, mean, variance, inverse_std = forward(x, scale, shift, ε)
    assert_close(mean, rows(x).mean(axis=0), np.float64)
    assert_close(variance, rows(x).var(axis=0), np.float64)
    assert_close(inverse_std, 1 / np.sqrt(rows(x).var(axis=0) + ε), np.float64)
    assert_close(rows(y).mean(axis=0), shift, np.float64)
    assert_close(rows(y).std(axis=0), np.abs(scale) * np.sqrt(variance / (variance + ε)), np.float64)


def test_output_is_invariant_to_scaling_and_shifting_a_channel() -> None:
    """Exactly so if ε = 0. Therefore a bias before a batch normalisation has no effect."""
    generator = np.random.default_rng(0)
    x, scale, shift = (normal(generator, s, np.float64) for s in ((6, 4, 4, 3), (3,), (3,)))
    moved = np.array([0.01, 1.0, 100.0]) * x + np.array([3.0, -7.0, 0.0])
    np.testing.assert_allclose(
        forward(moved, scale, shift, 0.0)[0], forward(x, scale, shift, 0.0)[0], rtol=1e-11, atol=1e-11
    )


def test_input_error_is_orthogonal_to_scaling_and_shifting_a_channel() -> None:
    """For any error at the output."""
    generator = np.random.default_rng(0)
    x, dy = (normal(generator, (6, 4, 4, 3), np.float64) for _ in range(2))
    scale, dx = np.array([2.0, -0.5, 1.0]), np.empty_like(x)
    _, mean, _, inverse_std = forward(x, scale, np.zeros(3), 0.0)
    batch_norm.batch_norm_backward_input(dx, dy, x, mean, inverse_std, scale)
    assert np.abs(dx).max() > 0.1
    assert_close(rows(dx).sum(axis=0), np.zeros(3), np.float64)
    assert_close((rows(dx) * rows(x)).sum(axis=0), np.zeros(3), np.float64)


def test_evaluation_with_the_batch_statistics_equals_training() -> None:
    generator = np.random.default_rng(0)
    x, scale, shift = (normal(generator, s, np.float64) for s in ((6, 4, 4, 3), (3,), (3,)))
    expected, mean, variance, inverse_std = forward(x, scale, shift, EPSILON)
    y, evaluation_inverse_std = np.empty_like(x), np.empty_like(inverse_std)
    batch_norm.batch_norm_evaluation_forward(y, evaluation_inverse_std, x, mean, variance, scale, shift, EPSILON)
    assert_close(y, expected, np.float64)
    assert_close(evaluation_inverse_std, inverse_std, np.float64)


def test_evaluation_output_of_a_sample_does_not_depend_on_the_rest_of_the_batch() -> None:
    generator = np.random.default_rng(0)
    x, scale, shift = (normal(generator, s, np.float64) for s in ((6, 3), (3,), (3,)))
    all_y, one_y, inverse_std = np.empty((6, 3)), np.empty((1, 3)), np.empty(3)
    running = np.array([1.0, -1.0, 0.0]), np.array([0.5, 1.0, 2.0])
    batch_norm.batch_norm_evaluation_forward(all_y, inverse_std, x, *running, scale, shift, EPSILON)
    batch_norm.batch_norm_evaluation_forward(one_y, inverse_std, x[4:5], *running, scale, shift, EPSILON)
    np.testing.assert_array_equal(one_y[0], all_y[4])
    assert np.abs(forward(x, scale, shift, EPSILON)[0][4] - forward(x[4:5], scale, shift, EPSILON)[0][0]).max() > 0.1


@every_float
@pytest.mark.parametrize("shape", [(1, 37), (1, 1, 1, 37)])
def test_single_sample_outputs_the_shift_and_gets_zero_input_error(dtype: type[np.floating], shape: Shape) -> None:
    """The variance is 0, so the output does not depend on the sample, and all results are finite."""
    generator = np.random.default_rng(0)
    x, dy = 100 * normal(generator, shape, dtype), normal(generator, shape, dtype)
    scale, shift = (normal(generator, (37,), dtype) for _ in range(2))
    dx, dscale, dshift = np.full_like(x, np.nan), np.zeros_like(scale), np.zeros_like(shift)
    with np.errstate(all="raise"):
        y, mean, variance, inverse_std = forward(x, scale, shift, 1e-5)
        batch_norm.batch_norm_backward_input(dx, dy, x, mean, inverse_std, scale)
        batch_norm.batch_norm_backward_parameters(dscale, dshift, dy, x, mean, inverse_std)
    np.testing.assert_array_equal(rows(y)[0], shift)
    np.testing.assert_array_equal(mean, rows(x)[0])
    np.testing.assert_array_equal(variance, 0)
    np.testing.assert_allclose(inverse_std, 1 / np.sqrt(1e-5), rtol=1e-6)
    np.testing.assert_array_equal(dx, 0)
    np.testing.assert_array_equal(dscale, 0)
    np.testing.assert_array_equal(dshift, rows(dy)[0])


def test_single_sample_updates_the_running_mean_but_not_the_running_variance() -> None:
    """One sample gives no estimate of the variance: N/(N - 1) would be 1/0."""
    running_mean, running_variance = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    batch_norm.update_running_statistics(running_mean, running_variance, np.array([5.0, 6.0]), np.zeros(2), 0.25, 1)
    np.testing.assert_array_equal(running_mean, [2.0, 3.0])
    np.testing.assert_array_equal(running_variance, [3.0, 4.0])


@every_float
def test_constant_channel_gives_finite_results(dtype: type[np.floating]) -> None:
    x, dy, dx = np.full((8, 2), 0.75, dtype), np.zeros((8, 2), dtype), np.full((8, 2), np.nan, dtype)
    dy[3] = 1
    scale, shift = np.array([2, -3], dtype), np.array([0.5, 0.25], dtype)
    y, mean, _, inverse_std = forward(x, scale, shift, 1e-4)
    batch_norm.batch_norm_backward_input(dx, dy, x, mean, inverse_std, scale)
    np.testing.assert_array_equal(y, np.tile(shift, (8, 1)))
    np.testing.assert_allclose(dx, 100 * scale * (dy - 1 / 8), rtol=1e-5)  # 1 / √ε = 100


def test_momentum_is_the_weight_of_the_new_batch() -> None:
    running_mean, running_variance = np.array([1.0]), np.array([10.0])
    batch_norm.update_running_statistics(running_mean, running_variance, np.array([2.0]), np.array([3.0]), 0.25, 4)
    np.testing.assert_array_equal(running_mean, 0.75 * 1 + 0.25 * 2)
    np.testing.assert_array_equal(running_variance, 0.75 * 10 + 0.25 * 4)  # 3 · 4/3: unbiased


def test_running_variance_is_unbiased() -> None:
    """Its mean over many batches of two equals the true variance; the mean of the biased variance is half of that."""
    pairs, variance = 100_000, 9.0
    x = 5 + 3 * np.random.default_rng(0).standard_normal((2, pairs))
    running_mean, running_variance = np.zeros(pairs), np.zeros(pairs)
    _, mean, biased, _ = forward(x, np.ones(pairs), np.zeros(pairs), EPSILON)
    batch_norm.update_running_statistics(running_mean, running_variance, mean, biased, 1.0, 2)
    # Five standard errors: the variance estimated from two normal values has the variance 2 · 9².
    assert abs(running_variance.mean() - variance) < 5 * variance * np.sqrt(2 / pairs)
    assert abs(running_mean.mean() - 5) < 5 * np.sqrt(variance / 2 / pairs)


def test_output_does_not_depend_on_the_order_of_the_samples() -> None:
    """Pictures and pixels are all samples and may be permuted together."""
    generator = np.random.default_rng(0)
    x, scale, shift = (normal(generator, s, np.float64) for s in ((2, 3, 4, 5), (5,), (5,)))
    order = generator.permutation(24)
    shuffled = rows(x)[order].reshape(4, 3, 2, 5)
    expected = rows(forward(x, scale, shift, EPSILON)[0])[order]
    assert_close(rows(forward(shuffled, scale, shift, EPSILON)[0]), expected, np.float64)


def test_variance_is_accurate_for_a_mean_far_from_zero() -> None:
    """The mean of the squares minus the square of the mean would lose all digits here, or be negative."""
    deviations = normal(np.random.default_rng(0), (1000, 3), np.float64)
    variance = forward(1e8 + deviations, np.ones(3), np.zeros(3), 1e-5)[2]
    np.testing.assert_allclose(variance, deviations.var(axis=0), rtol=1e-6)


def test_sums_are_accumulated_in_double_precision() -> None:
    """Adding 1 to 2^25, the first sample, changes nothing in float32."""
    x = np.ones((100_001, 1), np.float32)
    x[0] = 2**25
    ones, dx = np.ones(1, np.float32), np.empty_like(x)
    dscale, dshift = np.zeros(1, np.float32), np.zeros(1, np.float32)
    _, mean, variance, _ = forward(x, ones, ones, 1e-5)
    np.testing.assert_allclose(mean, (2**25 + 100_000) / 100_001, rtol=1e-6)
    np.testing.assert_allclose(variance, doubles(x)[0].var(), rtol=1e-6)
    zero = np.zeros(1, np.float32)
    batch_norm.batch_norm_backward_parameters(dscale, dshift, x, x, zero, ones)
    np.testing.assert_allclose(dshift, 2**25 + 100_000, rtol=1e-7)
    np.testing.assert_allclose(dscale, 2**50 + 100_000, rtol=1e-7)
    batch_norm.batch_norm_backward_input(dx, x, x, zero, zero, ones)  # inverse_std = 0, as for an infinite ε
    np.testing.assert_array_equal(dx, 0)
    batch_norm.batch_norm_backward_input(dx, x, zero * x, zero, ones, ones)
    np.testing.assert_allclose(dx[0], 2**25 - (2**25 + 100_000) / 100_001, rtol=1e-7)
    np.testing.assert_allclose(dx[1], 1 - (2**25 + 100_000) / 100_001, rtol=1e-6)


@every_float
def test_nan_reaches_all_samples_of_its_channel_and_no_other_channel(dtype: type[np.floating]) -> None:
    x, dy, dx = np.ones((4, 37), dtype), np.ones((4, 37), dtype), np.ones((4, 37), dtype)
    x[2, 5] = np.nan
    ones, dscale, dshift = np.ones(37, dtype), np.zeros(37, dtype), np.zeros(37, dtype)
    y, mean, variance, inverse_std = forward(x, ones, ones, EPSILON)
    batch_norm.batch_norm_backward_input(dx, dy, x, mean, inverse_std, ones)
    batch_norm.batch_norm_backward_parameters(dscale, dshift, dy, x, mean, inverse_std)
    running_mean, running_variance = np.zeros(37, dtype), np.ones(37, dtype)
    batch_norm.update_running_statistics(running_mean, running_variance, mean, variance, 0.1, 4)
    for array in (*y, *dx, dscale, running_mean, running_variance):
        np.testing.assert_array_equal(np.isnan(array), np.arange(37) == 5)

    batch_norm.batch_norm_evaluation_forward(y, inverse_std, x, ones, ones, ones, ones, EPSILON)
    np.testing.assert_array_equal(np.isnan(y), np.isnan(x))
    batch_norm.batch_norm_evaluation_backward_input(dx, x, inverse_std, ones)
    np.testing.assert_array_equal(np.isnan(dx), np.isnan(x))


@pytest.mark.parametrize("training", [True, False])
def test_matches_torch(training: bool) -> None:
    torch = pytest.importorskip("torch")
    generator = np.random.default_rng(0)
    x, dy = 2 + 3 * normal(generator, (4, 5, 6, 3), np.float64), normal(generator, (4, 5, 6, 3), np.float64)
    scale, shift, running_mean = (normal(generator, (3,), np.float64) for _ in range(3))
    running_variance = normal(generator, (3,), np.float64) ** 2
    dx, dscale, dshift = np.empty_like(x), np.zeros(3), np.zeros(3)

    theirs = [torch.tensor(array, requires_grad=True) for array in (x, scale, shift)]
    statistics = [torch.tensor(array) for array in (running_mean, running_variance)]
    channels_first = theirs[0].permute(0, 3, 1, 2)
    expected = torch.nn.functional.batch_norm(channels_first, *statistics, *theirs[1:], training, 0.1, 1e-3)
    expected = expected.permute(0, 2, 3, 1)
    expected.backward(torch.tensor(dy))

    if training:
        y, mean, variance, inverse_std = forward(x, scale, shift, 1e-3)
        batch_norm.batch_norm_backward_input(dx, dy, x, mean, inverse_std, scale)
        batch_norm.update_running_statistics(running_mean, running_variance, mean, variance, 0.1, 4 * 5 * 6)
    else:
        y, mean, inverse_std = np.empty_like(x), running_mean, np.empty(3)
        batch_norm.batch_norm_evaluation_forward(y, inverse_std, x, running_mean, running_variance, scale, shift, 1e-3)
        batch_norm.batch_norm_evaluation_backward_input(dx, dy, inverse_std, scale)
    batch_norm.batch_norm_backward_parameters(dscale, dshift, dy, x, mean, inverse_std)
    ours = (y, dx, dscale, dshift, running_mean, running_variance)
    for our, their in zip(ours, (expected.detach(), *(t.grad for t in theirs), *statistics), strict=True):
        np.testing.assert_allclose(our, their.numpy(), rtol=1e-9, atol=1e-9)
