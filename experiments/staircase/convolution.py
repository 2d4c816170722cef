"""A convolution in five steps and a transposed one in three, from nested loops to the kernels that the layers run.

    python -m ava_np.experiments.staircase.convolution

prints the time of each step on a float32 layer with windows of 5 x 5. All steps but the last are plain Numba and
NumPy. docs/staircase/convolution.md explains the steps and lists what each one gains.

    y[n,i,j,o] = b[o] + Σ_{p,q,c} x[n,u,v,c] W[p,q,c,o],   u = stride i + p - padding,   v = stride j + q - padding

x is 0 outside of the picture.

Shapes: x, y (batch, height, width, channels); b (out,); W (kh, kw, in, out), for the transposed convolution
(kh, kw, out, in). All are C-contiguous and of one float type. Each step overwrites y.
"""

from functools import cache

import numpy as np

from ava_np.experiments.staircase.gemm import MR, NR, dot, step5_register_tile, tile
from ava_np.experiments.staircase.timing import Step, print_times
from ava_np.kernels.convolution import convolution_forward, scratch_size, transposed_convolution_forward
from ava_np.kernels.machine.compile import kernel


@kernel
def step1_seven_loops(y: np.ndarray, x: np.ndarray, W: np.ndarray, b: np.ndarray, stride: int, padding: int) -> None:
    """Compute one element of y after the other, as the equation is written.

    In the inner loop the elements of W are ``out`` apart in memory, so the compiler cannot load several of them as one
    vector.
    """
    batch, rows, columns, outputs = y.shape
    for n in range(batch):
        for i in range(rows):
            for j in range(columns):
                for o in range(outputs):
                    y[n, i, j, o] = b[o]
                    for p in range(W.shape[0]):
                        for q in range(W.shape[1]):
                            u, v = stride * i + p - padding, stride * j + q - padding
                            if 0 <= u < x.shape[1] and 0 <= v < x.shape[2]:
                                for c in range(W.shape[2]):
                                    y[n, i, j, o] += x[n, u, v, c] * W[p, q, c, o]


@kernel
def step2_channels_innermost(
    y: np.ndarray, x: np.ndarray, W: np.ndarray, b: np.ndarray, stride: int, padding: int
) -> None:
    """Make the loop over the output channels the innermost one.

    In the layout NHWC the channels of a pixel are contiguous, in y and in W. The compiler loads, multiplies and stores
    whole vectors of channels. The test for the border moves out of the two inner loops.
    """
    batch, rows, columns, outputs = y.shape
    for n in range(batch):
        for i in range(rows):
            for j in range(columns):
                y[n, i, j] = b
                for p in range(W.shape[0]):
                    for q in range(W.shape[1]):
                        u, v = stride * i + p - padding, stride * j + q - padding
                        if 0 <= u < x.shape[1] and 0 <= v < x.shape[2]:
                            for c in range(W.shape[2]):
                                for o in range(outputs):
                                    y[n, i, j, o] += x[n, u, v, c] * W[p, q, c, o]


def padded_lines(x: np.ndarray, margin: int) -> np.ndarray:
    """Return x with ``margin`` zeros on every side, as (batch, height, width · channels)."""
    batch, height, width, channels = x.shape
    padded = np.zeros((batch, height + 2 * margin, width + 2 * margin, channels), x.dtype)
    padded[:, margin : margin + height, margin : margin + width] = x
    return padded.reshape(batch, height + 2 * margin, -1)


@kernel
def unfold(windows: np.ndarray, lines: np.ndarray, stride: int, channels: int) -> None:
    """Copy row p of every window to windows[n,i,j,p]: kw adjacent pixels, which are contiguous in a padded line."""
    batch, rows, columns, taps, run = windows.shape
    for n in range(batch):
        for i in range(rows):
            for j in range(columns):
                start = stride * j * channels
                for p in range(taps):
                    windows[n, i, j, p] = lines[n, stride * i + p, start : start + run]


