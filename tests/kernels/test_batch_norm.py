"""Batch normalisation: twin, differences, moments, what it does not care for, and its running statistics."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ava_np.kernels import batch_norm
from ava_np.kernels.twins import batch_norm as twin
from tests.oracles import FLOATS, assert_close, batches, check_gradient, doubles, few_examples, normal, seeds, widths

FLOOR = 0.1
"""An ε that keeps curvature and rounding small for any samples, and that nobody could forget unnoticed."""

every_float = pytest.mark.parametrize("dtype", FLOATS)
neurons = st.tuples(batches, widths)
pictures = st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.sampled_from([1, 3, 8]))
shapes = st.one_of(neurons, pictures)

Shape = tuple[int, ...]


def rows(array: np.ndarray) -> np.ndarray:
    """The array as its twin has it, (samples, channels): a view."""
    return array.reshape(-1, array.shape[-1])


def forward(x: np.ndarray, scale: np.ndarray, shift: np.ndarray, ε: float) -> tuple[np.ndarray, ...]:
    """y, mean, variance and inverse, in arrays that held NaN before."""
    y = np.full_like(x, np.nan)
    mean, variance, inverse = (np.full_like(scale, np.nan) for _ in range(3))
    batch_norm.batch_norm_forward(y, mean, variance, inverse, x, scale, shift, ε)
    return y, mean, variance, inverse


@every_float
@given(shape=shapes, seed=seeds)
@few_examples
def test_training_is_its_twin(dtype: type[np.floating], shape: Shape, seed: int) -> None:
    generator = np.random.default_rng(seed)
    x, dy = 2 + 3 * normal(generator, shape, dtype), normal(generator, shape, dtype)
    scale, shift, dscale, dshift = (normal(generator, shape[-1:], dtype) for _ in range(4))
    dx = np.full_like(x, np.nan)
    expected_y, expected_dx = (np.full(rows(x).shape, np.nan) for _ in range(2))
    expected_mean, expected_variance = (np.full(shape[-1:], np.nan) for _ in range(2))
    expected_dscale, expected_dshift = doubles(dscale, dshift)

    y, mean, variance, inverse = forward(x, scale, shift, FLOOR)
    batch_norm.batch_norm_backward_input(dx, dy, x, mean, inverse, scale)
    batch_norm.batch_norm_backward_parameters(dscale, dshift, dy, x, mean, inverse)

    x, dy, scale, shift = doubles(rows(x), rows(dy), scale, shift)
    twin.batch_norm_forward(expected_y, expected_mean, expected_variance, x, scale, shift, FLOOR)
    twin.batch_norm_backward_input(expected_dx, dy, x, expected_mean, expected_variance, scale, FLOOR)
    twin.batch_norm_backward_parameters(
        expected_dscale, expected_dshift, dy, x, expected_mean, expected_variance, FLOOR
    )
    # y, dx and the statistics held NaN before and were written; dscale and dshift held numbers: both sides added.
    assert_close(rows(y), expected_y, dtype)
    assert_close(mean, expected_mean, dtype)
    assert_close(variance, expected_variance, dtype)
    assert_close(inverse, 1 / np.sqrt(expected_variance + FLOOR), dtype)
    assert_close(rows(dx), expected_dx, dtype)
    assert_close(dscale, expected_dscale, dtype)
    assert_close(dshift, expected_dshift, dtype)


@every_float
@given(shape=shapes, seed=seeds)
@few_examples
def test_evaluation_is_its_twin(dtype: type[np.floating], shape: Shape, seed: int) -> None:
    generator = np.random.default_rng(seed)
    x, dy = 2 + 3 * normal(generator, shape, dtype), normal(generator, shape, dtype)
    running_mean, scale, shift, dscale, dshift = (normal(generator, shape[-1:], dtype) for _ in range(5))
    running_variance = normal(generator, shape[-1:], dtype) ** 2
    y, dx, inverse = np.full_like(x, np.nan), np.full_like(x, np.nan), np.full_like(scale, np.nan)
    expected_y, expected_dx = (np.full(rows(x).shape, np.nan) for _ in range(2))
    expected_dscale, expected_dshift = doubles(dscale, dshift)

    batch_norm.batch_norm_evaluation_forward(y, inverse, x, running_mean, running_variance, scale, shift, FLOOR)
    batch_norm.batch_norm_evaluation_backward_input(dx, dy, inverse, scale)
    batch_norm.batch_norm_backward_parameters(dscale, dshift, dy, x, running_mean, inverse)

    x, dy, scale, shift = doubles(rows(x), rows(dy), scale, shift)
    mean, variance = doubles(running_mean, running_variance)
    twin.batch_norm_evaluation_forward(expected_y, x, mean, variance, scale, shift, FLOOR)
    twin.batch_norm_evaluation_backward_input(expected_dx, dy, variance, scale, FLOOR)
    twin.batch_norm_backward_parameters(expected_dscale, expected_dshift, dy, x, mean, variance, FLOOR)
    assert_close(rows(y), expected_y, dtype)
    assert_close(rows(dx), expected_dx, dtype)
    assert_close(dscale, expected_dscale, dtype)
    assert_close(dshift, expected_dshift, dtype)


@every_float
@given(channels=widths, count=st.integers(1, 5), momentum=st.sampled_from([0.0, 0.1, 1.0]), seed=seeds)
@few_examples
def test_running_statistics_are_their_twin(
    dtype: type[np.floating], channels: int, count: int, momentum: float, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    running_mean, mean = (normal(generator, (channels,), dtype) for _ in range(2))
    running_variance, variance = (normal(generator, (channels,), dtype) ** 2 for _ in range(2))
    expected_mean, expected_variance = doubles(running_mean, running_variance)
    batch_norm.update_running(running_mean, running_variance, mean, variance, momentum, count)
    mean, variance = doubles(mean, variance)
    twin.update_running(expected_mean, expected_variance, mean, variance, momentum, count)
    assert_close(running_mean, expected_mean, dtype)
    assert_close(running_variance, expected_variance, dtype)


@given(shape=shapes, seed=seeds)
@few_examples
def test_backward_is_the_gradient(shape: Shape, seed: int) -> None:
    """In training all of it: a nudge of one sample moves the mean and the variance of its channel too."""
    generator = np.random.default_rng(seed)
    x, weight = normal(generator, shape, np.float64), normal(generator, shape, np.float64)
    scale, shift = (normal(generator, shape[-1:], np.float64) for _ in range(2))
    dx, dscale, dshift = np.empty_like(x), np.zeros_like(scale), np.zeros_like(shift)

    def objective() -> float:
        return float(np.sum(weight * forward(x, scale, shift, FLOOR)[0]))

    _, mean, _, inverse = forward(x, scale, shift, FLOOR)
    batch_norm.batch_norm_backward_input(dx, weight, x, mean, inverse, scale)
    batch_norm.batch_norm_backward_parameters(dscale, dshift, weight, x, mean, inverse)
    check_gradient(objective, x, dx)
    check_gradient(objective, scale, dscale)
    check_gradient(objective, shift, dshift)


@given(shape=shapes, seed=seeds)
@few_examples
def test_backward_of_evaluation_is_the_gradient(shape: Shape, seed: int) -> None:
    generator = np.random.default_rng(seed)
    x, weight = normal(generator, shape, np.float64), normal(generator, shape, np.float64)
    mean, scale, shift = (normal(generator, shape[-1:], np.float64) for _ in range(3))
    variance = normal(generator, shape[-1:], np.float64) ** 2
    y, dx, inverse = np.empty_like(x), np.empty_like(x), np.empty_like(scale)
    dscale, dshift = np.zeros_like(scale), np.zeros_like(shift)

    def objective() -> float:
        batch_norm.batch_norm_evaluation_forward(y, inverse, x, mean, variance, scale, shift, FLOOR)
        return float(np.sum(weight * y))

    objective()
    batch_norm.batch_norm_evaluation_backward_input(dx, weight, inverse, scale)
    batch_norm.batch_norm_backward_parameters(dscale, dshift, weight, x, mean, inverse)
    check_gradient(objective, x, dx)
    check_gradient(objective, scale, dscale)
    check_gradient(objective, shift, dshift)


def test_parameter_gradients_are_added_and_input_gradients_written() -> None:
    generator = np.random.default_rng(0)
    x, dy = (normal(generator, (5, 3), np.float64) for _ in range(2))
    scale = np.ones(3)
    _, mean, _, inverse = forward(x, scale, np.zeros(3), FLOOR)
    once, added = (np.zeros(3), np.zeros(3)), (np.full(3, 5.0), np.full(3, 5.0))
    for dscale, dshift in (once, added):
        batch_norm.batch_norm_backward_parameters(dscale, dshift, dy, x, mean, inverse)
    assert_close(added[0], once[0] + 5, np.float64)
    assert_close(added[1], once[1] + 5, np.float64)

    clean, dirty = np.zeros((5, 3)), np.full((5, 3), np.nan)
    for dx in (clean, dirty):
        batch_norm.batch_norm_backward_input(dx, dy, x, mean, inverse, scale)
    np.testing.assert_array_equal(dirty, clean)
    clean, dirty = np.zeros((5, 3)), np.full((5, 3), np.nan)
    for dx in (clean, dirty):
        batch_norm.batch_norm_evaluation_backward_input(dx, dy, inverse, scale)
    np.testing.assert_array_equal(dirty, clean)


@pytest.mark.parametrize("ε", [1e-5, FLOOR])
def test_the_output_has_the_mean_shift_and_the_deviation_scale(ε: float) -> None:
    """Over pictures *and* pixels; ε shrinks the deviation by √(variance / (variance + ε))."""
    generator = np.random.default_rng(0)
    x = np.array([-5.0, 0.0, 100.0]) + np.array([0.1, 1.0, 30.0]) * generator.gamma(2.0, size=(8, 5, 7, 3))
    scale, shift = np.array([2.0, -0.5, 1.0]), np.array([-1.0, 0.0, 3.0])
    y, mean, variance, inverse = forward(x, scale, shift, ε)
    assert_close(mean, rows(x).mean(axis=0), np.float64)
    assert_close(variance, rows(x).var(axis=0), np.float64)
    assert_close(inverse, 1 / np.sqrt(rows(x).var(axis=0) + ε), np.float64)
    assert_close(rows(y).mean(axis=0), shift, np.float64)
    assert_close(rows(y).std(axis=0), np.abs(scale) * np.sqrt(variance / (variance + ε)), np.float64)


def test_the_output_does_not_care_for_the_scale_and_the_origin_of_a_channel() -> None:
    """Without ε, exactly; so a bias before a batch normalisation is lost."""
    generator = np.random.default_rng(0)
    x, scale, shift = (normal(generator, s, np.float64) for s in ((6, 4, 4, 3), (3,), (3,)))
    moved = np.array([0.01, 1.0, 100.0]) * x + np.array([3.0, -7.0, 0.0])
    np.testing.assert_allclose(
        forward(moved, scale, shift, 0.0)[0], forward(x, scale, shift, 0.0)[0], rtol=1e-11, atol=1e-11
    )


def test_no_error_is_left_along_what_the_output_does_not_care_for() -> None:
    """The gradient is perpendicular to shifting and to scaling a channel, whatever the error at the output."""
    generator = np.random.default_rng(0)
    x, dy = (normal(generator, (6, 4, 4, 3), np.float64) for _ in range(2))
    scale, dx = np.array([2.0, -0.5, 1.0]), np.empty_like(x)
    _, mean, _, inverse = forward(x, scale, np.zeros(3), 0.0)
    batch_norm.batch_norm_backward_input(dx, dy, x, mean, inverse, scale)
    assert np.abs(dx).max() > 0.1
    assert_close(rows(dx).sum(axis=0), np.zeros(3), np.float64)
    assert_close((rows(dx) * rows(x)).sum(axis=0), np.zeros(3), np.float64)


def test_evaluation_with_the_statistics_of_the_batch_is_training() -> None:
    generator = np.random.default_rng(0)
    x, scale, shift = (normal(generator, s, np.float64) for s in ((6, 4, 4, 3), (3,), (3,)))
    expected, mean, variance, inverse = forward(x, scale, shift, FLOOR)
    y, again = np.empty_like(x), np.empty_like(inverse)
    batch_norm.batch_norm_evaluation_forward(y, again, x, mean, variance, scale, shift, FLOOR)
    assert_close(y, expected, np.float64)
    assert_close(again, inverse, np.float64)


def test_in_evaluation_a_sample_does_not_hang_on_its_company() -> None:
    generator = np.random.default_rng(0)
    x, scale, shift = (normal(generator, s, np.float64) for s in ((6, 3), (3,), (3,)))
    all_y, one_y, inverse = np.empty((6, 3)), np.empty((1, 3)), np.empty(3)
    running = np.array([1.0, -1.0, 0.0]), np.array([0.5, 1.0, 2.0])
    batch_norm.batch_norm_evaluation_forward(all_y, inverse, x, *running, scale, shift, FLOOR)
    batch_norm.batch_norm_evaluation_forward(one_y, inverse, x[4:5], *running, scale, shift, FLOOR)
    np.testing.assert_array_equal(one_y[0], all_y[4])
    assert np.abs(forward(x, scale, shift, FLOOR)[0][4] - forward(x[4:5], scale, shift, FLOOR)[0][0]).max() > 0.1


@every_float
@pytest.mark.parametrize("shape", [(1, 37), (1, 1, 1, 37)])
def test_a_single_sample_says_the_shift_and_learns_nothing_below(dtype: type[np.floating], shape: Shape) -> None:
    """Its variance is 0, its output does not depend on it, and all is finite."""
    generator = np.random.default_rng(0)
    x, dy = 100 * normal(generator, shape, dtype), normal(generator, shape, dtype)
    scale, shift = (normal(generator, (37,), dtype) for _ in range(2))
    dx, dscale, dshift = np.full_like(x, np.nan), np.zeros_like(scale), np.zeros_like(shift)
    with np.errstate(all="raise"):
        y, mean, variance, inverse = forward(x, scale, shift, 1e-5)
        batch_norm.batch_norm_backward_input(dx, dy, x, mean, inverse, scale)
        batch_norm.batch_norm_backward_parameters(dscale, dshift, dy, x, mean, inverse)
    np.testing.assert_array_equal(rows(y)[0], shift)
    np.testing.assert_array_equal(mean, rows(x)[0])
    np.testing.assert_array_equal(variance, 0)
    np.testing.assert_allclose(inverse, 1 / np.sqrt(1e-5), rtol=1e-6)
    np.testing.assert_array_equal(dx, 0)
    np.testing.assert_array_equal(dscale, 0)
    np.testing.assert_array_equal(dshift, rows(dy)[0])


def test_a_single_sample_moves_the_running_mean_alone() -> None:
    """Its variance of 0 is no estimate of anything; N/(N - 1) would be 1/0."""
    running_mean, running_variance = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    batch_norm.update_running(running_mean, running_variance, np.array([5.0, 6.0]), np.zeros(2), 0.25, 1)
    np.testing.assert_array_equal(running_mean, [2.0, 3.0])
    np.testing.assert_array_equal(running_variance, [3.0, 4.0])


@every_float
def test_a_channel_that_is_constant_stays_finite(dtype: type[np.floating]) -> None:
    x, dy, dx = np.full((8, 2), 0.75, dtype), np.zeros((8, 2), dtype), np.full((8, 2), np.nan, dtype)
    dy[3] = 1
    scale, shift = np.array([2, -3], dtype), np.array([0.5, 0.25], dtype)
    y, mean, _, inverse = forward(x, scale, shift, 1e-4)
    batch_norm.batch_norm_backward_input(dx, dy, x, mean, inverse, scale)
    np.testing.assert_array_equal(y, np.tile(shift, (8, 1)))
    np.testing.assert_allclose(dx, 100 * scale * (dy - 1 / 8), rtol=1e-5)  # 1 / √ε = 100


def test_momentum_is_the_weight_of_what_is_new() -> None:
    running_mean, running_variance = np.array([1.0]), np.array([10.0])
    batch_norm.update_running(running_mean, running_variance, np.array([2.0]), np.array([3.0]), 0.25, 4)
    np.testing.assert_array_equal(running_mean, 0.75 * 1 + 0.25 * 2)
    np.testing.assert_array_equal(running_variance, 0.75 * 10 + 0.25 * 4)  # 3 · 4/3: unbiased


def test_the_running_variance_is_unbiased() -> None:
    """Over many pairs of samples its mean is the variance that they were drawn with; the biased one's is half of it."""
    pairs, variance = 100_000, 9.0
    x = 5 + 3 * np.random.default_rng(0).standard_normal((2, pairs))
    running_mean, running_variance = np.zeros(pairs), np.zeros(pairs)
    _, mean, biased, _ = forward(x, np.ones(pairs), np.zeros(pairs), FLOOR)
    batch_norm.update_running(running_mean, running_variance, mean, biased, 1.0, 2)
    # Five standard errors: the estimate from two normal numbers has the variance 2 · 9².
    assert abs(running_variance.mean() - variance) < 5 * variance * np.sqrt(2 / pairs)
    assert abs(running_mean.mean() - 5) < 5 * np.sqrt(variance / 2 / pairs)


