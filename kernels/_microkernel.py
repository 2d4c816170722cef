"""The micro-kernel: the one loop that every matrix product spends its time in.

It computes a small tile of a product,

    C[r,j] = base[r,j] + Σ_k A[r,k] B[k,j]      r < rows,  j < columns,

and keeps the whole tile in vector registers while k runs. That is what a compiler does not find by itself, and what
decides the speed: a processor starts two fused multiply-adds in each cycle, but fetches only two or three vectors.
A tile of R rows by V vectors needs V vectors of B and R numbers of A for R·V multiply-adds, so it must be large, and
it can be no larger than the registers.

    for k:  b[v] = the k-th row of B, V vectors, one beside the other
            for r:  a = A[r,k] in every lane
                    for v:  sum[r][v] += a · b[v]

Therefore B comes in panels of `panel` columns, each row of a panel contiguous. A may lie in any way: its numbers are
fetched one by one, at any stride. base is what the sum is added to: C itself, or the bias (a row stride of 0 makes
one row serve for all), or nothing (address 0).

The kernel is written in LLVM's intermediate language, once for 1 row, once for 2, up to R, so that no batch pays for
rows that it does not have. numba compiles and caches it like any other function.
"""

import logging
from dataclasses import dataclass
from functools import cache

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.registry import cpu_target
from numba.extending import intrinsic

INTEGER, INDEX = ir.IntType(64), ir.IntType(32)
FLOATS = {types.float32: ir.FloatType(), types.float64: ir.DoubleType()}


@dataclass(frozen=True)
class Tile:
    """The tile that fits the registers: ``rows`` by ``vectors`` of ``lanes`` numbers."""

    rows: int
    vectors: int
    lanes: int

    @property
    def panel(self) -> int:
        """Columns of a tile."""
        return self.vectors * self.lanes