def step3_unfolding(y: np.ndarray, x: np.ndarray, W: np.ndarray, b: np.ndarray, stride: int, padding: int) -> None:
    """Copy every window to a row of a matrix, and multiply the matrix by W (im2col).

    The convolution becomes one matrix product, (pixels, kh kw in) times (kh kw in, out), so a fast product makes it
    fast too. The price is memory: windows overlap, and the matrix is about kh kw / stride² times as large as x.
    """
    (kernel_height, kernel_width, inputs, outputs), (batch, rows, columns, _) = W.shape, y.shape
    windows = np.empty((batch, rows, columns, kernel_height, kernel_width * inputs), x.dtype)
    unfold(windows, padded_lines(x, padding), stride, inputs)
    step5_register_tile(y.reshape(-1, outputs), windows.reshape(batch * rows * columns, -1), W.reshape(-1, outputs))
    y += b


@kernel
def multiply_windows(
    y: np.ndarray, lines: np.ndarray, W: np.ndarray, top: int, left: int, stride: int, channels: int
) -> None:
    """Add to y[n,i,j,o] the sum Σ_{p,k} lines[n, top + stride i + p, (left + stride j) channels + k] W[p,o,k]."""
    batch, rows, columns, outputs = y.shape
    taps, run = W.shape[0], W.shape[2]
    tiled_outputs, tiled_columns, step = outputs // MR * MR, columns // NR * NR, stride * channels
    for n in range(batch):
        for i in range(rows):
            C = y[n, i].T
            for p in range(taps):
                a, line = W[p], lines[n, top + stride * i + p, left * channels :]
                for j in range(0, tiled_columns, NR):
                    b0, b1 = line[j * step : j * step + run], line[(j + 1) * step : (j + 1) * step + run]
                    b2, b3 = line[(j + 2) * step : (j + 2) * step + run], line[(j + 3) * step : (j + 3) * step + run]
                    for o in range(0, tiled_outputs, MR):
                        tile(C, o, j, a, o, b0, b1, b2, b3)
                for j in range(columns):
                    for o in range(tiled_outputs if j < tiled_columns else 0, outputs):
                        C[o, j] += dot(a[o], line[j * step : j * step + run])


def step4_implicit_gemm(y: np.ndarray, x: np.ndarray, W: np.ndarray, b: np.ndarray, stride: int, padding: int) -> None:
    """Multiply the windows where they lie, without copying them.

    A row of a window is contiguous in NHWC: kw pixels of ``in`` channels each. For each p the picture is therefore a
    matrix of overlapping rows, which the register tile of gemm.py reads in place. Only W is copied, so that the weights
    of one output channel and one p are contiguous too.
    """
    kernel_height, kernel_width, inputs, outputs = W.shape
    packed = np.ascontiguousarray(W.transpose(0, 3, 1, 2)).reshape(kernel_height, outputs, kernel_width * inputs)
    y[:] = b
    multiply_windows(y, padded_lines(x, padding), packed, 0, 0, stride, inputs)


def step5_kernel(y: np.ndarray, x: np.ndarray, W: np.ndarray, b: np.ndarray, stride: int, padding: int) -> None:
    """Call kernels/convolution.py: the same implicit product, around the micro-kernel.

    The micro-kernel sums over p as well, so a tile of y can stay in registers for several rows of a window. Only a few
    lines of a picture are padded at a time, and W is packed in small panels that stay in the L1 cache.
    """
    convolution_forward(y, x, W, b, stride, padding, _scratch(x.shape[1:], W.shape, stride, padding, x.dtype))


@kernel
def transposed_step1_scatter(
    y: np.ndarray, x: np.ndarray, W: np.ndarray, b: np.ndarray, stride: int, padding: int
) -> None:
    """Add each element of x, times the weights, to the window of y that it reaches.

    Windows overlap, so an element of y is loaded and stored once for each window that covers it.
    """
    batch, height, width, outputs = y.shape
    for n in range(batch):
        for u in range(height):
            for v in range(width):
                for o in range(outputs):
                    y[n, u, v, o] = b[o]
        for i in range(x.shape[1]):
            for j in range(x.shape[2]):
                for p in range(W.shape[0]):
                    for q in range(W.shape[1]):
                        u, v = stride * i + p - padding, stride * j + q - padding
                        if 0 <= u < height and 0 <= v < width:
                            for o in range(outputs):
                                for c in range(W.shape[3]):
                                    y[n, u, v, o] += x[n, i, j, c] * W[p, q, o, c]


