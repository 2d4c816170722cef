"""A kernel that others call; its copy is ava_np/kernels/neighbour.py."""

from ava_np.kernels.machine.compile import kernel


@kernel
def tens() -> int:
    """Return the tens of the answer."""
    return 10
