"""Every step of the GEMM staircase computes what the twin computes."""

import numba
import numpy as np
import pytest

from ava_np.experiments.staircase import gemm
from ava_np.experiments.staircase.timing import Step
from ava_np.kernels.twins import gemm as twin
from tests.oracles import FLOATS, TOLERANCE, doubles, normal

SMALL = [  # rows, columns, depth
    (1, 1, 1),
    (1, 7, 5),
    (13, 1, 3),
    (5, 11, 1),
    (3, 2, 0),
    (4, 4, 4),
    (7, 13, 17),
    (17, 5, 23),
]
SEVERAL_BLOCKS = (53, 389, 397)
compiled_twin = numba.njit(twin.gemm)  # the twin itself would take minutes

every_step = pytest.mark.parametrize("step", gemm.STEPS, ids=[step.name for step in gemm.STEPS])
every_float = pytest.mark.parametrize("dtype", FLOATS)


def assert_product(step: Step, C: np.ndarray, A: np.ndarray, B: np.ndarray, expected: np.ndarray) -> None:
    """Assert that a step overwrites C with the expected product, up to rounding of sums of this size."""
    C.fill(np.nan)
    step.run(C, A, B)
    size = np.abs(A).astype(float) @ np.abs(B) + 1
    assert np.all(np.abs(C - expected) <= TOLERANCE[C.dtype] * size)


@every_float
@every_step
@pytest.mark.parametrize("shape", SMALL)
def test_every_step_agrees_with_the_twin(step: Step, shape: tuple[int, int, int], dtype: type[np.floating]) -> None:
    rows, columns, depth = shape
    generator = np.random.default_rng(0)
    A, B = normal(generator, (rows, depth), dtype), normal(generator, (depth, columns), dtype)
    expected = np.empty((rows, columns))
    twin.gemm(expected, *doubles(A, B))
    assert_product(step, np.empty((rows, columns), dtype), A, B, expected)


@every_float
@every_step
def test_every_step_agrees_with_the_twin_over_several_blocks(step: Step, dtype: type[np.floating]) -> None:
    rows, columns, depth = SEVERAL_BLOCKS
    assert rows > gemm.MC
    assert columns > gemm.NC
    assert depth > gemm.KC
    generator = np.random.default_rng(0)
    A, B = normal(generator, (rows, depth), dtype), normal(generator, (depth, columns), dtype)
    expected = np.empty((rows, columns))
    compiled_twin(expected, *doubles(A, B))
    assert_product(step, np.empty((rows, columns), dtype), A, B, expected)


def test_the_time_of_every_step_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    gemm.main([5])
    printed = capsys.readouterr().out
    assert "gemm 5 x 5 x 5" in printed
    for step in gemm.STEPS:
        assert f"\n{step.name} " in printed
