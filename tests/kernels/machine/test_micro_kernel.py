"""The micro-kernel against NumPy for every size of a tile, its register budget, and the code that it becomes."""

import logging
import os
import re
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from ava_np.kernels.machine import micro_kernel
from ava_np.kernels.machine.compile import kernel
from ava_np.kernels.machine.micro_kernel import (
    VECTOR_UNITS,
    Tile,
    VectorUnit,
    full_tile_code,
    host_tile,
    multiply_tile,
    register_tile,
)
from tests.kernels.machine import large_product
from tests.oracles import FLOATS, assert_close, normal

needs_micro_kernel = pytest.mark.skipif(host_tile(4) is None, reason="this machine has no micro-kernel")
every_float = pytest.mark.parametrize("dtype", FLOATS)


@kernel
def call_multiply_tile(  # type: ignore[no-untyped-def]
    scalar, a, a_row, a_step, a_run, a_block, steps, runs, blocks, b, b_row, c, c_row, base, base_row, rows, columns
):
    ahead, ahead_step = b + 1 << 40, 1 << 30  # addresses that need not exist: they are only loaded into the cache
    multiply_tile(
        scalar, a, a_row, a_step, a_run, a_block, steps, runs, blocks, b, b_row, ahead, ahead_step, c, c_row,
        base, base_row, rows, columns,
    )  # fmt: skip


def tile_for(dtype: type[np.floating]) -> Tile:
    register_tile(np.dtype(dtype))
    tile = host_tile(np.dtype(dtype).itemsize)
    assert tile is not None
    return tile


@pytest.mark.parametrize("unit", VECTOR_UNITS, ids=lambda unit: "+".join(sorted(unit.features)))
@pytest.mark.parametrize("itemsize", [4, 8])
def test_every_tile_fits_the_registers(unit: VectorUnit, itemsize: int) -> None:
    """Accumulators, a row of B and a broadcast element of A, as counted in the comments of ``VECTOR_UNITS``."""
    tile = Tile(unit.MR, unit.vectors, unit.register_bytes // itemsize)
    assert tile.registers == unit.MR * unit.vectors + unit.vectors + 1 <= unit.registers
    assert tile.NR * itemsize == unit.vectors * unit.register_bytes


@every_float
@needs_micro_kernel
def test_every_size_of_a_tile_matches_numpy(dtype: type[np.floating]) -> None:
    """Added to zeros, to C itself, and to one row for all rows of C."""
    generator, tile, depth = np.random.default_rng(0), tile_for(dtype), 5
    B, bias = normal(generator, (depth, tile.NR), dtype), normal(generator, (tile.NR,), dtype)
    for rows, columns in product(range(1, tile.MR + 1), range(1, tile.NR + 1)):
        A = normal(generator, (rows, depth), dtype)
        frame = np.full((rows + 2, tile.NR + 3), np.nan, dtype)
        C = frame[1:-1, 1 : 1 + columns]
        expected = A.astype(float) @ B[:, :columns]
        a_row, a_step = A.strides
        for base, base_row, base_values in (
            (0, 0, 0),
            (C.ctypes.data, C.strides[0], expected),
            (bias.ctypes.data, 0, bias[:columns]),
        ):
            call_multiply_tile(
                dtype, A.ctypes.data, a_row, a_step, 0, 0, depth, 1, 1, B.ctypes.data, B.strides[0],
                C.ctypes.data, C.strides[0], base, base_row, rows, columns,
            )  # fmt: skip
            assert_close(C, expected + base_values, dtype)
        C[:] = np.nan
        assert np.all(np.isnan(frame)), f"{rows} x {columns} writes beyond the tile"


@every_float
@pytest.mark.parametrize("counts", [(3, 4, 2), (1, 1, 5), (0, 3, 2), (3, 0, 2), (3, 4, 0)])
@needs_micro_kernel
def test_k_is_counted_in_steps_runs_and_blocks(dtype: type[np.floating], counts: tuple[int, int, int]) -> None:
    """A has its own stride for each of the three; B has one row after the other."""
    steps, runs, blocks = counts
    generator, tile, rows = np.random.default_rng(0), tile_for(dtype), 3
    memory = normal(generator, (blocks + 1, runs + 2, rows, 2 * steps + 1), dtype)
    A = memory[:blocks, 1 : 1 + runs, :, : 2 * steps : 2]
    B = normal(generator, (blocks, runs, steps, tile.NR), dtype)
    C = np.full((rows, tile.NR), np.nan, dtype)
    a_block, a_run, a_row, a_step = A.strides
    call_multiply_tile(
        dtype, memory[0, 1].ctypes.data, a_row, a_step, a_run, a_block, steps, runs, blocks,
        B.ctypes.data, C.strides[0], C.ctypes.data, C.strides[0], 0, 0, rows, tile.NR,
    )  # fmt: skip
    assert_close(C, np.einsum("nirk,nikj->rj", A.astype(float), B.astype(float)), dtype)


@every_float
@needs_micro_kernel
def test_a_full_tile_stays_in_registers(dtype: type[np.floating]) -> None:
    """Its assembly has a multiply-add for each vector of the tile, and the loop around them never uses the stack."""
    tile = tile_for(dtype)
    assembly = full_tile_code(np.dtype(dtype), assembly=True)
    if not re.search(r"[yz]mm\d", assembly):
        pytest.skip("this test reads the assembly of x86")
    assert len(re.findall(r"vfmadd\w*ps|vfmadd\w*pd", assembly)) == tile.MR * tile.vectors
    start, *_, end = re.finditer(r"vfmadd", assembly)
    assert "(%rsp)" not in assembly[start.start() : end.end()]


@pytest.mark.parametrize("setting", ["1", "asm", ""])
@needs_micro_kernel
def test_environment_variable_shows_the_code_once(setting: str) -> None:
    """Also if the machine code is in the cache, as it is here."""
    register_tile(np.dtype(np.float32))
    shown = subprocess.run(
        [sys.executable, "-m", large_product.__name__],
        cwd=Path(__file__).parents[3],
        env={**os.environ, "AVA_SHOW_IR": setting},
        capture_output=True,
        encoding="utf-8",
        check=True,
    ).stderr
    expected = full_tile_code(np.dtype(np.float32), assembly=setting == "asm") + "\n" if setting else ""
    assert shown == expected


@needs_micro_kernel
def test_shown_code_names_its_arguments() -> None:
    code = full_tile_code(np.dtype(np.float32))
    (definition,) = re.findall(r"^define .*", code, flags=re.MULTILINE)
    assert re.findall(r'%"(\w+)"', definition) == list(micro_kernel.ARGUMENTS)
    assert "llvm.fma.v" in code


def test_machine_without_vector_instructions_has_no_tile(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Unknown:
        """A target without any of the vector instructions that have a micro-kernel."""

        class target_context:  # noqa: N801
            codegen = staticmethod(lambda: Unknown)

        magic_tuple = staticmethod(lambda: ("unknown", "abacus", ""))

    monkeypatch.setattr(micro_kernel, "cpu_target", Unknown)
    host_tile.cache_clear()
    try:
        with caplog.at_level(logging.WARNING):
            assert host_tile(4) is None
            assert host_tile(4) is None
        (line,) = caplog.messages
        assert "abacus" in line
        assert "BLAS" in line
    finally:
        host_tile.cache_clear()
