"""Convolution both ways: the twins, the differences, that each is the other's transpose, and another's results."""

import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ava_np.kernels import convolution
from ava_np.kernels.machine import direct_conv, scatter, weight_gradient
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

    def scratch(self, dtype: type[np.floating]) -> np.ndarray:
        """A scratch of NaN, none of which may reach a result."""
        size = convolution.scratch_size((*self.size, self.field_channels), self.weights, *self.step)
        return np.full(size, np.nan, dtype)


cases = st.builds(
    Case,
    batch=st.integers(1, 3),
    size=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    kernel=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    stride=st.integers(1, 3) | st.integers(1, 20),
    padding=st.integers(0, 3) | st.integers(0, 9),
    field_channels=st.integers(1, 4),
    window_channels=st.integers(1, 4),
).filter(lambda case: min(case.windows) >= 1)
"""Fields with neurons that no window covers are among them: those are the ones with output padding."""

large_cases = st.builds(
    Case,
    batch=st.integers(1, 9),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    kernel=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    stride=st.integers(1, 3) | st.integers(1, 20),
    padding=st.integers(0, 3) | st.integers(0, 15),
    field_channels=st.integers(1, 150),
    window_channels=st.integers(1, 70),
).filter(lambda case: min(case.windows) >= 1)
"""Too large for the twins, but here k takes several passes, channels several panels, rows several tiles and units."""

many_examples = settings(few_examples, max_examples=80)
"""There is much to combine."""

BESIDE = Case(2, (4, 1), (2, 2), 6, 3, 64, 16)
"""A window that ends before the picture begins, across, and reaches it down."""

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


class Results(NamedTuple):
    """What the three passes of a direction write."""

    y: np.ndarray
    dx: np.ndarray
    dW: np.ndarray  # noqa: N815
    db: np.ndarray


def run(case: Case, direction: str, dtype: type[np.floating], seed: int, copies: int = 1) -> Results:
    """All passes: y and dx hold NaN before, to be written; dW and db hold W and b, to be added to."""
    x, dy, W, b = draw(case, direction, seed, dtype)
    found = Results(np.full_like(dy, np.nan), np.full_like(x, np.nan), W.copy(), b.copy())
    forward, backward_input, backward_parameters = passes(convolution, direction)
    forward(found.y, x, W, b, *case.step, np.tile(case.scratch(dtype), copies))
    backward_input(found.dx, dy, W, *case.step, np.tile(case.scratch(dtype), copies))
    backward_parameters(found.dW, found.db, dy, x, *case.step, np.tile(case.scratch(dtype), copies))
    return found


def run_twin(case: Case, direction: str, dtype: type[np.floating], seed: int) -> Results:
    """The same by the twins, in double precision."""
    x, dy, W, b = doubles(*draw(case, direction, seed, dtype))
    found = Results(np.empty_like(dy), np.empty_like(x), W.copy(), b.copy())
    forward, backward_input, backward_parameters = passes(twin, direction)
    forward(found.y, x, W, b, *case.step)
    backward_input(found.dx, dy, W, *case.step)
    backward_parameters(found.dW, found.db, dy, x, *case.step)
    return found


