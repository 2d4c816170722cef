"""Buffers: the arrays of one application of a network, kept outside of the network.

In a step of AVA the encoder Θ runs on x and on x', the decoder Φ on z, the discriminator Ψ on x and on x', and Λ on
μ(x) and on μ(x'): seven sets of buffers for four networks. So a network can be applied again before any error comes
back.
"""

from collections.abc import Sequence

import numpy as np

from ava_np.layers import Arrays, Layer, LayerBuffers, Mode, Shape
from ava_np.share import ALONE, Share


class Buffers:
    """The arrays of one application of a network to a batch, allocated once; made by ``Network.buffers``.

    Parameters
    ----------
    layers : sequence of Layer
        The network's layers.
    shapes : sequence of tuple of int
        Shape of one sample before the first layer and after each.
    intermediate : int
        Number of layers before the intermediate values.
    needs_copy : frozenset of int
        In-place layers that must not overwrite their input.
    states : sequence of dict
        The layers' state, shared with the network.
    scratch : ndarray
        Work space for the passes; its type is that of all arrays.
    batch : int
        Number of samples.
    mode : {"training", "frozen", "evaluation"}
        See ``ava_np.layers.Mode``.

    Attributes
    ----------
    input, output : ndarray
        Input of the first layer and output of the last, ``(batch, *shape)``.
    error, input_error : ndarray
        Errors at the output and at the input. A backward pass reads the first and writes the second.
    intermediate, intermediate_error : ndarray
        Values at the network's intermediate layer, and their errors.
    layers : list of LayerBuffers
        Each layer's arrays.
    noise : list of ndarray
        Arrays to be filled with uniform numbers in [0, 1) before the forward pass; empty without dropout.
    share : Share
        The rows of a batch that these are: all, unless ``belong_to`` says otherwise.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        shapes: Sequence[Shape],
        intermediate: int,
        needs_copy: frozenset[int],
        states: Sequence[Arrays],
        scratch: np.ndarray,
        batch: int,
        mode: Mode,
    ) -> None:
        dtype = scratch.dtype
        values = [np.zeros((batch, *shapes[0]), dtype)]
        errors = [np.zeros_like(values[0])]
        self.layers: list[LayerBuffers] = []
        for i, (layer, before, after) in enumerate(zip(layers, shapes, shapes[1:], strict=False)):
            for arrays in (values, errors):
                shared = layer.in_place and i not in needs_copy
                arrays.append(arrays[-1].reshape(batch, *after) if shared else np.zeros((batch, *after), dtype))
            noise = layer.noise_shape(before)
            self.layers.append(
                LayerBuffers(
                    x=values[-2],
                    y=values[-1],
                    dx=errors[-2],
                    dy=errors[-1],
                    saved={name: np.zeros(shape, dtype) for name, shape in layer.saved_shapes(before, batch).items()},
                    noise=None if noise is None else np.zeros((batch, *noise), dtype),
                    state=states[i],
                    scratch=scratch,
                    mode=mode,
                )
            )
        self.input, self.output = values[0], values[-1]
        self.error, self.input_error = errors[-1], errors[0]
        self.intermediate, self.intermediate_error = values[intermediate], errors[intermediate]
        self.noise = [layer.noise for layer in self.layers if layer.noise is not None]
        self._slope: np.ndarray | None = None  # few networks need it
        self.share = ALONE

    @property
    def slope(self) -> np.ndarray:
        """Room for a' at the output (``Network.output_slope``), shaped like ``output``."""
        if self._slope is None:
            self._slope = np.empty_like(self.output)
        return self._slope

    def belong_to(self, share: Share) -> None:
        """Make these the buffers of a share of each batch.

        Parameters
        ----------
        share : Share
            This process's share.
        """
        self.share = share
        for layer in self.layers:
            layer.share = share

    def zero_error(self) -> np.ndarray:
        """Set the error at the output to 0, so that terms can add to it, and return it."""
        self.error.fill(0)
        return self.error

    def zero_intermediate_error(self) -> np.ndarray:
        """Set the error at the intermediate layer to 0, so that terms can add to it, and return it."""
        self.intermediate_error.fill(0)
        return self.intermediate_error
