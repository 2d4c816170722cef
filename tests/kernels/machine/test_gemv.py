"""A single row times a matrix: every kind of remainder, both layouts, with any number of threads."""

from itertools import product

import numpy as np
import pytest

from ava_np.kernels.machine import gemv
from ava_np.kernels.machine.parallel import run_parts
from ava_np.kernels.machine.records import write
from tests.kernels.machine.products import assert_products_match, assert_sums_close, matrix, nan_scratch, product_record
from tests.oracles import FLOATS, normal

every_float = pytest.mark.parametrize("dtype", FLOATS)
SHAPES = [  # columns, depth
    (1, 1),
    (gemv.UNIT, 4),
    (gemv.UNIT + 3, 2501),  # a remainder of columns and one of depth
    (2 * gemv.MAX_COLUMNS + 31, 303),  # several ranges of columns
    (5, 0),  # an empty sum
]


def multiply(C: np.ndarray, A: np.ndarray, B: np.ndarray, base: np.ndarray | None = None, parts: int = 1) -> None:
    scratch = nan_scratch(C.dtype.type)
    run_parts(gemv.part_address(C.dtype), parts, write(product_record(C, A, B, base, parts, scratch)))


@every_float
@pytest.mark.parametrize(("shape", "layout"), list(product(SHAPES, ["rows", "columns"])))
def test_products_match_numpy_and_write_only_c(dtype: type[np.floating], shape: tuple[int, int], layout: str) -> None:
    columns, depth = shape
    generator = np.random.default_rng(0)
    A, B = normal(generator, (1, depth), dtype), matrix(generator, depth, columns, dtype, layout)
    frame = np.full((3, columns + 4), np.nan, dtype)
    C = frame[1:-1, 2:-2]
    assert_products_match(multiply, C, A, B)
    C.fill(np.nan)
    assert np.all(np.isnan(frame))


@every_float
@pytest.mark.parametrize("layout", ["rows", "columns"])
def test_number_of_threads_does_not_change_a_bit(dtype: type[np.floating], layout: str) -> None:
    generator, results = np.random.default_rng(0), []
    A, B = normal(generator, (1, 301), dtype), matrix(generator, 301, 1333, dtype, layout)
    for parts in range(1, 6):
        results.append(np.full((1, 1333), np.nan, dtype))
        multiply(results[-1], A, B, parts=parts)
    assert_sums_close(results[0], A.astype(float) @ B, A, B)
    for C in results[1:]:
        np.testing.assert_array_equal(C, results[0])