@pytest.fixture
def no_micro_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with no vector instructions that we know."""
    monkeypatch.setattr(convolution, "host_tile", lambda itemsize: None)


@every_direction
@every_float
@given(case=cases, seed=seeds)
@many_examples
def test_every_pass_is_its_twin(direction: str, dtype: type[np.floating], case: Case, seed: int) -> None:
    for ours, expected in zip(run(case, direction, dtype, seed), run_twin(case, direction, dtype, seed), strict=True):
        assert_close(ours, expected, dtype)


@every_direction
@every_float
@given(case=cases, seed=seeds)
@settings(many_examples, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.usefixtures("no_micro_kernel")
def test_without_a_micro_kernel_every_pass_is_its_twin(
    direction: str, dtype: type[np.floating], case: Case, seed: int
) -> None:
    assert case.scratch(dtype).size < 1000
    for ours, expected in zip(run(case, direction, dtype, seed), run_twin(case, direction, dtype, seed), strict=True):
        assert_close(ours, expected, dtype)


@every_direction
@every_float
@example(case=BESIDE, seed=0)
@given(case=large_cases, seed=seeds)
@settings(few_examples, max_examples=40)
def test_large_passes_are_those_without_a_micro_kernel(
    direction: str, dtype: type[np.floating], case: Case, seed: int
) -> None:
    ours = run(case, direction, dtype, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(convolution, "host_tile", lambda itemsize: None)
        expected = run(case, direction, np.float64, seed)
    for array, other in zip(ours, expected, strict=True):
        size = 1 + np.abs(other).max()
        assert_close(array / size, other / size, dtype)


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


WIDE = Case(5, (20, 17), (5, 4), 2, 2, 70, 40)
"""Several passes over k, panels of channels and tiles of a row, and more pictures than threads."""

SHAPES = [
    STRIDED,
    WIDE,
    WIDE._replace(field_channels=3),
    WIDE._replace(field_channels=130),  # pixels so far apart that the gradient copies blocks of them
    WIDE._replace(window_channels=3),
    WIDE._replace(padding=0),
]


@every_direction
@every_float
@pytest.mark.parametrize("case", SHAPES)
def test_the_number_of_threads_changes_no_bit(
    monkeypatch: pytest.MonkeyPatch, direction: str, dtype: type[np.floating], case: Case
) -> None:
    results = []
    for parts in range(1, 5):
        for module in (direct_conv, weight_gradient, scatter):
            monkeypatch.setattr(module, "part_count", lambda work, most, parts=parts: min(parts, most))
        results.append(run(case, direction, dtype, 0, copies=4))
    for other in results[1:]:
        for array, first in zip(other, results[0], strict=True):
            np.testing.assert_array_equal(array, first)


@every_direction
@pytest.mark.parametrize("pixels", [1, 20, 90])
def test_units_that_break_pictures_and_span_them_change_no_bit(
    monkeypatch: pytest.MonkeyPatch, direction: str, pixels: int
) -> None:
    expected = run(WIDE, direction, np.float64, 0)
    monkeypatch.setattr(direct_conv, "PIXELS", pixels)
    direct_conv.plan.cache_clear()
    try:
        for ours, other in zip(run(WIDE, direction, np.float64, 0), expected, strict=True):
            np.testing.assert_array_equal(ours, other)
    finally:
        direct_conv.plan.cache_clear()


@every_direction
@pytest.mark.parametrize(("deep", "group"), [(1, 1), (30, 1), (200, 80_000), (512, 80_000)])
@pytest.mark.parametrize("far", [0, 1 << 30])
def test_passes_and_groups_of_pictures_change_nothing(
    monkeypatch: pytest.MonkeyPatch, direction: str, deep: int, group: int, far: int
) -> None:
    """A row of windows, some, or several pictures of them; groups of one picture and of three; copied or not."""
    expected = run(WIDE, direction, np.float64, 0)
    monkeypatch.setattr(weight_gradient, "DEEP", deep)
    monkeypatch.setattr(weight_gradient, "GROUP", group)
    monkeypatch.setattr(weight_gradient, "MAX_DIRECT_STRIDE", far)
    weight_gradient.plan.cache_clear()
    try:
        assert_close(run(WIDE, direction, np.float64, 0).dW, expected.dW, np.float64)
    finally:
        weight_gradient.plan.cache_clear()


def test_arguments_that_do_not_fit_are_refused_before_the_machine_code_sees_them() -> None:
    x, dy, W, b = draw(STRIDED, "convolution", 0)
    scratch = STRIDED.scratch(np.float64)
    forward = convolution.convolution_forward
    with pytest.raises(ValueError, match="too short"):
        forward(dy, x, W, b, *STRIDED.step, scratch[1:])
    with pytest.raises(ValueError, match="no "):
        forward(dy[:, 1:], x, W, b, *STRIDED.step, scratch)
    with pytest.raises(ValueError, match="contiguous"):
        forward(dy, x[..., ::-1], W, b, *STRIDED.step, scratch)
    with pytest.raises(ValueError, match="float type"):
        forward(dy, x, W.astype(np.float32), b, *STRIDED.step, scratch)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is locked by a call of Linux")
def test_what_lies_beyond_an_array_is_neither_read_nor_written() -> None:
    """Every array ends where the next page of memory is locked: who goes on is ended by the system."""
    script = """
import ctypes, itertools, mmap
import numpy as np
from ava_np.kernels import convolution as c
lock, kept = ctypes.CDLL(None, use_errno=True).mprotect, []

def guarded(*shape):
    size = int(np.prod(shape)) * 4
    pages = -(-size // mmap.PAGESIZE)
    memory = mmap.mmap(-1, (pages + 1) * mmap.PAGESIZE)
    kept.append(memory)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    end = pages * mmap.PAGESIZE
    assert lock(ctypes.c_void_p(start + end), ctypes.c_size_t(mmap.PAGESIZE), 0) == 0
    array = np.frombuffer(memory, np.float32, size // 4, end - size).reshape(shape)
    array[:] = 1
    return array

for padding, inputs, outputs in itertools.product((0, 2), (3, 16, 70), (1, 32, 45)):
    across = c.output_size(11, 5, 2, padding)
    x, y, W = guarded(2, 11, 11, inputs), guarded(2, across, across, outputs), guarded(5, 5, inputs, outputs)
    scratch = guarded(c.scratch_size(x.shape[1:], W.shape, 2, padding))
    b, back = guarded(outputs), guarded(inputs)
    c.convolution_forward(y, x, W, b, 2, padding, scratch)
    c.convolution_backward_parameters(W, b, y, x, 2, padding, scratch)
    c.transposed_convolution_forward(x, y, W, back, 2, padding, scratch)
    c.convolution_backward_input(x, y, W, 2, padding, scratch)
"""
    subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[2], check=True)


@pytest.mark.parametrize("window_channels", [1, 16])
@every_direction
def test_nothing_is_allocated_but_views(direction: str, window_channels: int) -> None:
    case = Case(8, (28, 28), (5, 5), 2, 2, 4, window_channels)
    x, dy, W, b = draw(case, direction, 0)
    y, dx, dW, db, scratch = dy.copy(), x.copy(), W.copy(), b.copy(), case.scratch(np.float64)
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
    assert peak < 8192  # a padded picture is 32 KB


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
    scratch = case.scratch(np.float64)
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
