"""Hypothesis strategies for every layer: its fields, its samples, and a network that has run on them."""

from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from ava_np.kernels.activations import ACTIVATIONS
from ava_np.kernels.machine.geometry import output_size, transposed_output_size
from ava_np.layers import (
    Activation,
    AveragePooling,
    BatchNorm,
    Convolution,
    Dense,
    Dropout,
    Flatten,
    Layer,
    Maxout,
    MinibatchDiscrimination,
    Mode,
    Reshape,
    Shape,
    TransposedConvolution,
    Upsampling,
)
from ava_np.network import Buffers, Network
from tests.oracles import normal

FLOOR = 0.1
"""An ε for batch norm that is large enough to keep the curvature small if two samples are close to each other."""

MODES: tuple[Mode, ...] = ("training", "frozen", "evaluation")


class Case(NamedTuple):
    """Layers, the shape of a sample, and the batch size."""

    layers: tuple[Layer, ...]
    shape: Shape
    batch: int


class Run(NamedTuple):
    """A network, the buffers of its forward pass on x, and an error at its output."""

    network: Network
    buffers: Buffers
    x: np.ndarray
    error: np.ndarray


def run(case: Case, mode: Mode, seed: int, intermediate: int | None = None) -> Run:
    """Apply a network with random parameters, states and noise to random samples, none of them near a kink at 0."""
    generator = np.random.default_rng(seed)
    network = Network(case.shape, case.layers, generator, np.float64, intermediate)
    network.theta[:] = normal(generator, network.theta.shape, np.float64)
    for state in network.states:
        for name, array in state.items():
            array[:] = normal(generator, array.shape, np.float64)
            if name == "variance":
                array[:] = np.abs(array) + FLOOR
    buffers = network.buffers(case.batch, mode)
    for noise in buffers.noise:
        noise[:] = generator.random(noise.shape)
    x = normal(generator, buffers.input.shape, np.float64)
    x += FLOOR * np.sign(x)
    network.forward(buffers, x)
    error = normal(generator, buffers.output.shape, np.float64)
    for layer in buffers.layers:
        layer.dx.fill(np.nan)  # makes errors that are never written visible
    buffers.error[:] = error
    return Run(network, buffers, x, error)


few = st.integers(1, 3)
pictures = st.tuples(st.integers(1, 7), st.integers(1, 7), few)
small_pictures = st.tuples(few, few, few)
rows = st.tuples(st.integers(1, 6))
samples = st.one_of(rows, small_pictures)


def _fits(case: Case) -> bool:
    layer = case.layers[0]
    assert isinstance(layer, Convolution | TransposedConvolution)
    window = layer.kernel, layer.stride, layer.padding
    if isinstance(layer, Convolution):
        return min(output_size(side, *window) for side in case.shape[:2]) >= 1
    return min(transposed_output_size(side, *window, 0) for side in case.shape[:2]) >= 1


@st.composite
def _convolutions(draw: st.DrawFn) -> Case:
    layer = Convolution(draw(few), draw(st.integers(1, 5)), draw(few), draw(st.integers(0, 2)))
    return Case((layer,), draw(pictures), draw(few))


@st.composite
def _transposed_convolutions(draw: st.DrawFn) -> Case:
    stride = draw(few)
    extra = st.integers(0, stride - 1)
    layer = TransposedConvolution(
        draw(few), draw(st.integers(1, 5)), stride, draw(st.integers(0, 2)), (draw(extra), draw(extra))
    )
    return Case((layer,), draw(st.tuples(st.integers(1, 4), st.integers(1, 4), few)), draw(few))


@st.composite
def _poolings(draw: st.DrawFn) -> Case:
    (height, width, channels), factor = draw(small_pictures), draw(few)
    return Case((AveragePooling(factor),), (factor * height, factor * width, channels), draw(few))


@st.composite
def _maxouts(draw: st.DrawFn) -> Case:
    shape, pieces = draw(samples), draw(few)
    return Case((Maxout(pieces),), (*shape[:-1], shape[-1] * pieces), draw(few))


@st.composite
def _reshapes(draw: st.DrawFn) -> Case:
    height, width, channels = draw(small_pictures)
    return Case((Reshape((width, channels, height)),), (height * channels, width), draw(few))


def _one_layer(
    layers: st.SearchStrategy[Layer], shapes: st.SearchStrategy[Shape], min_batch: int = 1
) -> st.SearchStrategy[Case]:
    return st.builds(Case, st.tuples(layers), shapes, st.integers(min_batch, 4))


CASES: dict[str, st.SearchStrategy[Case]] = {
    "activation": _one_layer(st.sampled_from(sorted(ACTIVATIONS)).map(Activation), samples),  # type: ignore[arg-type]
    "average_pooling": _poolings(),
    "batch_norm": _one_layer(st.just(BatchNorm(epsilon=FLOOR)), samples, min_batch=2),
    "convolution": _convolutions().filter(_fits),
    "dense": _one_layer(st.builds(Dense, st.integers(1, 6)), rows),
    "dropout": _one_layer(st.sampled_from([0.0, 0.3, 0.5, 0.9]).map(Dropout), samples),
    "flatten": _one_layer(st.just(Flatten()), samples),
    "maxout": _maxouts(),
    "minibatch_discrimination": _one_layer(st.builds(MinibatchDiscrimination, few, few), rows),
    "reshape": _reshapes(),
    "transposed_convolution": _transposed_convolutions().filter(_fits),
    "upsampling": _one_layer(st.builds(Upsampling, few), small_pictures),
}
"""By the layer's name. They include odd sizes, kernels wider than the picture, and strides that skip rows."""

BY_MODE = [(name, mode) for name in CASES for mode in (MODES if name in ("batch_norm", "dropout") else MODES[:1])]
"""Every layer and mode; one mode is enough for layers that do not depend on it."""


@st.composite
def chains(draw: st.DrawFn) -> Case:
    """Draw several smooth layers in any order, so that layers that work in place follow and precede all others."""
    layer = st.sampled_from(
        [
            Activation("sigmoid"),
            Activation("tanh"),
            Activation("softplus"),
            BatchNorm(epsilon=FLOOR),
            Convolution(2, 3, 1, 1),
            Dropout(0.3),
            Reshape((2, 3, 2)),
            TransposedConvolution(2, 3, 1, 1),
        ]
    )
    first = draw(st.lists(layer, max_size=5))
    last = [Flatten(), *draw(st.lists(st.sampled_from([Activation("tanh"), Dense(3), Flatten()]), max_size=3))]
    return Case((*first, *(last if draw(st.booleans()) else [])), (2, 3, 2), draw(st.integers(2, 3)))
