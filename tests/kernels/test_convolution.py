"""Convolution both ways: the twins, the differences, that each is the other's transpose, and another's results."""

import tracemalloc
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ava_np.kernels import convolution
from ava_np.kernels.gemm import SCRATCH
from ava_np.kernels.twins import convolution as twin
from tests.oracles import FLOATS, assert_close, check_gradient, doubles, few_examples, normal, seeds

every_float = pytest.mark.parametrize("dtype", FLOATS)
every_direction = pytest.mark.parametrize("direction", ["convolution", "transposed_convolution"])


class Case(NamedTuple):
    """A field and the windows over it: from the one to the other for a convolution, back for a transposed one."""

    batch: int
    size: tuple[int, int]
    kernel: tuple[int, int]
    stride: int
    padding: int
    field_channels: int
    window_channels: int

    @property
    def windows(self) -> tuple[int, int]:
        """Windows down and across."""
        sizes = zip(self.size, self.kernel, strict=True)
        down, across = (convolution.output_size(size, kernel, self.stride, self.padding) for size, kernel in sizes)
        return down, across

    @property
    def weights(self) -> tuple[int, ...]:
        """Shape of W."""
        return *self.kernel, self.field_channels, self.window_channels

    @property
    def step(self) -> tuple[int, int]:
        """Stride and padding, as every pass takes them."""
        return self.stride, self.padding

    def sides(self, direction: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Shapes of input and output."""
        field = (self.batch, *self.size, self.field_channels)
        windows = (self.batch, *self.windows, self.window_channels)
        return (field, windows) if direction == "convolution" else (windows, field)

    def scratch(self, dtype: type[np.floating], pixels: int | None = None) -> np.ndarray:
        """A scratch of NaN, for tiles of ``pixels`` or full ones."""
        row = int(np.prod(self.weights[:3]))
        size = convolution.scratch_size(self.weights) if pixels is None else SCRATCH + pixels * row
        return np.full(size, np.nan, dtype)


cases = st.builds(
    Case,
    batch=st.integers(1, 3),
    size=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    kernel=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
    field_channels=st.integers(1, 4),
    window_channels=st.integers(1, 4),
).filter(lambda case: min(case.windows) >= 1)
"""Fields with neurons that no window covers are among them: those are the ones with output padding."""

many_examples = settings(few_examples, max_examples=80)
"""There is much to combine."""

tiles = st.one_of(st.none(), st.integers(1, 12))

STRIDED = Case(2, (8, 6), (3, 4), 2, 1, 3, 2)
"""Even and odd, not square, with an output padding of 1 down and 0 across: for tests of one case."""


def passes(module: ModuleType, direction: str) -> tuple[Callable[..., None], ...]:
    """Forward, backward to the input and backward to the parameters."""
    names = ("forward", "backward_input", "backward_parameters")
    return tuple(getattr(module, f"{direction}_{name}") for name in names)


def draw(
    case: Case, direction: str, seed: int, dtype: type[np.floating] = np.float64
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Normal x, dy, W and b."""
    generator, (inputs, outputs) = np.random.default_rng(seed), case.sides(direction)
    x, dy, W, b = (normal(generator, shape, dtype) for shape in (inputs, outputs, case.weights, outputs[-1:]))
    return x, dy, W, b


@every_direction
@every_float
@given(case=cases, pixels=tiles, seed=seeds)
@many_examples
def test_every_pass_is_its_twin(
    direction: str, dtype: type[np.floating], case: Case, pixels: int | None, seed: int
) -> None:
    x, dy, W, b = draw(case, direction, seed, dtype)
    y, dx, dW, db = np.full_like(dy, np.nan), np.full_like(x, np.nan), W.copy(), b.copy()
    expected_y, expected_dx, expected_dW, expected_db = doubles(y, dx, dW, db)

    forward, backward_input, backward_parameters = passes(convolution, direction)
    forward(y, x, W, b, *case.step, case.scratch(dtype, pixels))
    backward_input(dx, dy, W, *case.step, case.scratch(dtype, pixels))
    backward_parameters(dW, db, dy, x, *case.step, case.scratch(dtype, pixels))

    x, dy, W, b = doubles(x, dy, W, b)
    forward, backward_input, backward_parameters = passes(twin, direction)
    forward(expected_y, x, W, b, *case.step)
    backward_input(expected_dx, dy, W, *case.step)
    backward_parameters(expected_dW, expected_db, dy, x, *case.step)
    # y and dx held NaN before and were written; dW and db held numbers, to which both sides added.
    assert_close(y, expected_y, dtype)
    assert_close(dx, expected_dx, dtype)
    assert_close(dW, expected_dW, dtype)
    assert_close(db, expected_db, dtype)


@every_direction
@given(case=cases, seed=seeds)
@few_examples
def test_backward_is_the_gradient(direction: str, case: Case, seed: int) -> None:
    x, weight, W, b = draw(case, direction, seed)
    y, dx, dW, db = np.empty_like(weight), np.empty_like(x), np.zeros_like(W), np.zeros_like(b)
    scratch = case.scratch(np.float64)
    forward, backward_input, backward_parameters = passes(convolution, direction)

    def objective() -> float:
        forward(y, x, W, b, *case.step, scratch)
        return float(np.sum(weight * y))

    backward_input(dx, weight, W, *case.step, scratch)
    backward_parameters(dW, db, weight, x, *case.step, scratch)
    check_gradient(objective, x, dx)
    check_gradient(objective, W, dW)
    check_gradient(objective, b, db)


@given(case=cases, seed=seeds)
@few_examples
def test_the_two_are_each_others_transposes(case: Case, seed: int) -> None:
    """⟨y, A x⟩ = ⟨Aᵀ y, x⟩ with the same W."""
    x, y, W, b = draw(case, "convolution", seed)
    there, back, scratch = np.empty_like(y), np.empty_like(x), case.scratch(np.float64)
    convolution.convolution_forward(there, x, W, np.zeros_like(b), *case.step, scratch)
    convolution.transposed_convolution_forward(back, y, W, np.zeros(x.shape[3]), *case.step, scratch)
    assert_close(np.vdot(y, there), np.vdot(back, x), np.float64)


@every_direction
def test_parameter_gradients_are_added_and_input_gradients_written(direction: str) -> None:
    x, dy, W, b = draw(STRIDED, direction, 0)
    once, twice = (np.zeros_like(W), np.zeros_like(b)), (np.zeros_like(W), np.zeros_like(b))
    first, second, scratch = np.empty_like(x), np.full_like(x, np.nan), STRIDED.scratch(np.float64)
    _, backward_input, backward_parameters = passes(convolution, direction)
    backward_parameters(*once, dy, x, *STRIDED.step, scratch)
    for _ in range(2):
        backward_parameters(*twice, dy, x, *STRIDED.step, scratch)
    np.testing.assert_array_equal(twice[0], 2 * once[0])
    np.testing.assert_array_equal(twice[1], 2 * once[1])

    backward_input(first, dy, W, *STRIDED.step, scratch)
    for _ in range(2):
        backward_input(second, dy, W, *STRIDED.step, scratch)
    np.testing.assert_array_equal(second, first)


@every_direction
@pytest.mark.parametrize("pixels", [1, 5, 13, 59])
def test_tiles_that_break_rows_and_span_pictures_change_nothing(direction: str, pixels: int) -> None:
    case = STRIDED._replace(batch=5)
    assert case.windows == (4, 3)  # 60 pixels in all
    x, dy, W, b = draw(case, direction, 0)
    results = []
    for scratch in (case.scratch(np.float64, pixels), case.scratch(np.float64)):
        y, dx, dW, db = np.empty_like(dy), np.empty_like(x), np.zeros_like(W), np.zeros_like(b)
        forward, backward_input, backward_parameters = passes(convolution, direction)
        forward(y, x, W, b, *case.step, scratch)
        backward_input(dx, dy, W, *case.step, scratch)
        backward_parameters(dW, db, dy, x, *case.step, scratch)
        results.append((y, dx, dW, db))
    for short, full in zip(*results, strict=True):
        assert_close(short, full, np.float64)


def test_more_pixels_than_a_full_tile_are_all_there() -> None:
    """The full tile, too, ends before the pictures do: here 127 pixels into the second of three."""
    case = Case(3, (64, 64), (4, 4), 1, 1, 1, 2)
    assert 2**16 // 16 < 3 * 63 * 63
    x, dy, W, b = draw(case, "convolution", 0)
    y, apart, scratch = np.empty_like(dy), np.empty_like(dy), case.scratch(np.float64)
    convolution.convolution_forward(y, x, W, b, *case.step, scratch)
    for n in range(3):
        convolution.convolution_forward(apart[n : n + 1], x[n : n + 1], W, b, *case.step, scratch)
    assert_close(y, apart, np.float64)


def test_a_scratch_of_full_size_is_used_up_and_no_more_of_a_longer_one() -> None:
    """64 pixels of a window of 1600 are more than 2^16 values, and still one tile."""
    case = Case(1, (9, 8), (5, 5), 1, 2, 64, 2)  # 72 pixels
    x, dy, W, b = draw(case, "convolution", 0)
    scratch = case.scratch(np.float64)
    assert scratch.size == SCRATCH + 64 * 1600
    longer = np.append(scratch, np.full(20_000, np.nan))
    for room, unused in ((scratch, 0), (longer, 20_000)):
        convolution.convolution_backward_parameters(W, b, dy, x, *case.step, room)
        assert np.count_nonzero(np.isnan(room[SCRATCH:])) == unused


def test_a_scratch_too_short_for_one_pixel_is_refused() -> None:
    x, dy, W, b = draw(STRIDED, "convolution", 0)
    short = STRIDED.scratch(np.float64, 1)[1:]
    with pytest.raises(ValueError, match="too short"):
        convolution.convolution_forward(dy, x, W, b, *STRIDED.step, short)


@pytest.mark.parametrize("window_channels", [1, 16])
@every_direction
def test_nothing_is_allocated_but_views(direction: str, window_channels: int) -> None:
    case = Case(8, (28, 28), (5, 5), 2, 2, 4, window_channels)
    x, dy, W, b = draw(case, direction, 0)
    y, dx, dW, db, scratch = dy.copy(), x.copy(), W.copy(), b.copy(), case.scratch(np.float64, 64)
    forward, backward_input, backward_parameters = passes(convolution, direction)

    def step() -> None:
        forward(y, x, W, b, *case.step, scratch)
        backward_input(dx, dy, W, *case.step, scratch)
        backward_parameters(dW, db, dy, x, *case.step, scratch)

    step()  # compiles
    tracemalloc.start()
    try:
        step()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4096  # a tile of windows is 51 KB


@given(
    size=st.integers(1, 40),
    kernel=st.integers(1, 7),
    stride=st.integers(1, 5),
    padding=st.integers(0, 3),
)
def test_transposed_output_size_inverts_output_size(size: int, kernel: int, stride: int, padding: int) -> None:
    """Each output size has ``stride`` input sizes, told apart by the output padding."""
    windows = convolution.output_size(size, kernel, stride, padding)
    fields = [convolution.transposed_output_size(windows, kernel, stride, padding, more) for more in range(stride)]
    assert size in fields
    for field in fields:
        assert convolution.output_size(field, kernel, stride, padding) == windows


def test_output_size_counts_the_windows_that_fit() -> None:
    for size, kernel, stride, padding in ((28, 5, 2, 2), (14, 5, 2, 2), (7, 3, 1, 0), (8, 4, 3, 1), (3, 5, 1, 0)):
        corners = [c for c in range(-padding, size + padding, stride) if c + kernel <= size + padding]
        assert max(convolution.output_size(size, kernel, stride, padding), 0) == len(corners)


@every_direction
def test_a_kernel_of_one_identity_changes_nothing(direction: str) -> None:
    case = Case(2, (3, 5), (1, 1), 1, 0, 4, 4)
    x, dy, _, _ = draw(case, direction, 0)
    W, y, dx, scratch = np.eye(4).reshape(1, 1, 4, 4), np.empty_like(dy), np.empty_like(x), case.scratch(np.float64)
    forward, backward_input, _ = passes(convolution, direction)
    forward(y, x, W, np.zeros(4), *case.step, scratch)
    backward_input(dx, dy, W, *case.step, scratch)
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(dx, dy)


def test_a_kernel_with_a_single_one_shifts() -> None:
    """Up and to the right of the middle: the neuron there is fetched. A flipped kernel would fetch the opposite one."""
    case = Case(1, (4, 5), (3, 3), 1, 1, 1, 1)
    x, y, W, b = draw(case, "convolution", 0)
    W[:], b[:] = 0, 0
    W[0, 2] = 1
    convolution.convolution_forward(y, x, W, b, *case.step, case.scratch(np.float64))
    expected = np.zeros_like(x)
    expected[:, 1:, :-1] = x[:, :-1, 1:]
    np.testing.assert_array_equal(y, expected)

    convolution.transposed_convolution_forward(y, x, W, b, *case.step, case.scratch(np.float64))
    expected = np.zeros_like(x)
    expected[:, :-1, 1:] = x[:, 1:, :-1]
    np.testing.assert_array_equal(y, expected)


def test_a_single_input_is_stamped_with_the_kernel() -> None:
    case = Case(1, (5, 5), (3, 3), 2, 1, 1, 1)
    W = np.arange(1.0, 10.0).reshape(3, 3, 1, 1)
    x, y = np.zeros((1, 3, 3, 1)), np.empty((1, 5, 5, 1))
    x[0, 1, 1, 0] = 1
    convolution.transposed_convolution_forward(y, x, W, np.zeros(1), *case.step, case.scratch(np.float64))
    expected = np.zeros((5, 5))
    expected[1:4, 1:4] = W[:, :, 0, 0]
    np.testing.assert_array_equal(y[0, :, :, 0], expected)


def test_neurons_under_no_window_have_no_error_and_no_stamp_but_the_bias() -> None:
    case = Case(2, (6, 6), (1, 1), 3, 0, 2, 3)
    dx, dy, W, _ = draw(case, "convolution", 0)
    y, bias, scratch = np.empty_like(dx), np.array([0.5, -2.0]), case.scratch(np.float64)
    convolution.convolution_backward_input(dx, dy, W, *case.step, scratch)
    convolution.transposed_convolution_forward(y, dy, W, bias, *case.step, scratch)
    apart = np.ones((6, 6), bool)
    apart[::3, ::3] = False
    assert np.all(dx[:, apart] == 0)
    assert np.all(dx[:, ~apart] != 0)
    np.testing.assert_array_equal(y[:, apart], np.broadcast_to(bias, (2, 32, 2)))


def test_a_nan_reaches_the_windows_that_cover_it() -> None:
    case = Case(2, (7, 7), (3, 3), 2, 0, 1, 2)
    x, y, W, b = draw(case, "convolution", 0)
    x[1, 2, 3, 0] = np.nan
    convolution.convolution_forward(y, x, W, b, *case.step, case.scratch(np.float64))
    expected = np.zeros((2, 3, 3, 2), bool)
    expected[1, :2, 1] = True  # rows 0 to 2 and 2 to 4, columns 2 to 4
    np.testing.assert_array_equal(np.isnan(y), expected)


def test_many_pixels_of_one_sign_sum_to_the_bias_gradient() -> None:
    """Added one after the other in single precision they would be off by 6e-4."""
    case = Case(16, (64, 64), (1, 1), 1, 0, 1, 1)
    x = np.zeros(case.sides("convolution")[0], np.float32)
    dy, dW, db = np.full_like(x, 0.1), np.zeros((1, 1, 1, 1), np.float32), np.zeros(1, np.float32)
    convolution.convolution_backward_parameters(dW, db, dy, x, *case.step, case.scratch(np.float32))
    np.testing.assert_allclose(db, 16 * 64 * 64 * np.float64(dy[0, 0, 0, 0]), rtol=1e-6)


@pytest.mark.parametrize(
    "case",
    [
        STRIDED,
        Case(3, (28, 28), (5, 5), 2, 2, 1, 16),
        Case(2, (14, 14), (5, 5), 2, 2, 16, 32),
        Case(2, (9, 7), (2, 5), 3, 2, 4, 3),
        Case(1, (6, 6), (1, 1), 1, 0, 5, 2),
    ],
)
@every_direction
def test_torch_says_the_same(direction: str, case: Case) -> None:
    torch: Any = pytest.importorskip("torch")

    def mirrored(array: np.ndarray) -> Any:
        """As torch has pictures: NCHW."""
        return torch.from_numpy(np.ascontiguousarray(array.transpose(0, 3, 1, 2))).requires_grad_()

    x, dy, W, b = draw(case, direction, 0)
    y, dx, dW, db = np.empty_like(dy), np.empty_like(x), np.zeros_like(W), np.zeros_like(b)
    scratch = case.scratch(np.float64, 50)
    forward, backward_input, backward_parameters = passes(convolution, direction)
    forward(y, x, W, b, *case.step, scratch)
    backward_input(dx, dy, W, *case.step, scratch)
    backward_parameters(dW, db, dy, x, *case.step, scratch)

    # Both ways torch's W is (window channels, field channels, kh, kw).
    tx, tb = mirrored(x), torch.from_numpy(b).requires_grad_()
    tW = torch.from_numpy(np.ascontiguousarray(W.transpose(3, 2, 0, 1))).requires_grad_()
    if direction == "convolution":
        ty = torch.nn.functional.conv2d(tx, tW, tb, *case.step)
    else:
        sizes = zip(case.windows, case.kernel, case.size, strict=True)
        more = [size - convolution.transposed_output_size(n, k, *case.step, 0) for n, k, size in sizes]
        ty = torch.nn.functional.conv_transpose2d(tx, tW, tb, *case.step, more)
    ty.backward(mirrored(dy).detach())

    def agree(ours: np.ndarray, theirs: Any) -> None:
        np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-9, atol=1e-9)

    agree(y, ty.permute(0, 2, 3, 1))
    agree(dx, tx.grad.permute(0, 2, 3, 1))
    agree(dW, tW.grad.permute(2, 3, 1, 0))
    agree(db, tb.grad)
