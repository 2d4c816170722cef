"""Augmentation: twin, central differences, transpose, what each change means, its range, torch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ava_np.kernels import augmentation
from ava_np.kernels.twins import augmentation as twin
from tests.oracles import FLOATS, assert_close, check_gradient, doubles, few_examples, normal, seeds
from tests.torch_augmentation import CHANGES

NUMBERS = {"colour": 3, "translation": 2, "cutout": 2}

every_float = pytest.mark.parametrize("dtype", FLOATS)
every_change = pytest.mark.parametrize("change", NUMBERS)
shapes = st.tuples(st.integers(1, 3), st.integers(1, 13), st.integers(1, 13), st.sampled_from([1, 3]))

Shape = tuple[int, int, int, int]


def forward(change: str, x: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Return what the kernel writes, whatever was there before."""
    y = np.full_like(x, np.nan)
    getattr(augmentation, f"{change}_forward")(y, x, noise)
    return y


def backward(change: str, dy: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Return the error that the kernel writes, whatever was there before."""
    dx = np.full_like(dy, np.nan)
    getattr(augmentation, f"{change}_backward")(dx, dy, noise)
    return dx


def draw(change: str, shape: Shape, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return pictures, other values of their shape, and noise."""
    generator = np.random.default_rng(seed)
    x, weight = normal(generator, shape, np.float64), normal(generator, shape, np.float64)
    return x, weight, generator.random((shape[0], NUMBERS[change]))


@every_change
@every_float
@given(shape=shapes, seed=seeds)
@few_examples
def test_forward_and_backward_match_the_twin(change: str, dtype: type[np.floating], shape: Shape, seed: int) -> None:
    x, dy, noise = draw(change, shape, seed)
    x, dy = x.astype(dtype), dy.astype(dtype)
    expected_y, expected_dx = doubles(x, x)
    getattr(twin, f"{change}_forward")(expected_y, *doubles(x), noise)
    getattr(twin, f"{change}_backward")(expected_dx, *doubles(dy), noise)
    assert_close(forward(change, x, noise), expected_y, dtype)
    assert_close(backward(change, dy, noise), expected_dx, dtype)


@every_change
@given(shape=shapes, seed=seeds)
@few_examples
def test_backward_matches_central_differences(change: str, shape: Shape, seed: int) -> None:
    x, weight, noise = draw(change, shape, seed)
    check_gradient(lambda: float(np.sum(weight * forward(change, x, noise))), x, backward(change, weight, noise))


@every_change
@given(shape=shapes, seed=seeds)
@few_examples
def test_backward_is_the_transpose_of_forward(change: str, shape: Shape, seed: int) -> None:
    """⟨y, A x⟩ = ⟨Aᵀ y, x⟩; the change of 0 is the constant part, which is not of A."""
    x, y, noise = draw(change, shape, seed)
    linear = forward(change, x, noise) - forward(change, np.zeros_like(x), noise)
    assert_close(np.vdot(y, linear), np.vdot(backward(change, y, noise), x), np.float64)


@every_change
def test_pictures_are_changed_independently(change: str) -> None:
    x, _, noise = draw(change, (3, 16, 16, 3), 0)
    together = forward(change, x, noise)
    alone = [forward(change, x[n : n + 1], noise[n : n + 1])[0] for n in range(3)]
    np.testing.assert_array_equal(together, alone)
    assert all(np.any(y != picture) for y, picture in zip(together, x, strict=True))


def colour(x: np.ndarray, *, brightness: float = 0.5, saturation: float = 0.5, contrast: float = 0.5) -> np.ndarray:
    """Return x with the noise given; 0.5 changes nothing."""
    return forward("colour", x, np.tile([brightness, saturation, contrast], (len(x), 1)))


def test_noise_of_one_half_changes_no_colour() -> None:
    x = np.random.default_rng(0).random((2, 4, 5, 3))
    assert_close(colour(x), x, np.float64)


@pytest.mark.parametrize(("noise", "difference"), [(0.0, -0.25), (0.75, 0.125)])
def test_brightness_adds_at_most_a_quarter(noise: float, difference: float) -> None:
    x = np.random.default_rng(0).random((2, 4, 5, 3))
    assert_close(colour(x, brightness=noise), x + difference, np.float64)


def test_without_saturation_a_picture_is_grey_and_as_bright() -> None:
    x = np.random.default_rng(0).random((2, 4, 5, 3))
    grey = np.broadcast_to(x.mean(3, keepdims=True), x.shape)
    assert_close(colour(x, saturation=0), grey, np.float64)
    assert_close(colour(x, saturation=0.75) - grey, 1.5 * (x - grey), np.float64)


def test_saturation_does_not_change_grey_pictures() -> None:
    x = np.random.default_rng(0).random((2, 4, 5, 1))
    assert_close(colour(x, saturation=0), x, np.float64)


def test_contrast_scales_the_standard_deviation_and_keeps_the_mean() -> None:
    x = np.random.default_rng(0).random((2, 4, 5, 3))
    for noise, factor in ((0.0, 0.5), (0.75, 1.25)):
        y = colour(x, contrast=noise)
        assert_close(y.mean((1, 2, 3)), x.mean((1, 2, 3)), np.float64)
        assert_close(y.std((1, 2, 3)), factor * x.std((1, 2, 3)), np.float64)


def test_translation_moves_down_and_right_and_fills_with_zeros() -> None:
    x = np.arange(1.0, 257.0).reshape(1, 16, 16, 1)
    y = forward("translation", x, np.array([[0.99, 0.0]]))  # 2 pixels down, 2 to the left
    np.testing.assert_array_equal(y[0, 2:, :14], x[0, :14, 2:])
    assert not y[0, :2].any()
    assert not y[0, :, 14:].any()


@pytest.mark.parametrize(("side", "most"), [(3, 0), (4, 1), (11, 1), (12, 2), (28, 4), (32, 4)])
def test_every_translation_up_to_an_eighth_is_equally_likely(side: int, most: int) -> None:
    """The place of a single bright column tells the translation."""
    x = np.zeros((1, 1, side, 1))
    x[0, 0, side // 2] = 1
    count = 2 * most + 1
    noise = (np.arange(10 * count) + 0.5) / (10 * count)
    found = [int(forward("translation", x, np.array([[0.5, u]]))[0, 0, :, 0].argmax()) - side // 2 for u in noise]
    assert found == [move for move in range(-most, most + 1) for _ in range(10)]


@pytest.mark.parametrize("side", [1, 2, 7, 8, 9, 28])
def test_cutout_of_half_the_side_covers_the_middle_most_often(side: int) -> None:
    """Its centre is anywhere: at the border a part of it is outside, so the middle is covered more often."""
    length = (side + 1) // 2
    centres = side + 1 - length % 2
    noise = np.column_stack([np.full(centres, 0.5), (np.arange(centres) + 0.5) / centres])
    y = forward("cutout", np.ones((centres, 1, side, 1)), noise)[:, 0, :, 0]
    covered = (y == 0).sum(0)
    assert (y == 0).sum(1).max() == length
    assert covered[side // 2] == length
    np.testing.assert_array_equal(covered, covered[::-1])
    assert covered.min() > 0


@pytest.mark.parametrize("change", ["translation", "cutout"])
def test_noise_just_below_1_stays_in_the_range(change: str) -> None:
    x = np.ones((1, 28, 28, 1))
    largest = np.array([[np.nextafter(1, 0)] * 2])
    np.testing.assert_array_equal(forward(change, x, largest), forward(change, x, np.array([[0.99, 0.99]])))


@pytest.mark.parametrize("change", ["translation", "cutout"])
def test_nan_stays_in_its_pixel(change: str) -> None:
    x = np.zeros((1, 8, 8, 1))
    x[0, 0, 0] = np.nan
    assert np.isnan(forward(change, x, np.array([[0.5, 0.5]]))).sum() == 1


def test_nan_spreads_over_its_own_picture_when_colours_change() -> None:
    """The contrast is relative to the mean of the picture."""
    x = np.zeros((2, 8, 8, 1))
    x[0, 0, 0] = np.nan
    y = forward("colour", x, np.full((2, 3), 0.3))
    assert np.isnan(y[0]).all()
    assert not np.isnan(y[1]).any()


@every_change
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(9, 8), (16, 15)])
def test_matches_torch(size: tuple[int, int], channels: int, change: str) -> None:
    torch = pytest.importorskip("torch")
    x, weight, noise = draw(change, (4, *size, channels), 0)
    tensor = torch.tensor(x, requires_grad=True)
    y = CHANGES[change][1](tensor, torch.tensor(noise))
    assert_close(forward(change, x, noise), y.detach().numpy(), np.float64)
    (expected,) = torch.autograd.grad((y * torch.tensor(weight)).sum(), tensor)
    assert_close(backward(change, weight, noise), expected.numpy(), np.float64)
