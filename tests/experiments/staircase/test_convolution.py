"""Every step of the convolution staircase computes what the twin computes."""

from typing import NamedTuple

import numpy as np
import pytest

from ava_np.experiments.staircase import convolution
from ava_np.experiments.staircase.timing import Step
from ava_np.kernels.machine.geometry import output_size, transposed_output_size
from ava_np.kernels.twins import convolution as twin
from tests.oracles import FLOATS, TOLERANCE, doubles, normal


class Shape(NamedTuple):
    """Sizes of a convolution."""

    batch: int
    x: tuple[int, int]
    window: tuple[int, int]
    inputs: int
    outputs: int
    stride: int
    padding: int


SHAPES = [
    Shape(1, (1, 1), (1, 1), 1, 1, 1, 0),
    Shape(2, (7, 5), (3, 3), 3, 5, 1, 1),
    Shape(1, (11, 13), (5, 5), 2, 7, 2, 2),
    Shape(2, (9, 7), (3, 5), 5, 4, 3, 0),
    Shape(1, (5, 5), (5, 5), 3, 2, 4, 3),
    Shape(1, (8, 8), (3, 3), 13, 17, 1, 1),
    Shape(1, (3, 4), (1, 1), 2, 2, 2, 0),  # a stride larger than the window: some pixels of the transpose get no tap
]
STEPS, TRANSPOSED_STEPS = convolution.STEPS, convolution.TRANSPOSED_STEPS
every_shape = pytest.mark.parametrize("shape", SHAPES)
every_float = pytest.mark.parametrize("dtype", FLOATS)


def assert_agrees(y: np.ndarray, expected: np.ndarray, W: np.ndarray) -> None:
    """Assert equality up to rounding of sums as long as those over a window."""
    np.testing.assert_allclose(y, expected, rtol=0, atol=TOLERANCE[y.dtype] * (1 + W[..., 0].size))


@every_float
@every_shape
@pytest.mark.parametrize("step", STEPS, ids=[step.name for step in STEPS])
def test_every_step_agrees_with_the_twin(step: Step, shape: Shape, dtype: type[np.floating]) -> None:
    generator, stride, padding = np.random.default_rng(0), shape.stride, shape.padding
    x = normal(generator, (shape.batch, *shape.x, shape.inputs), dtype)
    W = normal(generator, (*shape.window, shape.inputs, shape.outputs), dtype)
    b = normal(generator, (shape.outputs,), dtype)
    rows, columns = (output_size(*sizes, stride, padding) for sizes in zip(shape.x, shape.window, strict=True))
    y = np.full((shape.batch, rows, columns, shape.outputs), np.nan, dtype)
    expected = np.empty(y.shape)
    exact_x, exact_W, exact_b = doubles(x, W, b)
    twin.convolution_forward(expected, exact_x, exact_W, exact_b, stride, padding)
    step.run(y, x, W, b, stride, padding)
    assert_agrees(y, expected, W)


@every_float
@every_shape
@pytest.mark.parametrize("output_padding", [0, 1])
@pytest.mark.parametrize("step", TRANSPOSED_STEPS, ids=[step.name for step in TRANSPOSED_STEPS])
def test_every_transposed_step_agrees_with_the_twin(
    step: Step, output_padding: int, shape: Shape, dtype: type[np.floating]
) -> None:
    generator, stride, padding = np.random.default_rng(0), shape.stride, shape.padding
    more = min(output_padding, stride - 1)
    x = normal(generator, (shape.batch, *shape.x, shape.inputs), dtype)
    W = normal(generator, (*shape.window, shape.outputs, shape.inputs), dtype)
    b = normal(generator, (shape.outputs,), dtype)
    height, width = (
        transposed_output_size(*sizes, stride, padding, more) for sizes in zip(shape.x, shape.window, strict=True)
    )
    y = np.full((shape.batch, height, width, shape.outputs), np.nan, dtype)
    expected = np.empty(y.shape)
    exact_x, exact_W, exact_b = doubles(x, W, b)
    twin.transposed_convolution_forward(expected, exact_x, exact_W, exact_b, stride, padding)
    step.run(y, x, W, b, stride, padding)
    assert_agrees(y, expected, W)


def test_the_time_of_every_step_is_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    convolution.main(batch=1, side=6, channels=(3, 5))
    printed = capsys.readouterr().out
    for step in (*STEPS, *TRANSPOSED_STEPS):
        assert f"\n{step.name} " in printed
