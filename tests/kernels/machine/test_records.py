"""Records: compiled code reads by name what Python wrote by name."""

from typing import NamedTuple

import numpy as np
import pytest

from ava_np.kernels.machine.compile import kernel
from ava_np.kernels.machine.packing import copy_run
from ava_np.kernels.machine.parallel import call_part, compile_part, run_parts
from ava_np.kernels.machine.records import address_of, on_stack, read, read_row, store, word_count, write


class Inner(NamedTuple):
    x: int
    y: int


class Outer(NamedTuple):
    first: int
    inner: Inner
    last: int


class Copy(NamedTuple):
    code: int
    source: int
    target: int


@kernel
def digits_at(address):  # type: ignore[no-untyped-def]
    """One decimal digit for each field."""
    outer = read(Outer, address)
    return outer.first + 10 * outer.inner.x + 100 * outer.inner.y + 1000 * outer.last


@kernel
def digits_on_stack(first, x):  # type: ignore[no-untyped-def]
    return digits_at(on_stack(Outer(first, inner=Inner(y=True, x=x), last=4)))


@kernel
def store_compiled(words, first, x):  # type: ignore[no-untyped-def]
    store(address_of(words), Outer(first, Inner(x, 3), 4))


@kernel
def signed_address(array):  # type: ignore[no-untyped-def]
    return address_of(array)


def copy_row(index, record):  # type: ignore[no-untyped-def]
    """Copy one row of a table by way of the stack."""
    copy = read(Copy, record)
    copy_run(copy.target + index * 16, on_stack(read_row(Inner, copy.source, index)), 16)


def call_copy_row(index, record):  # type: ignore[no-untyped-def]
    """Call ``copy_row`` with a record that is made here."""
    copy = read(Copy, record)
    call_part(copy.code, index, on_stack(Copy(0, copy.source, copy.target)))


def test_the_words_follow_the_order_of_the_fields() -> None:
    words = write(Outer(1, Inner(-2, 3), 7), Inner(4, 5))
    np.testing.assert_array_equal(words, [1, -2, 3, 7, 4, 5])
    assert words.dtype == np.int64
    assert word_count(Inner) == 2
    assert word_count(Outer) == 4


def test_compiled_code_reads_every_field_by_its_name() -> None:
    assert digits_at(write(Outer(1, Inner(2, 3), 4)).ctypes.data) == 4321


@pytest.mark.parametrize("kind", [np.int64, np.uint64, np.int32, np.bool_])
def test_compiled_code_may_put_any_integer_in_a_field(kind: type[np.generic]) -> None:
    assert digits_on_stack(kind(1), 2) == 4121


def test_compiled_code_writes_the_same_words() -> None:
    words = np.zeros(word_count(Outer), np.int64)
    store_compiled(words, 1, -2)
    np.testing.assert_array_equal(words, write(Outer(1, Inner(-2, 3), 4)))


@pytest.mark.parametrize("part", [copy_row, call_copy_row])
def test_parts_read_rows_of_a_table(part) -> None:  # type: ignore[no-untyped-def]
    rows = [Inner(1, 2), Inner(3, 4), Inner(5, 6)]
    source, target = write(*rows), np.zeros((3, 2), np.int64)
    copy = Copy(compile_part(copy_row), source.ctypes.data, target.ctypes.data)
    run_parts(compile_part(part), 3, write(copy))
    np.testing.assert_array_equal(target, rows)


def test_the_address_of_an_array_is_signed() -> None:
    array = np.zeros(3)
    assert signed_address(array) == array.ctypes.data
    (compiled,) = signed_address.nopython_signatures  # type: ignore[attr-defined]
    assert compiled.return_type.signed
