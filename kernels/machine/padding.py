"""Pictures with zeros around them: what the windows of a convolution reach beyond a picture is there after all.

A *frame* says which part of the plane, counted from a picture's first neuron, is read by a grid of places that lie
``step`` neurons apart and read ``extent`` neurons each. Where that is within the picture, the picture itself is read.
Otherwise a copy is, which holds just that part; picture follows picture, as if all rows were there.
"""

from typing import NamedTuple

from ava_np.kernels.machine.compile import kernel
from ava_np.kernels.machine.packing import clear_run, copy_run

LINE = 64  # bytes of a cache line
STORE_COST = 64  # multiply-adds that take as long as what is done once for each number of a result: for sharing work


class Reach(NamedTuple):
    """What a grid reads along one axis: zeros ``before`` the picture, ``extent`` neurons at each of ``places``."""

    before: int
    extent: int
    step: int
    places: int

    @property
    def length(self) -> int:
        """Neurons from the first to the last that are read."""
        return self.step * (self.places - 1) + self.extent


class Frame(NamedTuple):
    """A frame in bytes and rows, in the order in which the kernels read it.

    Attributes
    ----------
    copied : int
        Whether there is a copy.
    picture, row : int
        From a picture, and from a row, to the next, in what is read.
    places, step, extent, top : int
        Down the picture, as in ``Reach``.
    left, inside, right : int
        Zeros, neurons and zeros of a row of the copy.
    source_picture, source_row, source_rows : int
        The pictures themselves.
    """

    copied: int
    picture: int
    row: int
    places: int
    step: int
    extent: int
    top: int
    left: int
    inside: int
    right: int
    source_picture: int
    source_row: int
    source_rows: int

    def room(self, rows: int) -> int:
        """Bytes of a copy for so many rows of places, wherever they begin."""
        if not self.copied:
            return 0
        crossings = (rows + self.places - 2) // self.places  # from one picture to the next
        more = max(0, self.picture - self.step * self.places * self.row)
        return crossings * more + (self.step * (rows - 1) + self.extent) * self.row + self.left


def frame(height: int, width: int, pixel: int, down: Reach, across: Reach) -> Frame:
    """The frame for pictures of height x width neurons of ``pixel`` bytes."""
    copied = down.before > 0 or across.before > 0 or down.length > height or across.length > width
    left = min(across.before, across.length)  # windows may end before the picture begins
    inside = min(width, across.length - left)
    row = across.length if copied else width
    rows = down.length if copied else height
    return Frame(
        int(copied), rows * row * pixel, row * pixel, down.places, down.step, down.extent, down.before,
        left * pixel, inside * pixel, (across.length - left - inside) * pixel,
        height * width * pixel, width * pixel, height,
    )  # fmt: skip


@kernel
def copy_frame(target, read, begin, end, frame):  # type: ignore[no-untyped-def]
    """Copy what the rows of places from ``begin`` to ``end`` read; ``target`` is where row 0 of picture 0 would be."""
    _, picture, row, places, step, extent, top, left, inside, right, source_picture, source_row, source_rows = frame
    while begin < end:
        n, i = begin // places, begin % places
        last = min(places, i + end - begin)
        clear_run(target + n * picture + step * i * row, left)
        for u in range(step * i, step * (last - 1) + extent):
            to, v = target + n * picture + u * row + left, u - top
            if 0 <= v < source_rows:
                copy_run(to, read + n * source_picture + v * source_row, inside)
                clear_run(to + inside, right + left)  # of the next row, too
            else:
                clear_run(to, row)
        begin += last - i
