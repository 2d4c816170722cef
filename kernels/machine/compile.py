"""Compilation of the kernels: numba's flags, and a cache of machine code that notices every edit."""

import gc
import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numba
from numba.core import event
from numba.core.caching import IndexDataCacheFile, NullCache
from numba.core.ccallback import CFunc
from numba.core.compiler_lock import global_compiler_lock
from numba.core.sigutils import normalize_signature

P = ParamSpec("P")
R = TypeVar("R")

# nogil: threads may run kernels at the same time.
# error_model: division as in NumPy, without the check for zero that stops LLVM from vectorising.
# fastmath: sums may be reordered, and a multiplication fused with an addition. Unlike with fastmath=True, NaN and
# infinity keep their meaning, because training must notice them.
FASTMATH = {"contract", "reassoc", "nsz", "arcp", "afn"}
FLAGS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": FASTMATH}

# Kernels are not called from C; compiling the entry point for it would take a sixth of the time.
NJIT_FLAGS = {**FLAGS, "no_cfunc_wrapper": True}


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile ``function`` for the types of its arguments, at the first call with them, and cache the machine code."""
    compiled = numba.njit(**NJIT_FLAGS)(function)
    _cache(compiled)
    return compiled


def inline_kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function that kernels call: it becomes part of each of them, and is not compiled by itself.

    If it were, a process that has just compiled a kernel and a process that loaded the kernel from the cache would run
    different versions of it, which may round differently.
    """
    return numba.njit(inline="always", **FLAGS)(function)


def kernel_for(signature: Any, **flags: Any) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Compile a function at once, for one numba signature; arguments of other types raise a ``TypeError``."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        compiled = numba.njit(**NJIT_FLAGS, **flags)(function)
        _cache(compiled)
        compiled.compile(signature)
        compiled.disable_compile()
        return compiled

    return decorate


def compiled_address(function: Callable[..., None], signature: Any, symbol: str = "") -> int:
    """Compile a function and return the address of its machine code.

    A kernel that calls another kernel contains it, and compiles it again; a kernel that calls an address does not. With
    ``symbol``, return the address of the function of that name inside the code, which has no wrapper of numba's around
    it.
    """
    compiled = CFunc(function, normalize_signature(signature), locals={}, options=FLAGS)
    _cache(compiled)
    compiled.compile()
    _kept.append(compiled)
    if symbol:
        return int(compiled._library.get_pointer_to_function(symbol))  # type: ignore[attr-defined]
    assert compiled.address is not None
    return compiled.address


_kept: list[Any] = []
"""The owners of the machine code at the addresses, which would be freed with them."""


def is_cached(compiled: Any) -> bool:
    """Return whether the cache holds machine code of a kernel; also if it cannot hold any."""
    files = getattr(compiled._cache, "_cache_file", None)
    return files is None or bool(files._load_index())


@cache
def _stamp(folder: Path) -> str:
    """Return a hash of the sources of all kernels, and of the files in ``folder``, which may be outside kernels/."""
    kernels = Path(__file__).parents[1]
    sources = sorted({*kernels.rglob("*.py"), *folder.glob("*.py")})
    named = (os.path.relpath(path, kernels).encode() + b"\0" + path.read_bytes() for path in sources)
    return hashlib.sha256(b"\0".join(named)).hexdigest()


class _CacheFiles(IndexDataCacheFile):
    """Cache files of one function, named by the argument types, and written before they are listed in the index.

    numba numbers them in the order of their creation, and lists a number before it writes the file. Two processes that
    compile a function for different types may choose the same number; a third then runs the code for one type on arrays
    of the other.

    The cache is optional. Files that cannot be read, for example because they are damaged, count as missing; files
    that cannot be written, for example on a full disk, are left out.
    """

    def load(self, key: Any) -> Any:
        try:
            return super().load(key)
        except Exception:  # unpickling damaged bytes raises anything
            return None

    def save(self, key: Any, data: Any) -> None:
        name = self._data_name(int(hashlib.sha256(repr((self._version, key)).encode()).hexdigest()[:16], 16))
        with suppress(OSError):
            self._save_data(name, data)
            self._save_index({**self._load_index(), key: name})

    def _load_index(self) -> Any:
        try:
            return super()._load_index()
        except Exception:
            return {}


def _cache(compiled: Any) -> None:
    """Cache the machine code until the source of any kernel, or of any file beside the function's own, changes.

    numba itself compares only the date of the function's own file, and misses edits of other files whose functions it
    calls. The attributes used here are not public: with a numba that lacks them, every process compiles.
    """
    with suppress(RuntimeError):  # neither the installation nor the home directory is writable
        compiled.enable_caching()
    if hasattr(compiled._cache, "_cache_file"):
        stamp = _stamp(Path(compiled.__wrapped__.__code__.co_filename).parent)
        base = compiled._cache._impl.filename_base
        compiled._cache._cache_file = _CacheFiles(compiled._cache.cache_path, base, stamp)
    else:
        compiled._cache = NullCache()


class _PausedCollector(event.Listener):
    """Turns Python's garbage collector off while numba compiles.

    numba makes millions of objects and keeps many of them. To look through all that are there, again and again, takes a
    tenth of the time of a first start.
    """

    def __init__(self) -> None:
        self._was_on: list[bool] = []  # compilations are nested, and other threads wait to compile

    def on_start(self, event: event.Event) -> None:
        self._was_on.append(gc.isenabled())
        gc.disable()

    def on_end(self, event: event.Event) -> None:
        if self._was_on.pop():
            gc.enable()


event.register("numba:compiler_lock", _PausedCollector())

if hasattr(os, "register_at_fork"):
    # Fork only while no thread compiles: the child would inherit a locked lock, without the thread that releases it.
    os.register_at_fork(
        before=global_compiler_lock.acquire,
        after_in_parent=global_compiler_lock.release,
        after_in_child=global_compiler_lock.release,
    )
