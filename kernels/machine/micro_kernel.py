"""The micro-kernel: the innermost loop of every matrix product, written in LLVM's intermediate representation (IR).

It computes one tile of a product, of up to MR rows and NR columns,

    C[r,j] = base[r,j] + Σ_k A[r,k] B[k,j]      r < rows <= MR,  j < columns <= NR

and keeps the whole tile in vector registers while k runs. This decides the speed: a core starts two fused multiply-adds
per cycle, but loads only two or three vectors. With NR = V vectors, each k loads V vectors of B and MR scalars of A for
MR · V multiply-adds. So the tile must be large, larger than the one that LLVM keeps in registers by itself
(docs/staircase/gemm.md, step 5), and the registers limit it:

    MR · V accumulators + V vectors of B + 1 broadcast scalar of A  <=  vector registers

    for k:  b[v] = row k of B                      V vectors
            for r:  a = A[r,k] in every lane       1 vector
                    for v:  accumulator[r][v] += a · b[v]

B comes in panels of NR columns whose rows are contiguous. A may have any strides, because its elements are loaded one
by one. k is counted in steps, runs and blocks, each with its own stride in A: the window of a convolution is one run
per row, and the sum over a batch is one block per picture. ``base`` is what the sums are added to: C itself, or the
bias (a row stride of 0 repeats one row), or zeros (address 0).

The kernel is compiled for each number of rows from 1 to MR, so that a small batch does not pay for missing rows, and
for V vectors as well as for one, so that few columns do not pay for many. ``AVA_SHOW_IR=1`` in the environment prints
the IR of the full tile to standard error, and ``AVA_SHOW_IR=asm`` its assembly.

References: Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", ACM TOMS 34(3), 2008. Van Zee
and van de Geijn, "BLIS: a framework for rapidly instantiating BLAS functionality", ACM TOMS 41(3), 2015; the names MR
and NR are from there.
"""

import logging
import os
import sys
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

import numba
import numpy as np
from llvmlite import ir
from llvmlite.binding import add_symbol
from numba import types
from numba.core import cgutils
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target
from numba.extending import intrinsic

from ava_np.kernels.machine.compile import compiled_address
from ava_np.kernels.machine.llvm import (
    CACHE_LINE,
    FLOATS,
    INT64,
    broadcast,
    first_lanes,
    fused_multiply_add,
    load,
    load_masked,
    loop,
    prefetch,
    size_in_bytes,
    store,
    store_masked,
)

SIGNATURE = ir.FunctionType(ir.VoidType(), [INT64] * 18)
ARGUMENTS = (
    "a", "a_row", "a_step", "a_run", "a_block", "steps", "runs", "blocks", "b", "b_row", "ahead", "ahead_step",
    "c", "c_row", "base", "base_row", "rows", "columns",
)  # fmt: skip


class Tile(NamedTuple):
    """The tile of C that fits the vector registers: MR rows of ``vectors`` vectors of ``lanes`` elements."""

    MR: int
    vectors: int
    lanes: int

    @property
    def NR(self) -> int:
        """Columns of the tile."""
        return self.vectors * self.lanes

    @property
    def registers(self) -> int:
        """Vector registers that the micro-kernel uses: accumulators, a row of B, and one broadcast element of A."""
        return self.MR * self.vectors + self.vectors + 1


class VectorUnit(NamedTuple):
    """Vector instructions of a processor, the size of its tile, and what limits it."""

    features: frozenset[str]
    register_bytes: int
    registers: int
    MR: int
    vectors: int


VECTOR_UNITS = (  # the best first
    VectorUnit(frozenset({"+avx512f"}), register_bytes=64, registers=32, MR=14, vectors=2),  # 14·2 + 2 + 1 = 31
    VectorUnit(frozenset({"+avx2", "+fma"}), register_bytes=32, registers=16, MR=6, vectors=2),  # 6·2 + 2 + 1 = 15
    VectorUnit(frozenset({"+neon"}), register_bytes=16, registers=32, MR=6, vectors=4),  # 6·4 + 4 + 1 = 29
)


