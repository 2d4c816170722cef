"""Both convolutions: twins, central differences, adjointness, known pictures, and torch."""

import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from ava_np.kernels import convolution
from ava_np.kernels.machine.geometry import transposed_output_size
from ava_np.kernels.twins import convolution as twin
from tests.kernels import convolution_in_guarded_memory
from tests.kernels.convolution_cases import (
    STRIDED,
    WIDE,
    Case,
    assert_close_by_size,
    make_case,
    random_arrays,
    small_cases,
    with_channels,
)
from tests.oracles import FLOATS, assert_close, check_gradient, doubles, few_examples, seeds

every_float = pytest.mark.parametrize("dtype", FLOATS)
every_direction = pytest.mark.parametrize("direction", ["convolution", "transposed_convolution"])
more_examples = settings(few_examples, max_examples=60)


def passes(module: ModuleType, direction: str) -> tuple[Callable[..., None], ...]:
    """Forward, backward to the input and backward to the parameters."""
    names = ("forward", "backward_input", "backward_parameters")
    return tuple(getattr(module, f"{direction}_{name}") for name in names)


def draw(
    case: Case, direction: str, seed: int, dtype: type[np.floating] = np.float64
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Draw x, dy, W and b."""
    field, windows, W, field_bias, window_bias = random_arrays(case, seed, dtype)
    return (field, windows, W, window_bias) if direction == "convolution" else (windows, field, W, field_bias)


class Results(NamedTuple):
    """Arrays that the three passes of a direction write."""

    y: np.ndarray
    dx: np.ndarray
    dW: np.ndarray  # noqa: N815
    db: np.ndarray


def run(case: Case, direction: str, dtype: type[np.floating], seed: int) -> Results:
    """Run all passes: y and dx are written over NaN; dW and db are added to W and b."""
    x, dy, W, b = draw(case, direction, seed, dtype)
    results = Results(np.full_like(dy, np.nan), np.full_like(x, np.nan), W.copy(), b.copy())
    forward, backward_input, backward_parameters = passes(convolution, direction)
    forward(results.y, x, W, b, *case.step, case.scratch(dtype))
    backward_input(results.dx, dy, W, *case.step, case.scratch(dtype))
    backward_parameters(results.dW, results.db, dy, x, *case.step, case.scratch(dtype))
    return results


def run_twin(case: Case, direction: str, dtype: type[np.floating], seed: int) -> Results:
    """Run the twins of all passes, in float64."""
    x, dy, W, b = doubles(*draw(case, direction, seed, dtype))
    results = Results(np.empty_like(dy), np.empty_like(x), W.copy(), b.copy())
    forward, backward_input, backward_parameters = passes(twin, direction)
    forward(results.y, x, W, b, *case.step)
    backward_input(results.dx, dy, W, *case.step)
    backward_parameters(results.dW, results.db, dy, x, *case.step)
    return results


@pytest.fixture
def no_micro_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that this machine has no known vector instructions."""
    monkeypatch.setattr(convolution, "host_tile", lambda itemsize: None)


@every_direction
@every_float
@given(case=small_cases, seed=seeds)
@more_examples
def test_every_pass_agrees_with_its_twin(direction: str, dtype: type[np.floating], case: Case, seed: int) -> None:
    for actual, expected in zip(run(case, direction, dtype, seed), run_twin(case, direction, dtype, seed), strict=True):
        assert_close(actual, expected, dtype)


@every_direction
@every_float
@given(case=small_cases, seed=seeds)
@settings(few_examples, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.usefixtures("no_micro_kernel")
def test_every_pass_agrees_with_its_twin_without_a_micro_kernel(
    direction: str, dtype: type[np.floating], case: Case, seed: int
) -> None:
    assert case.scratch(dtype).size < 1000
    for actual, expected in zip(run(case, direction, dtype, seed), run_twin(case, direction, dtype, seed), strict=True):
        assert_close(actual, expected, dtype)


@every_direction
@every_float
@pytest.mark.parametrize("channels", [(70, 40), (3, 40), (70, 3)])
def test_large_pictures_give_the_same_with_and_without_a_micro_kernel(
    monkeypatch: pytest.MonkeyPatch, direction: str, dtype: type[np.floating], channels: tuple[int, int]
) -> None:
    case = with_channels(WIDE, *channels)
    results = run(case, direction, dtype, 0)
    monkeypatch.setattr(convolution, "host_tile", lambda itemsize: None)
    for actual, expected in zip(results, run(case, direction, np.float64, 0), strict=True):
        assert_close_by_size(actual, expected, dtype)


@every_direction
@given(case=small_cases, seed=seeds)
@few_examples
def test_backward_matches_central_differences(direction: str, case: Case, seed: int) -> None:
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


@given(case=small_cases, seed=seeds)
@few_examples
def test_the_two_convolutions_are_adjoint(case: Case, seed: int) -> None:
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


def test_arguments_that_do_not_fit_are_refused() -> None:
    """Machine code would read and write outside them."""
    x, dy, W, b = draw(STRIDED, "convolution", 0)
    scratch = STRIDED.scratch(np.float64)
    forward = convolution.convolution_forward
    with pytest.raises(ValueError, match=r"scratch has \d+ elements"):
        forward(dy, x, W, b, *STRIDED.step, scratch[1:])
    with pytest.raises(ValueError, match="do not match weights"):
        forward(dy[:, 1:], x, W, b, *STRIDED.step, scratch)
    with pytest.raises(ValueError, match="do not match weights"):
        forward(dy, x[..., 1:], W, b, *STRIDED.step, scratch)
    with pytest.raises(ValueError, match="C-contiguous"):
        forward(dy, x[..., ::-1], W, b, *STRIDED.step, scratch)
    with pytest.raises(ValueError, match="of one type, here float32"):
        forward(dy, x, W.astype(np.float32), b, *STRIDED.step, scratch)
    with pytest.raises(ValueError, match="float32 or float64 arrays, not int64"):
        forward(dy, x, W.astype(int), b, *STRIDED.step, scratch)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is locked by a system call of Linux")
def test_nothing_beyond_an_array_is_read_or_written() -> None:
    script = convolution_in_guarded_memory.__name__
    subprocess.run([sys.executable, "-m", script], cwd=Path(__file__).parents[2], check=True)


@pytest.mark.parametrize("window_channels", [1, 16])
@every_direction
def test_no_array_is_allocated(direction: str, window_channels: int) -> None:
    case = make_case(8, (28, 28), (5, 5), 2, 2, 4, window_channels)
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


@every_direction
def test_a_one_pixel_identity_kernel_copies_the_picture(direction: str) -> None:
    case = make_case(2, (3, 5), (1, 1), 1, 0, 4, 4)
    x, dy, _, _ = draw(case, direction, 0)
    W, y, dx, scratch = np.eye(4).reshape(1, 1, 4, 4), np.empty_like(dy), np.empty_like(x), case.scratch(np.float64)
    forward, backward_input, _ = passes(convolution, direction)
    forward(y, x, W, np.zeros(4), *case.step, scratch)
    backward_input(dx, dy, W, *case.step, scratch)
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(dx, dy)


def test_a_kernel_with_a_single_one_shifts_the_picture() -> None:
    """The one is above and to the right of the centre, so that pixel is read; a flipped kernel reads the opposite."""
    case = make_case(1, (4, 5), (3, 3), 1, 1, 1, 1)
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


def test_a_single_input_writes_one_copy_of_the_kernel() -> None:
    case = make_case(1, (5, 5), (3, 3), 2, 1, 1, 1)
    W = np.arange(1.0, 10.0).reshape(3, 3, 1, 1)
    x, y = np.zeros((1, 3, 3, 1)), np.empty((1, 5, 5, 1))
    x[0, 1, 1, 0] = 1
    convolution.transposed_convolution_forward(y, x, W, np.zeros(1), *case.step, case.scratch(np.float64))
    expected = np.zeros((5, 5))
    expected[1:4, 1:4] = W[:, :, 0, 0]
    np.testing.assert_array_equal(y[0, :, :, 0], expected)


def test_pixels_under_no_window_get_no_error_and_only_the_bias() -> None:
    case = make_case(2, (6, 6), (1, 1), 3, 0, 2, 3)
    dx, dy, W, _ = draw(case, "convolution", 0)
    y, bias, scratch = np.empty_like(dx), np.array([0.5, -2.0]), case.scratch(np.float64)
    convolution.convolution_backward_input(dx, dy, W, *case.step, scratch)
    convolution.transposed_convolution_forward(y, dy, W, bias, *case.step, scratch)
    apart = np.ones((6, 6), bool)
    apart[::3, ::3] = False
    assert np.all(dx[:, apart] == 0)
    assert np.all(dx[:, ~apart] != 0)
    np.testing.assert_array_equal(y[:, apart], np.broadcast_to(bias, (2, 32, 2)))


def test_a_nan_reaches_exactly_the_windows_that_cover_it() -> None:
    case = make_case(2, (7, 7), (3, 3), 2, 0, 1, 2)
    x, y, W, b = draw(case, "convolution", 0)
    x[1, 2, 3, 0] = np.nan
    convolution.convolution_forward(y, x, W, b, *case.step, case.scratch(np.float64))
    expected = np.zeros((2, 3, 3, 2), bool)
    expected[1, :2, 1] = True  # rows 0 to 2 and 2 to 4, columns 2 to 4
    np.testing.assert_array_equal(np.isnan(y), expected)


def test_bias_gradient_of_many_pixels_is_summed_in_float64() -> None:
    """One sum in float32 would be off by 6e-4."""
    case = make_case(16, (64, 64), (1, 1), 1, 0, 1, 1)
    x = np.zeros(case.field, np.float32)
    dy, dW, db = np.full_like(x, 0.1), np.zeros((1, 1, 1, 1), np.float32), np.zeros(1, np.float32)
    convolution.convolution_backward_parameters(dW, db, dy, x, *case.step, case.scratch(np.float32))
    np.testing.assert_allclose(db, 16 * 64 * 64 * np.float64(dy[0, 0, 0, 0]), rtol=1e-6)


@pytest.mark.parametrize(
    "case",
    [
        STRIDED,
        make_case(3, (28, 28), (5, 5), 2, 2, 1, 16),
        make_case(2, (14, 14), (5, 5), 2, 2, 16, 32),
        make_case(2, (9, 7), (2, 5), 3, 2, 4, 3),
        make_case(1, (6, 6), (1, 1), 1, 0, 5, 2),
    ],
)
@every_direction
def test_agrees_with_torch(direction: str, case: Case) -> None:
    torch: Any = pytest.importorskip("torch")

    def to_torch(array: np.ndarray) -> Any:
        """Return the pictures in torch's NCHW layout."""
        return torch.from_numpy(np.ascontiguousarray(array.transpose(0, 3, 1, 2))).requires_grad_()

    x, dy, W, b = draw(case, direction, 0)
    y, dx, dW, db = np.empty_like(dy), np.empty_like(x), np.zeros_like(W), np.zeros_like(b)
    scratch = case.scratch(np.float64)
    forward, backward_input, backward_parameters = passes(convolution, direction)
    forward(y, x, W, b, *case.step, scratch)
    backward_input(dx, dy, W, *case.step, scratch)
    backward_parameters(dW, db, dy, x, *case.step, scratch)

    # In both directions torch's W is (window channels, field channels, kh, kw).
    tx, tb = to_torch(x), torch.from_numpy(b).requires_grad_()
    tW = torch.from_numpy(np.ascontiguousarray(W.transpose(3, 2, 0, 1))).requires_grad_()
    if direction == "convolution":
        ty = torch.nn.functional.conv2d(tx, tW, tb, *case.step)
    else:
        smallest = (transposed_output_size(x.shape[1 + axis], W.shape[axis], *case.step, 0) for axis in (0, 1))
        output_padding = [size - small for size, small in zip(y.shape[1:3], smallest, strict=True)]
        ty = torch.nn.functional.conv_transpose2d(tx, tW, tb, *case.step, output_padding)
    ty.backward(to_torch(dy).detach())

    def agree(actual: np.ndarray, expected: Any) -> None:
        np.testing.assert_allclose(actual, expected.detach().numpy(), rtol=1e-9, atol=1e-9)

    agree(y, ty.permute(0, 2, 3, 1))
    agree(dx, tx.grad.permute(0, 2, 3, 1))
    agree(dW, tW.grad.permute(2, 3, 1, 0))
    agree(db, tb.grad)
