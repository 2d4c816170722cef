"""Padding: copies of pictures with zeros around them, for windows that reach beyond a picture.

A grid of windows reads a rectangle of a picture, counted from the picture's first pixel: its *frame*. If the frame
lies within the picture, the picture itself is read. Otherwise a copy of the frame is read. The copies of consecutive
pictures follow one another, and a copy of only some rows is addressed as if all rows were there."""

from typing import NamedTuple

from ava_np.kernels.machine.compile import kernel
from ava_np.kernels.machine.packing import clear_run, copy_run


class Reach(NamedTuple):
    """Pixels that a grid of windows reads along one axis.

    Attributes
    ----------
    before : int
        Pixels from the first that is read to the picture's first.
    extent : int
        Pixels that are read at each position of the grid.
    step, positions : int
        Pixels from a position to the next, and the number of positions.
    """

    before: int
    extent: int
    step: int
    positions: int

    @property
    def length(self) -> int:
        """Pixels from the first to the last that are read."""
        return self.step * (self.positions - 1) + self.extent


class Frame(NamedTuple):
    """Record of the rectangle that a grid of windows reads from each picture; ``make_frame`` returns it.

    Attributes
    ----------
    is_copy : int
        1 if a padded copy is read, 0 if the pictures themselves are.
    picture, row : int
        Bytes from a picture to the next, and from a row to the next, in what is read.
    positions, step, extent, before : int
        Down the picture, as in ``Reach``, in rows.
    left, inside, right : int
        Bytes of a row of the copy: zeros, pixels of the picture, zeros.
    source_picture, source_row, source_rows : int
        Of the pictures themselves: bytes from a picture to the next and from a row to the next, and the number of rows.
    """

    is_copy: int
    picture: int
    row: int
    positions: int
    step: int
    extent: int
    before: int
    left: int
    inside: int
    right: int
    source_picture: int
    source_row: int
    source_rows: int

    def copy_size(self, rows: int) -> int:
        """Return the bytes of a copy of what ``rows`` consecutive rows of the grid read, from any row on."""
        if not self.is_copy:
            return 0
        max_borders = (rows + self.positions - 2) // self.positions  # between a picture and the next
        gap = max(0, self.picture - self.step * self.positions * self.row)
        return max_borders * gap + (self.step * (rows - 1) + self.extent) * self.row + self.left


def make_frame(height: int, width: int, pixel: int, down: Reach, across: Reach) -> Frame:
    """Return the frame of pictures of height x width pixels of ``pixel`` bytes."""
    is_copy = down.before > 0 or across.before > 0 or down.length > height or across.length > width
    left = min(across.before, across.length)  # every window may end before the picture begins
    inside = min(width, across.length - left)
    row = across.length if is_copy else width
    rows = down.length if is_copy else height
    return Frame(
        is_copy=int(is_copy),
        picture=rows * row * pixel,
        row=row * pixel,
        positions=down.positions,
        step=down.step,
        extent=down.extent,
        before=down.before,
        left=left * pixel,
        inside=inside * pixel,
        right=(across.length - left - inside) * pixel,
        source_picture=height * width * pixel,
        source_row=width * pixel,
        source_rows=height,
    )


@kernel
def copy_frame(target, pictures, begin, end, frame):  # type: ignore[no-untyped-def]
    """Copy what the rows of the grid from ``begin`` to ``end`` read; they are counted from picture to picture.

    ``target`` and ``pictures`` are the addresses of row 0 of picture 0, even if that row is not copied.
    """
    while begin < end:
        n, i = begin // frame.positions, begin % frame.positions
        stop = min(frame.positions, i + end - begin)
        to_picture, from_picture = target + n * frame.picture, pictures + n * frame.source_picture
        clear_run(to_picture + frame.step * i * frame.row, frame.left)
        for u in range(frame.step * i, frame.step * (stop - 1) + frame.extent):
            to, v = to_picture + u * frame.row + frame.left, u - frame.before
            if 0 <= v < frame.source_rows:
                copy_run(to, from_picture + v * frame.source_row, frame.inside)
                clear_run(to + frame.inside, frame.right + frame.left)  # this row's end and the next row's start
            else:
                clear_run(to, frame.row)
        begin += stop - i