@cache
def host_tile(itemsize: int) -> Tile | None:
    """Return the tile for this machine and for elements of ``itemsize`` bytes.

    A machine without any of the ``VECTOR_UNITS`` has none; a line in the log says so.
    """
    _, name, features = cpu_target.target_context.codegen().magic_tuple()
    available = set(features.split(","))
    for unit in VECTOR_UNITS:
        if unit.features <= available:
            return Tile(unit.MR, unit.vectors, unit.register_bytes // itemsize)
    logging.getLogger(__name__).warning("no micro-kernel for the vector instructions of %s: using BLAS instead", name)
    return None


@intrinsic
def multiply_tile(  # type: ignore[no-untyped-def]
    context, scalar,
    a, a_row, a_step, a_run, a_block, steps, runs, blocks, b, b_row, ahead, ahead_step,
    c, c_row, base, base_row, rows, columns,
):  # fmt: skip
    """Write one tile of C, in compiled code; ``register_tile`` must have been called before that is compiled or loaded.

    Parameters
    ----------
    scalar : type
        ``np.float32`` or ``np.float64``.
    a, b, c, base : int
        Addresses of the first elements of the tile. ``base`` may be ``c``; 0 stands for zeros.
    a_row : int
        Bytes from a row of A to the next.
    a_step, a_run, a_block : int
        Bytes of A from a k to the next within a run, from a run to the next, and from a block of runs to the next.
    steps, runs, blocks : int
        Number of k in a run, of runs in a block, and of blocks; each may be 0.
    b_row : int
        Bytes from a row of the panel of B to the next. Whole vectors are read, also beyond ``columns``.
    ahead, ahead_step : int
        Address of memory that is loaded into the cache during the first k, and bytes to that for the next k: it will be
        used soon. Each k loads as much as a row of the panel has. If nothing is to be loaded, because the panel is in
        the cache, they are ``b`` and ``b_row``.
    c_row, base_row : int
        Bytes from a row of C and of ``base`` to the next.
    rows, columns : int
        Size of the tile: from 1 to MR, and from 1 to NR.
    """

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        function = cgutils.get_or_insert_function(builder.module, SIGNATURE, _symbol(np.dtype(str(scalar.dtype))))
        builder.call(function, arguments[1:])
        return context.get_dummy_value()

    return types.void(scalar, *[types.intp] * 18), generate


@cache
def register_tile(dtype: np.dtype) -> None:
    """Compile the micro-kernel once and tell the linker its address, so that no caller has to contain it."""
    scalar = dtype.type

    def tile(  # type: ignore[no-untyped-def]
        a, a_row, a_step, a_run, a_block, steps, runs, blocks, b, b_row, ahead, ahead_step,
        c, c_row, base, base_row, rows, columns
    ):  # fmt: skip
        _inline_tile(
            scalar, a, a_row, a_step, a_run, a_block, steps, runs, blocks, b, b_row, ahead, ahead_step,
            c, c_row, base, base_row, rows, columns,
        )  # fmt: skip

    address = compiled_address(tile, types.void(*[types.intp] * 18), _inner_symbol(FLOATS[numba.from_dtype(dtype)]))
    add_symbol(_symbol(dtype), address)
    if (shown := os.environ.get("AVA_SHOW_IR")) in ("1", "asm"):
        print(full_tile_code(dtype, assembly=shown == "asm"), file=sys.stderr)


@global_compiler_lock
def full_tile_code(dtype: np.dtype, *, assembly: bool = False) -> str:
    """Return the LLVM IR of the micro-kernel for a full tile, or the assembly that LLVM makes of it."""
    library = cpu_target.target_context.codegen().create_library("micro_kernel")
    module = library.create_ir_module("micro_kernel")
    element, tile = element_and_tile(numba.types.NumberClass(numba.from_dtype(dtype)))
    _emit_tile(module, element, tile, rows=[tile.MR], vectors=[tile.vectors])
    if not assembly:
        return str(module)
    library.add_ir_module(module)
    library.finalize()
    return str(library.get_asm_str())


def _symbol(dtype: np.dtype) -> str:
    return f"ava_np_multiply_tile_{dtype.name}"


def _inner_symbol(element: ir.Type) -> str:
    """The function inside the one that numba compiles; numba's wrapper takes as long as some of the tiles."""
    return f"ava_np_tile_{element.intrinsic_name}"


@intrinsic
def _inline_tile(  # type: ignore[no-untyped-def]
    context, scalar,
    a, a_row, a_step, a_run, a_block, steps, runs, blocks, b, b_row, ahead, ahead_step,
    c, c_row, base, base_row, rows, columns,
):  # fmt: skip
    """Add the micro-kernel to the module that is being compiled, and call it."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        element, tile = element_and_tile(scalar)
        every_row, every_width = range(1, tile.MR + 1), (1, tile.vectors)
        builder.call(_emit_tile(builder.module, element, tile, every_row, every_width), arguments[1:])
        return context.get_dummy_value()

    return types.void(scalar, *[types.intp] * 18), generate


def element_and_tile(scalar: types.NumberClass) -> tuple[ir.Type, Tile]:
    """Return the LLVM type and the tile for ``np.float32`` or ``np.float64``."""
    tile = host_tile(scalar.dtype.bitwidth // 8)
    if tile is None:
        raise NotImplementedError("there is no micro-kernel for this machine")
    return FLOATS[scalar.dtype], tile


def _emit_tile(
    module: ir.Module, element: ir.Type, tile: Tile, rows: Iterable[int], vectors: Iterable[int]
) -> ir.Function:
    """Return the function that jumps to the code for its number of rows and of vectors."""
    function = ir.Function(module, SIGNATURE, _inner_symbol(element))
    function.attributes.add("noinline")
    for argument, name in zip(function.args, ARGUMENTS, strict=True):
        argument.name = name
    *arguments, row_count, columns = function.args
    entry = ir.IRBuilder(function.append_basic_block("entry"))
    otherwise = function.append_basic_block("otherwise")
    ir.IRBuilder(otherwise).unreachable()
    # A single vector has the cases -1, -2, ..., and the full width 1, 2, ...
    is_narrow = entry.icmp_signed("<=", columns, INT64(tile.lanes))
    jump = entry.switch(entry.select(is_narrow, entry.neg(row_count), row_count), otherwise)
    for count in rows:
        for width in vectors:
            block = function.append_basic_block(f"rows{count}x{width}")
            jump.add_case(INT64(-count if width == 1 else count), block)
            _emit_rows(ir.IRBuilder(block), Tile(count, width, tile.lanes), element, columns, *arguments)
    return function


def _emit_rows(  # type: ignore[no-untyped-def]
    builder, tile, element, columns,
    a, a_row, a_step, a_run, a_block, steps, runs, blocks, b, b_row, ahead, ahead_step, c, c_row, base, base_row
) -> None:  # fmt: skip
    """Write the code for a tile of exactly ``tile.MR`` rows and ``tile.vectors`` vectors."""
    MR, V = tile.MR, tile.vectors
    vector = ir.VectorType(element, tile.lanes)
    width = tile.lanes * size_in_bytes(element)
    zero = ir.Constant(vector, [0.0] * tile.lanes)

    # Row r begins r · a_row bytes after row 0. With r = odd · 2^s, s <= 3, an x86 address may contain odd · a_row times
    # 2^s, so that seven registers reach fourteen rows. The optimiser would prefer to count up from row to row, in the
    # execution ports that the multiply-adds need. It cannot if it does not know what a register holds: this empty
    # assembly returns its argument, and the optimiser must assume anything.
    opaque = ir.InlineAsm(ir.FunctionType(INT64, [INT64]), "", "=r,0", side_effect=False)
    odd_rows = {r: builder.call(opaque, [builder.mul(a_row, INT64(r))]) for r in range(1, MR, 2)}

    # C is loaded into the cache while k runs; otherwise its first access at the end would wait.
    for r in range(MR):
        for v in range(V):
            prefetch(builder, builder.add(c, builder.add(builder.mul(c_row, INT64(r)), INT64(width * v))), write=True)

    def step(carried):  # type: ignore[no-untyped-def]
        """One k: add to the accumulators, and go on to the next column of A and row of B."""
        *accumulators, a_column, row, later = carried
        row_of_b = [load(builder, builder.add(row, INT64(width * v)), vector) for v in range(V)]
        for offset in range(0, width * V, CACHE_LINE):
            prefetch(builder, builder.add(later, INT64(offset)), write=False)
        sums = []
        for r in range(MR):
            address = a_column
            if r:
                power = (r & -r).bit_length() - 1
                address = builder.add(address, builder.shl(odd_rows[r >> power], INT64(power)))
            lanes = broadcast(builder, load(builder, address, element), vector)
            sums += [fused_multiply_add(builder, lanes, row_of_b[v], accumulators[r * V + v]) for v in range(V)]
        return [*sums, builder.call(opaque, [builder.add(a_column, a_step)]), *following(row, later)]

    def following(row, later):  # type: ignore[no-untyped-def]
        return builder.add(row, b_row), builder.add(later, ahead_step)

    def run(carried):  # type: ignore[no-untyped-def]
        *_, first, _, _ = carried
        *accumulators, _, row, later = loop(builder, steps, carried, step)
        return [*accumulators, builder.add(first, a_run), row, later]

    def block(carried):  # type: ignore[no-untyped-def]
        *_, first, _, _ = carried
        *accumulators, _, row, later = loop(builder, runs, carried, run)
        return [*accumulators, builder.add(first, a_block), row, later]

    sums = loop(builder, blocks, [*[zero] * (MR * V), a, b, ahead], block)[:-3]
    _write_tile(builder, tile, sums, columns, c, c_row, base, base_row)


def _write_tile(builder, tile, sums, columns, c, c_row, base, base_row) -> None:  # type: ignore[no-untyped-def]
    """Write the code that adds ``base`` to the sums, stores them in C, and returns."""
    MR, V, vector = tile.MR, tile.vectors, sums[0].type
    width = tile.lanes * size_in_bytes(vector)
    has_base = builder.icmp_unsigned("!=", base, INT64(0))
    full, edge = (builder.append_basic_block(name) for name in ("full", "edge"))
    builder.cbranch(builder.icmp_signed("==", columns, INT64(tile.NR)), full, edge)

    def address_at(first, stride, r, v):  # type: ignore[no-untyped-def]
        return builder.add(first, builder.add(builder.mul(stride, INT64(r)), INT64(width * v)))

    positions = [(r, v) for r in range(MR) for v in range(V)]
    builder.position_at_end(full)
    with builder.if_else(has_base) as (add_base, write_only):
        with add_base:
            for (r, v), total in zip(positions, sums, strict=True):
                before = load(builder, address_at(base, base_row, r, v), vector)
                store(builder, builder.fadd(before, total), address_at(c, c_row, r, v))
        with write_only:
            for (r, v), total in zip(positions, sums, strict=True):
                store(builder, total, address_at(c, c_row, r, v))
    builder.ret_void()

    # The memory beyond the last column may not belong to C or to the base: only the lanes of a mask are accessed.
    builder.position_at_end(edge)
    # Without a base no lane is read; but a processor takes hundreds of cycles to find that out at address 0.
    base, base_row = builder.select(has_base, base, c), builder.select(has_base, base_row, c_row)
    reads_base = broadcast(builder, has_base, ir.VectorType(ir.IntType(1), tile.lanes))
    for v in range(V):
        inside = first_lanes(builder, builder.sub(columns, INT64(v * tile.lanes)), tile.lanes)
        read = builder.and_(inside, reads_base)
        for r in range(MR):
            before = load_masked(builder, address_at(base, base_row, r, v), vector, read)
            total = builder.fadd(before, sums[r * V + v])
            store_masked(builder, total, address_at(c, c_row, r, v), inside)
    builder.ret_void()