@cache
def host_tile(itemsize: int) -> Tile | None:
    """The tile for this machine and for numbers of ``itemsize`` bytes; None, and a line in the log, if it has none.

    rows · vectors sums, the vectors of one row of B and one number of A share the registers: 32 of 64 bytes with
    AVX-512, 16 of 32 bytes with AVX2, 32 of 16 bytes with NEON.
    """
    _, name, features = cpu_target.target_context.codegen().magic_tuple()
    known = set(features.split(","))
    if "+avx512f" in known:
        return Tile(rows=14, vectors=2, lanes=64 // itemsize)
    if {"+avx2", "+fma"} <= known:
        return Tile(rows=6, vectors=2, lanes=32 // itemsize)
    if "+neon" in known:
        return Tile(rows=6, vectors=4, lanes=16 // itemsize)
    logging.getLogger(__name__).warning("no vector instructions known for %s: BLAS instead", name)
    return None


@intrinsic
def multiply_tile(context, number, a, a_row, a_step, b, b_step, depth, c, c_row, base, base_row, rows, columns):  # type: ignore[no-untyped-def]
    """Write one tile of C, in machine code of its own; callable from kernels only.

    Parameters
    ----------
    number : type
        ``np.float32`` or ``np.float64``.
    a, b, c, base : int
        Addresses of the tile's first numbers. ``base`` 0 stands for zeros; it may be C itself.
    a_row, a_step : int
        Bytes from a row of A to the next, and from a k to the next.
    b_step : int
        Bytes from a row of the panel of B to the next. All lanes are read, also those beyond ``columns``.
    c_row, base_row : int
        Bytes from a row of C and of ``base`` to the next.
    depth : int
        How many k, from 0.
    rows, columns : int
        Size of the tile, at least 1 and at most the ``host_tile``'s.
    """

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        builder.call(_tile_function(builder.module, *number_of(number)), arguments[1:])
        return context.get_dummy_value()

    return types.void(number, *[types.intp] * 12), generate


def number_of(number: types.NumberClass) -> tuple[ir.Type, Tile]:
    """A type's name in LLVM's language, and its tile."""
    tile = host_tile(number.dtype.bitwidth // 8)
    if tile is None:
        raise NotImplementedError("there is no micro-kernel for this machine")
    return FLOATS[number.dtype], tile


def _tile_function(module: ir.Module, number: ir.Type, tile: Tile) -> ir.Function:
    """The function that jumps to the kernel for its number of rows."""
    function = cgutils.get_or_insert_function(
        module, ir.FunctionType(ir.VoidType(), [INTEGER] * 12), f"ava_np_tile_{number.intrinsic_name}"
    )
    if not function.is_declaration:
        return function
    function.linkage = "internal"
    function.attributes.add("noinline")
    *arguments, rows, columns = function.args
    entry = ir.IRBuilder(function.append_basic_block("entry"))
    nowhere = function.append_basic_block("nowhere")
    ir.IRBuilder(nowhere).unreachable()
    jump = entry.switch(rows, nowhere)
    for count in range(1, tile.rows + 1):
        block = function.append_basic_block(f"rows{count}")
        jump.add_case(INTEGER(count), block)
        _emit_rows(ir.IRBuilder(block), Tile(count, tile.vectors, tile.lanes), number, columns, *arguments)
    return function


def _emit_rows(  # type: ignore[no-untyped-def]
    builder, tile, number, columns, a, a_row, a_step, b, b_step, depth, c, c_row, base, base_row
) -> None:
    """The kernel for ``tile.rows`` rows, from its first sum to its return."""
    vector = ir.VectorType(number, tile.lanes)
    width = tile.lanes * _bytes(number)
    name = f"v{tile.lanes}{number.intrinsic_name}"
    fma = cgutils.get_or_insert_function(builder.module, ir.FunctionType(vector, [vector] * 3), f"llvm.fma.{name}")
    places = [(r, v) for r in range(tile.rows) for v in range(tile.vectors)]
    zero = ir.Constant(vector, [0.0] * tile.lanes)
    start = builder.block
    loop, after, full, edge = (builder.append_basic_block(s) for s in ("loop", "after", "full", "edge"))

    # Row r lies r·a_row beyond the first. With r = odd · 2^s, s ≤ 3, the processor adds odd·a_row times 2^s to the
    # address by itself, so that seven registers reach fourteen rows. The optimiser would rather count up from row to
    # row, on the ports that the multiply-adds need; it cannot, where it does not know what a register holds.
    hidden = ir.InlineAsm(ir.FunctionType(INTEGER, [INTEGER]), "", "=r,0", side_effect=False)
    odds = {r: builder.call(hidden, [builder.mul(a_row, INTEGER(r))]) for r in range(1, tile.rows, 2)}
    builder.cbranch(builder.icmp_signed(">", depth, INTEGER(0)), loop, after)

    builder.position_at_end(loop)

    def carried(kind, first):  # type: ignore[no-untyped-def]
        """A value that each round of the loop hands to the next."""
        value = builder.phi(kind)
        value.add_incoming(first, start)
        return value

    sums = [carried(vector, zero) for _ in places]
    number_of_a, row, left = carried(INTEGER, a), carried(INTEGER, b), carried(INTEGER, depth)
    rows_of_b = [load(builder, builder.add(row, INTEGER(width * v)), vector) for v in range(tile.vectors)]
    later = []
    for r in range(tile.rows):
        address = number_of_a
        if r:
            power = (r & -r).bit_length() - 1
            address = builder.add(address, builder.shl(odds[r >> power], INTEGER(power)))
        lanes = _everywhere(builder, load(builder, address, number), vector)
        later += [builder.call(fma, [lanes, rows_of_b[v], sums[r * tile.vectors + v]]) for v in range(tile.vectors)]
    remaining = builder.sub(left, INTEGER(1))
    for value, following in zip(
        [*sums, number_of_a, row, left],
        [*later, builder.add(number_of_a, a_step), builder.add(row, b_step), remaining],
        strict=True,
    ):
        value.add_incoming(following, loop)
    builder.cbranch(builder.icmp_signed(">", remaining, INTEGER(0)), loop, after)

    builder.position_at_end(after)
    totals = []
    for total in later:
        value = builder.phi(vector)
        value.add_incoming(zero, start)
        value.add_incoming(total, loop)
        totals.append(value)
    has_base = builder.icmp_unsigned("!=", base, INTEGER(0))
    builder.cbranch(builder.icmp_signed("==", columns, INTEGER(tile.panel)), full, edge)

    def address_of(first, stride, r, v):  # type: ignore[no-untyped-def]
        return builder.add(first, builder.add(builder.mul(stride, INTEGER(r)), INTEGER(width * v)))

    builder.position_at_end(full)
    with builder.if_else(has_base) as (added, bare):
        with added:
            for (r, v), total in zip(places, totals, strict=True):
                there = load(builder, address_of(base, base_row, r, v), vector)
                store(builder, builder.fadd(there, total), address_of(c, c_row, r, v))
        with bare:
            for (r, v), total in zip(places, totals, strict=True):
                store(builder, total, address_of(c, c_row, r, v))
    builder.ret_void()

    # Beyond the last column lies memory of others: read and written under a mask.
    builder.position_at_end(edge)
    mask_type = ir.VectorType(ir.IntType(1), tile.lanes)
    pointer = vector.as_pointer()
    read_masked = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(vector, [pointer, INDEX, mask_type, vector]), f"llvm.masked.load.{name}.p0"
    )
    write_masked = cgutils.get_or_insert_function(
        builder.module,
        ir.FunctionType(ir.VoidType(), [vector, pointer, INDEX, mask_type]),
        f"llvm.masked.store.{name}.p0",
    )
    indices = ir.VectorType(INTEGER, tile.lanes)
    limit = _everywhere(builder, columns, indices)
    for v in range(tile.vectors):
        lanes = ir.Constant(indices, list(range(v * tile.lanes, (v + 1) * tile.lanes)))
        inside = builder.icmp_signed("<", lanes, limit)
        read = builder.and_(inside, _everywhere(builder, has_base, mask_type))
        align = INDEX(_bytes(number))
        for r in range(tile.rows):
            there = builder.call(
                read_masked, [builder.inttoptr(address_of(base, base_row, r, v), pointer), align, read, zero]
            )
            total = builder.fadd(there, totals[r * tile.vectors + v])
            builder.call(write_masked, [total, builder.inttoptr(address_of(c, c_row, r, v), pointer), align, inside])
    builder.ret_void()


def _bytes(number: ir.Type) -> int:
    return 4 if isinstance(number, ir.FloatType) else 8


def load(builder: ir.IRBuilder, address: ir.Value, kind: ir.Type) -> ir.Value:
    """Fetch a number or a vector that may start at any number."""
    number = getattr(kind, "element", kind)
    return builder.load(builder.inttoptr(address, kind.as_pointer()), align=_bytes(number))


def store(builder: ir.IRBuilder, value: ir.Value, address: ir.Value) -> None:
    builder.store(value, builder.inttoptr(address, value.type.as_pointer()), align=_bytes(value.type.element))


def _everywhere(builder: ir.IRBuilder, value: ir.Value, vector: ir.VectorType) -> ir.Value:
    """A vector with one value in every lane."""
    empty = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(empty, value, INDEX(0))
    return builder.shuffle_vector(first, empty, ir.Constant(ir.VectorType(INDEX, vector.count), [0] * vector.count))
