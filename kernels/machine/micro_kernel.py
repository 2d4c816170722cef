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
fetched one by one, at any stride. Its k are counted in runs and blocks of runs, with a stride for each: a convolution's
window is a run for each of its rows, and a batch of pictures is a block for each, of a run for each row. base is what
the sum is added to: C itself, or the bias (a row stride of 0 makes one row serve for all), or nothing (address 0).

The kernel is written in LLVM's intermediate language, once for 1 row, once for 2, up to R, so that no batch pays for
rows that it does not have; and for V vectors and for a single one, so that few columns do not pay for many.
"""

import logging
from dataclasses import dataclass
from functools import cache

import numba
import numpy as np
from llvmlite import ir
from llvmlite.binding import add_symbol
from numba import types
from numba.core import cgutils
from numba.core.registry import cpu_target
from numba.extending import intrinsic

from ava_np.kernels.machine.compile import compiled_address

PREFETCH_ROWS = (
    16  # rows of B ahead of k, that are fetched from where they lie: of a matrix that was not packed, from memory
)
INTEGER, INDEX = ir.IntType(64), ir.IntType(32)
CODE = ir.FunctionType(ir.VoidType(), [INTEGER] * 16)
FLOATS = {types.float32: ir.FloatType(), types.float64: ir.DoubleType()}


@dataclass(frozen=True)
class Tile:
    """The tile of C that fits the registers: MR rows of ``vectors`` vectors of ``lanes`` elements."""

    MR: int
    vectors: int
    lanes: int

    @property
    def NR(self) -> int:
        """Columns of the tile."""
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
        return Tile(MR=14, vectors=2, lanes=64 // itemsize)
    if {"+avx2", "+fma"} <= known:
        return Tile(MR=6, vectors=2, lanes=32 // itemsize)
    if "+neon" in known:
        return Tile(MR=6, vectors=4, lanes=16 // itemsize)
    logging.getLogger(__name__).warning("no vector instructions known for %s: BLAS instead", name)
    return None


@intrinsic
def multiply_tile(  # type: ignore[no-untyped-def]
    context, number,
    a, a_row, a_step, a_run, a_block, steps, runs, blocks, b, b_step, c, c_row, base, base_row, rows, columns,
):  # fmt: skip
    """Write one tile of C; callable from kernels only, once ``register_tile`` has made it known.

    Parameters
    ----------
    number : type
        ``np.float32`` or ``np.float64``.
    a, b, c, base : int
        Addresses of the tile's first numbers. ``base`` 0 stands for zeros; it may be C itself.
    a_row : int
        Bytes from a row of A to the next.
    a_step, a_run, a_block : int
        Bytes of A from a k to the next within a run, from a run to the next, and from a block of runs to the next.
    steps, runs, blocks : int
        How many k in a run, runs in a block, and blocks; each may be 0.
    b_step : int
        Bytes from a row of the panel of B to the next. All lanes of a vector are read, also those beyond ``columns``.
    c_row, base_row : int
        Bytes from a row of C and of ``base`` to the next.
    rows, columns : int
        Size of the tile, at least 1 and at most the ``host_tile``'s.
    """

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        code = cgutils.get_or_insert_function(builder.module, CODE, _symbol(np.dtype(str(number.dtype))))
        builder.call(code, arguments[1:])
        return context.get_dummy_value()

    return types.void(number, *[types.intp] * 16), generate


@cache
def register_tile(dtype: np.dtype) -> None:
    """Compile the micro-kernel once, and let the linker know it: whoever calls it need not contain it.

    To be called before a kernel that multiplies tiles is compiled or loaded.
    """
    number = dtype.type

    def tile(  # type: ignore[no-untyped-def]
        a, a_row, a_step, a_run, a_block, steps, runs, blocks, b, b_step, c, c_row, base, base_row, rows, columns
    ):  # fmt: skip
        _tile(
            number, a, a_row, a_step, a_run, a_block, steps, runs, blocks, b, b_step, c, c_row, base, base_row,
            rows, columns,
        )  # fmt: skip

    code = compiled_address(tile, types.void(*[types.intp] * 16), _inner_symbol(FLOATS[numba.from_dtype(dtype)]))
    add_symbol(_symbol(dtype), code)


def _symbol(dtype: np.dtype) -> str:
    return f"ava_np_multiply_tile_{dtype.name}"


def _inner_symbol(number: ir.Type) -> str:
    """Within the code that numba compiles: what it wraps around takes as long as some of the tiles."""
    return f"ava_np_tile_{number.intrinsic_name}"


@intrinsic
def _tile(  # type: ignore[no-untyped-def]
    context, number,
    a, a_row, a_step, a_run, a_block, steps, runs, blocks, b, b_step, c, c_row, base, base_row, rows, columns,
):  # fmt: skip
    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        builder.call(_tile_function(builder.module, *number_of(number)), arguments[1:])
        return context.get_dummy_value()

    return types.void(number, *[types.intp] * 16), generate


def number_of(number: types.NumberClass) -> tuple[ir.Type, Tile]:
    """A type's name in LLVM's language, and its tile."""
    tile = host_tile(number.dtype.bitwidth // 8)
    if tile is None:
        raise NotImplementedError("there is no micro-kernel for this machine")
    return FLOATS[number.dtype], tile


def _tile_function(module: ir.Module, number: ir.Type, tile: Tile) -> ir.Function:
    """The function that jumps to the kernel for its numbers of rows and of vectors."""
    function = ir.Function(module, CODE, _inner_symbol(number))
    function.attributes.add("noinline")
    *arguments, rows, columns = function.args
    entry = ir.IRBuilder(function.append_basic_block("entry"))
    nowhere = function.append_basic_block("nowhere")
    ir.IRBuilder(nowhere).unreachable()
    is_narrow = entry.icmp_signed("<=", columns, INTEGER(tile.lanes))
    jump = entry.switch(entry.select(is_narrow, entry.neg(rows), rows), nowhere)
    for count in range(1, tile.MR + 1):
        for sign, vectors in ((-1, 1), (1, tile.vectors)):
            block = function.append_basic_block(f"rows{count}x{vectors}")
            jump.add_case(INTEGER(sign * count), block)
            _emit_rows(ir.IRBuilder(block), Tile(count, vectors, tile.lanes), number, columns, *arguments)
    return function


def _emit_rows(  # type: ignore[no-untyped-def]
    builder, tile, number, columns,
    a, a_row, a_step, a_run, a_block, steps, runs, blocks, b, b_step, c, c_row, base, base_row
) -> None:  # fmt: skip
    """The kernel for ``tile.MR`` rows, from its first sum to its return."""
    vector = ir.VectorType(number, tile.lanes)
    width = tile.lanes * _bytes(number)
    name = f"v{tile.lanes}{number.intrinsic_name}"
    fma = cgutils.get_or_insert_function(builder.module, ir.FunctionType(vector, [vector] * 3), f"llvm.fma.{name}")
    places = [(r, v) for r in range(tile.MR) for v in range(tile.vectors)]
    zero = ir.Constant(vector, [0.0] * tile.lanes)

    # Row r lies r·a_row beyond the first. With r = odd · 2^s, s ≤ 3, the processor adds odd·a_row times 2^s to the
    # address by itself, so that seven registers reach fourteen rows. The optimiser would rather count up from row to
    # row, on the ports that the multiply-adds need; it cannot, where it does not know what a register holds.
    hidden = ir.InlineAsm(ir.FunctionType(INTEGER, [INTEGER]), "", "=r,0", side_effect=False)
    odds = {r: builder.call(hidden, [builder.mul(a_row, INTEGER(r))]) for r in range(1, tile.MR, 2)}

    # C is fetched while k runs, or it would be waited for at the end.
    for r, v in places:
        _ask_for(builder, builder.add(c, builder.add(builder.mul(c_row, INTEGER(r)), INTEGER(width * v))), writing=True)
    far = builder.mul(b_step, INTEGER(PREFETCH_ROWS))

    def once(carried):  # type: ignore[no-untyped-def]
        """One k: add to the sums, and step on; so that the optimiser does not keep an address for each row, hide it."""
        *sums, number_of_a, row = carried
        rows_of_b = [load(builder, builder.add(row, INTEGER(width * v)), vector) for v in range(tile.vectors)]
        for v in range(tile.vectors):
            _ask_for(builder, builder.add(row, builder.add(far, INTEGER(width * v))), writing=False)
        later = []
        for r in range(tile.MR):
            address = number_of_a
            if r:
                power = (r & -r).bit_length() - 1
                address = builder.add(address, builder.shl(odds[r >> power], INTEGER(power)))
            lanes = _everywhere(builder, load(builder, address, number), vector)
            later += [builder.call(fma, [lanes, rows_of_b[v], sums[r * tile.vectors + v]]) for v in range(tile.vectors)]
        return [*later, builder.call(hidden, [builder.add(number_of_a, a_step)]), builder.add(row, b_step)]

    def run(carried):  # type: ignore[no-untyped-def]
        *_, first, _ = carried
        *sums, _, row = _loop(builder, steps, carried, once)
        return [*sums, builder.add(first, a_run), row]

    def block(carried):  # type: ignore[no-untyped-def]
        *_, first, _ = carried
        *sums, _, row = _loop(builder, runs, carried, run)
        return [*sums, builder.add(first, a_block), row]

    totals = _loop(builder, blocks, [*[zero] * len(places), a, b], block)[:-2]
    has_base = builder.icmp_unsigned("!=", base, INTEGER(0))
    full, edge = (builder.append_basic_block(s) for s in ("full", "edge"))
    builder.cbranch(builder.icmp_signed("==", columns, INTEGER(tile.NR)), full, edge)

    def address_at(first, stride, r, v):  # type: ignore[no-untyped-def]
        return builder.add(first, builder.add(builder.mul(stride, INTEGER(r)), INTEGER(width * v)))

    builder.position_at_end(full)
    with builder.if_else(has_base) as (added, bare):
        with added:
            for (r, v), total in zip(places, totals, strict=True):
                there = load(builder, address_at(base, base_row, r, v), vector)
                store(builder, builder.fadd(there, total), address_at(c, c_row, r, v))
        with bare:
            for (r, v), total in zip(places, totals, strict=True):
                store(builder, total, address_at(c, c_row, r, v))
    builder.ret_void()

    # Beyond the last column lies memory of others: read and written under a mask.
    builder.position_at_end(edge)
    wanted = _everywhere(builder, has_base, ir.VectorType(ir.IntType(1), tile.lanes))
    for v in range(tile.vectors):
        inside = first_lanes(builder, builder.sub(columns, INTEGER(v * tile.lanes)), tile.lanes)
        read = builder.and_(inside, wanted)
        for r in range(tile.MR):
            there = load_masked(builder, address_at(base, base_row, r, v), vector, read)
            total = builder.fadd(there, totals[r * tile.vectors + v])
            store_masked(builder, total, address_at(c, c_row, r, v), inside)
    builder.ret_void()


def _loop(builder, count, first, body):  # type: ignore[no-untyped-def]
    """Hand values from round to round, ``count`` times, which may be none; return the last."""
    start, inside, after = builder.block, builder.append_basic_block("loop"), builder.append_basic_block("after")
    builder.cbranch(builder.icmp_signed(">", count, INTEGER(0)), inside, after)
    builder.position_at_end(inside)
    left = builder.phi(INTEGER)
    carried = [builder.phi(value.type) for value in first]
    following = body(carried)
    remaining = builder.sub(left, INTEGER(1))
    end = builder.block
    for value, initial, later in zip([left, *carried], [count, *first], [remaining, *following], strict=True):
        value.add_incoming(initial, start)
        value.add_incoming(later, end)
    builder.cbranch(builder.icmp_signed(">", remaining, INTEGER(0)), inside, after)
    builder.position_at_end(after)
    last = []
    for initial, later in zip(first, following, strict=True):
        value = builder.phi(initial.type)
        value.add_incoming(initial, start)
        value.add_incoming(later, end)
        last.append(value)
    return last


def _bytes(number: ir.Type) -> int:
    return 4 if isinstance(number, ir.FloatType) else 8


def load(builder: ir.IRBuilder, address: ir.Value, kind: ir.Type) -> ir.Value:
    """Fetch a number or a vector that may start at any number."""
    number = getattr(kind, "element", kind)
    return builder.load(builder.inttoptr(address, kind.as_pointer()), align=_bytes(number))


def _ask_for(builder: ir.IRBuilder, address: ir.Value, *, writing: bool) -> None:
    """Have a line of memory, which will be read or written, brought to the nearest cache."""
    pointer = ir.IntType(8).as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [pointer, INDEX, INDEX, INDEX])
    ask = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    builder.call(ask, [builder.inttoptr(address, pointer), INDEX(int(writing)), INDEX(3), INDEX(1)])


def store(builder: ir.IRBuilder, value: ir.Value, address: ir.Value) -> None:
    builder.store(value, builder.inttoptr(address, value.type.as_pointer()), align=_bytes(value.type.element))


def first_lanes(builder: ir.IRBuilder, count: ir.Value, lanes: int) -> ir.Value:
    """A mask of the first ``count`` lanes."""
    kind = ir.VectorType(INTEGER, lanes)
    return builder.icmp_signed("<", ir.Constant(kind, list(range(lanes))), _everywhere(builder, count, kind))


def load_masked(builder: ir.IRBuilder, address: ir.Value, kind: ir.Type, mask: ir.Value) -> ir.Value:
    """Fetch the lanes of a mask, and zeros for the others."""
    pointer, name = kind.as_pointer(), f"llvm.masked.load.v{kind.count}{kind.element.intrinsic_name}.p0"
    found = ir.FunctionType(kind, [pointer, INDEX, mask.type, kind])
    zero = ir.Constant(kind, [0.0] * kind.count)
    arguments = [builder.inttoptr(address, pointer), INDEX(_bytes(kind.element)), mask, zero]
    return builder.call(cgutils.get_or_insert_function(builder.module, found, name), arguments)


def store_masked(builder: ir.IRBuilder, value: ir.Value, address: ir.Value, mask: ir.Value) -> None:
    """Store the lanes of a mask."""
    kind = value.type
    pointer, name = kind.as_pointer(), f"llvm.masked.store.v{kind.count}{kind.element.intrinsic_name}.p0"
    found = ir.FunctionType(ir.VoidType(), [kind, pointer, INDEX, mask.type])
    arguments = [value, builder.inttoptr(address, pointer), INDEX(_bytes(kind.element)), mask]
    builder.call(cgutils.get_or_insert_function(builder.module, found, name), arguments)


def _everywhere(builder: ir.IRBuilder, value: ir.Value, vector: ir.VectorType) -> ir.Value:
    """A vector with one value in every lane."""
    empty = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(empty, value, INDEX(0))
    return builder.shuffle_vector(first, empty, ir.Constant(ir.VectorType(INDEX, vector.count), [0] * vector.count))