def test_the_order_of_the_samples_does_not_matter() -> None:
    """Pictures and pixels are exchanged freely; channels are not."""
    generator = np.random.default_rng(0)
    x, scale, shift = (normal(generator, s, np.float64) for s in ((2, 3, 4, 5), (5,), (5,)))
    order = generator.permutation(24)
    shuffled = rows(x)[order].reshape(4, 3, 2, 5)
    expected = rows(forward(x, scale, shift, FLOOR)[0])[order]
    assert_close(rows(forward(shuffled, scale, shift, FLOOR)[0]), expected, np.float64)


def test_a_far_origin_does_not_drown_the_variance() -> None:
    """The mean of the squares less the square of the mean would leave no digit here, or a negative variance."""
    deviations = normal(np.random.default_rng(0), (1000, 3), np.float64)
    variance = forward(1e8 + deviations, np.ones(3), np.zeros(3), 1e-5)[2]
    np.testing.assert_allclose(variance, deviations.var(axis=0), rtol=1e-6)


def test_sums_are_kept_in_double_precision() -> None:
    """Beside 2^25, the first sample, sums in float32 would not notice a single 1."""
    x = np.ones((100_001, 1), np.float32)
    x[0] = 2**25
    ones, dx = np.ones(1, np.float32), np.empty_like(x)
    dscale, dshift = np.zeros(1, np.float32), np.zeros(1, np.float32)
    _, mean, variance, _ = forward(x, ones, ones, 1e-5)
    np.testing.assert_allclose(mean, (2**25 + 100_000) / 100_001, rtol=1e-6)
    np.testing.assert_allclose(variance, doubles(x)[0].var(), rtol=1e-6)
    nothing = np.zeros(1, np.float32)
    batch_norm.batch_norm_backward_parameters(dscale, dshift, x, x, nothing, ones)
    np.testing.assert_allclose(dshift, 2**25 + 100_000, rtol=1e-7)
    np.testing.assert_allclose(dscale, 2**50 + 100_000, rtol=1e-7)
    batch_norm.batch_norm_backward_input(dx, x, x, nothing, nothing, ones)  # as if ε were infinite
    np.testing.assert_array_equal(dx, 0)
    batch_norm.batch_norm_backward_input(dx, x, nothing * x, nothing, ones, ones)
    np.testing.assert_allclose(dx[0], 2**25 - (2**25 + 100_000) / 100_001, rtol=1e-7)
    np.testing.assert_allclose(dx[1], 1 - (2**25 + 100_000) / 100_001, rtol=1e-6)