def transposed_step2_sub_pixel_grids(
    y: np.ndarray, x: np.ndarray, W: np.ndarray, b: np.ndarray, stride: int, padding: int
) -> None:
    """Divide y into stride x stride grids of pixels that are ``stride`` apart, each a convolution of stride 1.

    Window i covers pixel u with tap p if u + padding = stride i + p. So pixel u gets only the tap
    p = (u + padding) mod stride and those at steps of ``stride`` from it, and so does every pixel of its grid. Along
    this grid i grows by 1 from pixel to pixel; for one pixel, p falls by ``stride`` where i grows by 1. That is a
    convolution with these taps in reverse order. It needs no zeros between the pixels of x, and it computes each
    element of y once.
    """
    margin, inputs = max(W.shape[:2]), W.shape[3]
    lines = padded_lines(x, margin)
    y[:] = b
    for first_row in range(stride):
        for first_column in range(stride):
            (i, p), (j, q) = divmod(first_row + padding, stride), divmod(first_column + padding, stride)
            taps = W[p::stride, q::stride][::-1, ::-1].transpose(0, 2, 1, 3)
            down, outputs, across, _ = taps.shape
            packed = np.ascontiguousarray(taps).reshape(down, outputs, across * inputs)
            top, left = i - down + 1 + margin, j - across + 1 + margin
            multiply_windows(y[:, first_row::stride, first_column::stride], lines, packed, top, left, 1, inputs)


def transposed_step3_kernel(
    y: np.ndarray, x: np.ndarray, W: np.ndarray, b: np.ndarray, stride: int, padding: int
) -> None:
    """Call kernels/convolution.py: the same sub-pixel grids, around the micro-kernel."""
    scratch = _scratch(y.shape[1:], W.shape, stride, padding, x.dtype)
    transposed_convolution_forward(y, x, W, b, stride, padding, scratch)


@cache
def _scratch(
    field: tuple[int, ...], weights: tuple[int, ...], stride: int, padding: int, dtype: np.dtype
) -> np.ndarray:
    return np.empty(scratch_size(field, weights, stride, padding), dtype)


STEPS = (
    Step("1 seven loops", step1_seven_loops),
    Step("2 channels innermost", step2_channels_innermost),
    Step("3 unfolding", step3_unfolding),
    Step("4 implicit GEMM", step4_implicit_gemm),
    Step("5 kernel", step5_kernel),
)
TRANSPOSED_STEPS = (
    Step("1 scatter", transposed_step1_scatter),
    Step("2 sub-pixel grids", transposed_step2_sub_pixel_grids),
    Step("3 kernel", transposed_step3_kernel),
)


def main(batch: int = 4, side: int = 32, channels: tuple[int, int] = (64, 128)) -> None:
    """Print the time of each step on a layer with windows of 5 x 5 and stride 2, and on its transpose."""
    generator, (few, many), half = np.random.default_rng(0), channels, side // 2
    large = generator.standard_normal((batch, side, side, few), np.float32)
    small = generator.standard_normal((batch, half, half, many), np.float32)
    W, b = generator.standard_normal((5, 5, few, many), np.float32), np.zeros(many, np.float32)
    operations = 2 * small.size * 25 * few
    ends = f"{side} x {side} x {few}", f"{half} x {half} x {many}"
    arguments = np.empty_like(small), large, W, b, 2, 2
    print_times(f"convolution {ends[0]} to {ends[1]}, batch {batch}, float32", STEPS, arguments, operations)
    arguments = np.empty_like(large), small, W, b[:few], 2, 2
    print_times(f"transposed {ends[1]} to {ends[0]}, batch {batch}, float32", TRANSPOSED_STEPS, arguments, operations)


if __name__ == "__main__":
    main()
