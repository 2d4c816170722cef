"""How every kernel is compiled: the one place where numba's flags stand, and where the cache learns of edits."""

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numba
from numba.core.caching import IndexDataCacheFile, NullCache
from numba.core.ccallback import CFunc
from numba.core.compiler_lock import global_compiler_lock
from numba.core.sigutils import normalize_signature

P = ParamSpec("P")
R = TypeVar("R")

# nogil: threads may run kernels side by side.
# error_model: NumPy's division, without the check for zero that stops LLVM from vectorising.
# fastmath: sums may be reordered and multiplications fused; unlike fastmath=True, NaN and infinity keep their
# meaning, because training must notice them.
FASTMATH = {"contract", "reassoc", "nsz", "arcp", "afn"}
FLAGS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": FASTMATH}

# Nobody calls a kernel from C: to compile the way in takes a sixth of the time.
FROM_PYTHON = {**FLAGS, "no_cfunc_wrapper": True}


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile ``function`` for each type that it meets, and cache the machine code where there is room for it."""
    compiled = numba.njit(**FROM_PYTHON)(function)
    _cache(compiled)
    return compiled


def inline_kernel(function: Callable[P, R]) -> Callable[P, R]:
    """A piece of arithmetic that kernels share: it is written into each of them, and is no code of its own.

    Where it were, a process that has just compiled a kernel would run one version of it, and a process that has
    loaded the kernel from the cache another, and the two may round differently.
    """
    return numba.njit(inline="always", **FLAGS)(function)


def kernel_for(signature: Any, **flags: Any) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Compile a function once, for one signature of numba's; arguments of other types are refused."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        compiled = numba.njit(**FROM_PYTHON, **flags)(function)
        _cache(compiled)
        compiled.compile(signature)
        compiled.disable_compile()
        return compiled

    return decorate


def compiled_address(function: Callable[..., None], signature: Any, symbol: str = "") -> int:
    """Compile a function once and return where its machine code begins, for callers that know nothing but that.

    A kernel that calls another one contains it, and is compiled with it again; one that calls an address is not. With
    ``symbol``, where the function of that name in its code begins: no wrapper of numba's stands before it.
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
"""Machine code is freed with its owner, and an address owns nothing."""


@cache
def _stamp(folder: Path) -> str:
    """A fingerprint of the sources of all kernels, and of those in ``folder``, which may be outside of kernels/."""
    kernels = Path(__file__).parents[1]
    sources = sorted({*kernels.rglob("*.py"), *folder.glob("*.py")})
    named = (os.path.relpath(path, kernels).encode() + b"\0" + path.read_bytes() for path in sources)
    return hashlib.sha256(b"\0".join(named)).hexdigest()


class _Files(IndexDataCacheFile):
    """The files of a function's machine code, named by the types that it is for, and written before they are listed.

    numba numbers them as they come, and lists a number first. Of two processes that compile one function for two types
    both may take the same number; a third then runs the code of the one type on arrays of the other.
    """

    def save(self, key: Any, data: Any) -> None:
        name = self._data_name(int(hashlib.sha256(repr((self._version, key)).encode()).hexdigest()[:16], 16))
        self._save_data(name, data)
        self._save_index({**self._load_index(), key: name})


def _cache(compiled: Any) -> None:
    """Cache the machine code until the source of any kernel, or of any file beside the function's own, changes.

    numba by itself stamps what it keeps with the date of the function's own file, and so misses an edit of another
    file whose functions it calls. Its files are no public attribute: a numba without them compiles in each process.
    """
    with suppress(RuntimeError):  # a read-only install without a writable home
        compiled.enable_caching()
    if hasattr(compiled._cache, "_cache_file"):
        stamp = _stamp(Path(compiled.__wrapped__.__code__.co_filename).parent)
        compiled._cache._cache_file = _Files(compiled._cache.cache_path, compiled._cache._impl.filename_base, stamp)
    else:
        compiled._cache = NullCache()


if hasattr(os, "register_at_fork"):
    # A fork waits for whoever compiles: the child would have the lock, but not the thread that is to give it back.
    os.register_at_fork(
        before=global_compiler_lock.acquire,
        after_in_parent=global_compiler_lock.release,
        after_in_child=global_compiler_lock.release,
    )
