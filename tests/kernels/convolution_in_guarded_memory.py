"""Run every pass of a convolution on arrays that end at a locked page of memory."""

import itertools

from ava_np.kernels import convolution
from ava_np.kernels.machine.geometry import output_size
from tests.kernels.guarded_memory import guarded_ones

if __name__ == "__main__":
    side, kernel, stride = 11, 5, 2
    for padding, inputs, outputs in itertools.product((0, 2), (3, 16, 70), (1, 32, 45)):
        windows = output_size(side, kernel, stride, padding)
        x, y = guarded_ones(2, side, side, inputs), guarded_ones(2, windows, windows, outputs)
        W, b, field_bias = guarded_ones(kernel, kernel, inputs, outputs), guarded_ones(outputs), guarded_ones(inputs)
        scratch = guarded_ones(convolution.scratch_size(x.shape[1:], W.shape, stride, padding))
        convolution.convolution_forward(y, x, W, b, stride, padding, scratch)
        convolution.convolution_backward_parameters(W, b, y, x, stride, padding, scratch)
        convolution.transposed_convolution_forward(x, y, W, field_bias, stride, padding, scratch)
        convolution.convolution_backward_input(x, y, W, stride, padding, scratch)
