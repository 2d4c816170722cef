"""A few rows times a matrix whose columns are contiguous: every remainder, several blocks, any number of threads."""

import numpy as np
import pytest

from ava_np.kernels import gemm
from ava_np.kernels.machine import few_rows
from ava_np.kernels.machine.blocking import MC, PACKED_SIZE
from ava_np.kernels.machine.micro_kernel import VECTOR_UNITS, VectorUnit, host_tile
from ava_np.kernels.machine.parallel import run_parts
from ava_np.kernels.machine.records import write
from tests.kernels.machine.products import (
    LAYOUTS,
    assert_products_match,
    matrix,
    nan_scratch,
    product_record,
    record_part_address,
)
from tests.oracles import FLOATS, normal

pytestmark = pytest.mark.skipif(host_tile(4) is None, reason="this machine has no micro-kernel")
every_float = pytest.mark.parametrize("dtype", FLOATS)


def multiply(C: np.ndarray, A: np.ndarray, B: np.ndarray, base: np.ndarray | None = None, parts: int = 1) -> None:
    scratch = nan_scratch(C.dtype.type, parts)
    run_parts(few_rows.part_address(C.dtype), parts, write(product_record(C, A, B, base, parts, scratch)))


@pytest.mark.parametrize("unit", VECTOR_UNITS, ids=lambda unit: "+".join(sorted(unit.features)))
def test_the_packed_rows_and_the_sums_fit_the_scratch(unit: VectorUnit) -> None:
    NR = unit.vectors * unit.register_bytes // 4
    assert (few_rows.KC + MC) * NR <= PACKED_SIZE


@every_float
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("columns", "depth"), [(1, 64), (14, 65), (253, 70), (520, 100), (37, 2100)])
def test_every_number_of_rows_matches_numpy_and_writes_only_c(
    dtype: type[np.floating], layout: str, columns: int, depth: int
) -> None:
    tile = host_tile(np.dtype(dtype).itemsize)
    assert tile is not None
    generator = np.random.default_rng(0)
    B = matrix(generator, depth, columns, dtype, "columns")
    for rows in (1, 2, tile.lanes - 1, tile.lanes, tile.lanes + 1, tile.NR):
        frame = np.full((rows + 2, columns + 40), np.nan, dtype)
        C, A = frame[1:-1, 3 : 3 + columns], matrix(generator, rows, depth, dtype, layout)
        assert_products_match(multiply, C, A, B)
        C.fill(np.nan)
        assert np.all(np.isnan(frame))


@every_float
def test_number_of_threads_does_not_change_a_bit(dtype: type[np.floating]) -> None:
    generator, results, rows = np.random.default_rng(0), [], 7
    A, B = normal(generator, (rows, 1500), dtype), matrix(generator, 1500, 700, dtype, "columns")
    for parts in range(1, 6):
        results.append(np.full((rows, 700), np.nan, dtype))
        multiply(results[-1], A, B, None, parts)
    for C in results[1:]:
        np.testing.assert_array_equal(C, results[0])


def test_gemm_takes_it_for_few_rows_and_contiguous_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = record_part_address(monkeypatch, few_rows)

    def is_taken(rows: int, depth: int, layout: str) -> bool:
        generator, C = np.random.default_rng(0), np.empty((rows, 3000), np.float32)
        taken.clear()
        B = matrix(generator, depth, 3000, np.float32, layout)
        gemm.gemm(C, normal(generator, (rows, depth), np.float32), B, nan_scratch(np.float32))
        return bool(taken)

    tile = host_tile(4)
    assert tile is not None
    assert is_taken(10, 200, "columns")
    assert not is_taken(10, 200, "rows")
    assert not is_taken(tile.NR + 1, 200, "columns")
    assert not is_taken(10, few_rows.MIN_DEPTH - 1, "columns")
