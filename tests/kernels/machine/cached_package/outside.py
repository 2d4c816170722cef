"""A function outside of kernels/ that calls one in a file beside it; its copy is ava_np/outside/user.py."""

from ava_np.outside.helper import ones  # type: ignore[import-not-found]

from ava_np.kernels.machine.compile import kernel


@kernel
def ask() -> int:
    """Return the answer of the file beside it."""
    return int(ones())