@every_float
def test_a_nan_reaches_every_sample_of_its_channel_and_no_other(dtype: type[np.floating]) -> None:
    x, dy, dx = np.ones((4, 37), dtype), np.ones((4, 37), dtype), np.ones((4, 37), dtype)
    x[2, 5] = np.nan
    ones, dscale, dshift = np.ones(37, dtype), np.zeros(37, dtype), np.zeros(37, dtype)
    y, mean, variance, inverse = forward(x, ones, ones, FLOOR)
    batch_norm.batch_norm_backward_input(dx, dy, x, mean, inverse, ones)
    batch_norm.batch_norm_backward_parameters(dscale, dshift, dy, x, mean, inverse)
    running_mean, running_variance = np.zeros(37, dtype), np.ones(37, dtype)
    batch_norm.update_running(running_mean, running_variance, mean, variance, 0.1, 4)
    for array in (*y, *dx, dscale, running_mean, running_variance):
        np.testing.assert_array_equal(np.isnan(array), np.arange(37) == 5)

    batch_norm.batch_norm_evaluation_forward(y, inverse, x, ones, ones, ones, ones, FLOOR)
    np.testing.assert_array_equal(np.isnan(y), np.isnan(x))
    batch_norm.batch_norm_evaluation_backward_input(dx, x, inverse, ones)
    np.testing.assert_array_equal(np.isnan(dx), np.isnan(x))


@pytest.mark.parametrize("training", [True, False])
def test_it_is_what_torch_computes(training: bool) -> None:
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
        y, mean, variance, inverse = forward(x, scale, shift, 1e-3)
        batch_norm.batch_norm_backward_input(dx, dy, x, mean, inverse, scale)
        batch_norm.update_running(running_mean, running_variance, mean, variance, 0.1, 4 * 5 * 6)
    else:
        y, mean, inverse = np.empty_like(x), running_mean, np.empty(3)
        batch_norm.batch_norm_evaluation_forward(y, inverse, x, running_mean, running_variance, scale, shift, 1e-3)
        batch_norm.batch_norm_evaluation_backward_input(dx, dy, inverse, scale)
    batch_norm.batch_norm_backward_parameters(dscale, dshift, dy, x, mean, inverse)
    ours = (y, dx, dscale, dshift, running_mean, running_variance)
    for our, their in zip(ours, (expected.detach(), *(t.grad for t in theirs), *statistics), strict=True):
        np.testing.assert_allclose(our, their.numpy(), rtol=1e-9, atol=1e-9)
