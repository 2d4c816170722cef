"""The five loops around the micro-kernel: every kind of remainder, block and layout, with any number of threads."""

from itertools import product

import numpy as np
import pytest

from ava_np.kernels.machine import blocking
from ava_np.kernels.machine.micro_kernel import VECTOR_UNITS, VectorUnit, host_tile
from ava_np.kernels.machine.parallel import run_parts
from ava_np.kernels.machine.records import write
from tests.kernels.machine.products import (
    LAYOUTS,
    assert_products_match,
    assert_sums_close,
    matrix,
    nan_scratch,
    product_record,
)
from tests.oracles import FLOATS, normal

pytestmark = pytest.mark.skipif(host_tile(4) is None, reason="this machine has no micro-kernel")
every_float = pytest.mark.parametrize("dtype", FLOATS)
SHAPES = [  # rows, columns, depth
    (14, 64, 300),  # whole tiles
    (10, 93, 300),  # few rows, so that B is read in place, and a remainder of columns
    (61, 95, 70),  # remainders in all directions
    (300, 97, 65),  # several blocks of rows
    (37, 1055, 20),  # several blocks of columns
    (33, 126, 530),  # several blocks of depth
    (900, 400, 1),  # an outer product
    (17, 33, 0),  # an empty sum
]


def multiply(C: np.ndarray, A: np.ndarray, B: np.ndarray, base: np.ndarray | None = None, parts: int = 1) -> None:
    scratch = nan_scratch(C.dtype.type, parts)
    run_parts(blocking.part_address(C.dtype), parts, write(product_record(C, A, B, base, parts, scratch)))


@pytest.mark.parametrize("unit", VECTOR_UNITS, ids=lambda unit: "+".join(sorted(unit.features)))
def test_block_sizes_fit_the_tiles_and_the_caches(unit: VectorUnit) -> None:
    """Whole tiles in a block, a panel in a level-1 cache of 32 kB, and a float64 block in a level-2 cache of 1 MB."""
    assert blocking.MC % unit.MR == 0
    assert blocking.NC % (unit.vectors * unit.register_bytes // 4) == 0
    assert blocking.KC * unit.vectors * unit.register_bytes <= 32 << 10
    assert blocking.KC * blocking.NC * 8 <= 1 << 20


@every_float
@pytest.mark.parametrize("shape", SHAPES)
def test_products_of_every_layout_match_numpy_and_write_only_c(
    dtype: type[np.floating], shape: tuple[int, int, int]
) -> None:
    rows, columns, depth = shape
    generator = np.random.default_rng(0)
    frame = np.full((rows + 2, columns + 40), np.nan, dtype)
    C = frame[1:-1, 3 : 3 + columns]
    for layouts in product(LAYOUTS, LAYOUTS):
        A, B = matrix(generator, rows, depth, dtype, layouts[0]), matrix(generator, depth, columns, dtype, layouts[1])
        assert_products_match(multiply, C, A, B)
    C.fill(np.nan)
    assert np.all(np.isnan(frame))


@every_float
@pytest.mark.parametrize("layout", ["rows", "columns"])
def test_a_with_bad_strides_for_the_cache_is_packed(dtype: type[np.floating], layout: str) -> None:
    """Rows of A that are pages apart, and columns that are a page apart."""
    generator, (rows, columns, depth) = np.random.default_rng(0), (40, 300, 300)
    memory = normal(generator, (rows, 1024) if layout == "rows" else (depth, 1024), dtype)
    A = memory[:, :depth] if layout == "rows" else memory[:, :rows].T
    assert layout == "columns" or A.strides[0] % blocking.PAGE == 0
    assert layout == "rows" or A.strides[1] >= blocking.MAX_DIRECT_STRIDE
    B, C = normal(generator, (depth, columns), dtype), np.full((rows, columns), np.nan, dtype)
    multiply(C, A, B)
    assert_sums_close(C, A.astype(float) @ B, A, B)


def test_every_number_of_rows_and_columns_matches_numpy() -> None:
    generator = np.random.default_rng(0)
    for rows, columns in product(range(1, 30), (1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 40)):
        A, B = normal(generator, (rows, 5), np.float32), normal(generator, (5, columns), np.float32)
        C = np.ones((rows, columns), np.float32)
        multiply(C, A, B, C)
        assert_sums_close(C, 1 + A.astype(float) @ B, A, B)


@every_float
@pytest.mark.parametrize("shape", [(10, 256, 3000), (3000, 256, 10), (300, 200, 300), (33, 1000, 257)])
def test_number_of_threads_does_not_change_a_bit(dtype: type[np.floating], shape: tuple[int, int, int]) -> None:
    rows, columns, depth = shape
    generator, results = np.random.default_rng(0), []
    A, B, bias = (normal(generator, s, dtype) for s in ((rows, depth), (depth, columns), (columns,)))
    for parts in range(1, 6):
        results.append(np.full((rows, columns), np.nan, dtype))
        multiply(results[-1], A, B, bias, parts)
    assert_sums_close(results[0], A.astype(float) @ B + bias, A, B)
    for C in results[1:]:
        np.testing.assert_array_equal(C, results[0])
