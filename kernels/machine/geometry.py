"""The geometry of a convolution: which windows lie over a field, and the sizes that follow from it.

A window of kernel height x kernel width pixels moves over a field in steps of the stride. The first window starts
``padding`` pixels outside the field on each side. A convolution reads the field and writes one output pixel for each
window; a transposed convolution reads the windows and writes the field. Both have the same geometry."""

from typing import NamedTuple


def output_size(input: int, kernel: int, stride: int, padding: int) -> int:
    """Return the number of windows along one axis of a field of ``input`` pixels; below 1 if no window fits."""
    return (input + 2 * padding - kernel) // stride + 1


def transposed_output_size(input: int, kernel: int, stride: int, padding: int, output_padding: int) -> int:
    """Return the number of field pixels along one axis that ``input`` windows are added to.

    A convolution's windows leave out the last (field + 2 padding - kernel) mod stride pixels of its padded field. An
    ``output_padding`` of the same number adds them again: then this function inverts ``output_size``.
    """
    return (input - 1) * stride + kernel - 2 * padding + output_padding


class Geometry(NamedTuple):
    """Sizes of a convolution, without the batch. Hashable: plans are cached by it.

    Attributes
    ----------
    field : (int, int, int)
        Height, width and channels of the field.
    weights : (int, int, int, int)
        Shape of W: kernel height, kernel width, field channels, window channels.
    stride, padding : int
        Pixels from a window to the next, and pixels by which the first window starts outside the field.
    """

    field: tuple[int, ...]
    weights: tuple[int, ...]
    stride: int
    padding: int

    @property
    def windows(self) -> tuple[int, int, int]:
        """Windows down, windows across, and their channels."""
        (height, width, _), (down, across, _, channels) = self.field, self.weights
        return (
            output_size(height, down, self.stride, self.padding),
            output_size(width, across, self.stride, self.padding),
            channels,
        )

    @property
    def row_fan_in(self) -> int:
        """Field values under one row of a window: kernel width times field channels. They are contiguous in NHWC."""
        return self.weights[1] * self.weights[2]


class SubPixelGrid(NamedTuple):
    """Output pixels along one axis that are reached by the same taps (Shi et al. 2016).

    A transposed convolution has ``stride`` such grids, each of every stride-th pixel; a convolution has one.

    Attributes
    ----------
    first, positions : int
        The first output pixel, and the number of output pixels.
    taps : int
        Number of taps that reach each of them.
    start : int
        Input pixel under the first tap at the first position, below 0 in the padding.
    first_tap : int
        Kernel index of the first tap. Those that follow are 1 larger, or ``stride`` smaller if transposed.
    """

    first: int
    positions: int
    taps: int
    start: int
    first_tap: int


def subpixel_grids(geometry: Geometry, axis: int, *, transposed: bool) -> list[SubPixelGrid]:
    """Return the grids down (axis 0) or across (axis 1) a picture; a convolution has one."""
    kernel, stride, padding = geometry.weights[axis], geometry.stride, geometry.padding
    if not transposed:
        return [SubPixelGrid(0, geometry.windows[axis], kernel, -padding, 0)]
    grids = []
    size = geometry.field[axis]
    for first in range(min(stride, size)):
        window, tap = divmod(first + padding, stride)  # the last window that starts at or before the pixel, and its tap
        taps = max(0, -(-(kernel - tap) // stride))
        positions = -(-(size - first) // stride)
        grids.append(SubPixelGrid(first, positions, taps, window - taps + 1, tap + stride * (taps - 1)))
    return grids
