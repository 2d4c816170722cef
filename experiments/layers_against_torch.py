"""Every layer beside PyTorch's, in float64: the table of docs/layers/README.md.

    python -m ava_np.experiments.layers_against_torch

Random shapes, fields and modes; prints Markdown. An error is the largest difference, relative to the largest value:
forward, of the output or of the running statistics; backward, of the input's error or of the layer's gradients, taken
together because a single one may be 0 up to rounding, as that of a bias before batch norm is.
"""

import sys
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from ava_np.errors import AvaError
from ava_np.kernels.activations import ACTIVATIONS
from ava_np.layers import (
    Activation,
    Arrays,
    AveragePooling,
    BatchNorm,
    Convolution,
    Dense,
    Dropout,
    Flatten,
    Layer,
    LayerBuffers,
    MinibatchDiscrimination,
    Mode,
    Reshape,
    Shape,
    TransposedConvolution,
    Upsampling,
)
from ava_np.network import Buffers, Network

SHAPES = 250  # of each layer
MODES: tuple[Mode, ...] = ("training", "frozen", "evaluation")


class Results(NamedTuple):
    """What an application leaves, in groups of arrays that are judged together.

    Attributes
    ----------
    forward : list of dict
        The output; every layer's states.
    backward : list of dict
        The input's error; every layer's gradients.
    """

    forward: list[Arrays]
    backward: list[Arrays]


def load_torch() -> ModuleType:
    """PyTorch, on one thread.

    Raises
    ------
    AvaError
        If it is not installed.
    """
    try:
        torch = import_module("torch")
    except ImportError as error:
        raise AvaError("PyTorch is not installed, and this compares with it: pip install torch") from error
    torch.set_num_threads(1)
    return torch


def by_torch(torch: Any, network: Network, buffers: Buffers, x: np.ndarray, error: np.ndarray) -> Results:
    """Apply the network's layers to x as PyTorch has them, and let it differentiate Σ error · output.

    Parameters
    ----------
    torch : module
        From ``load_torch``.
    network : Network
        Its parameters and states are copied, so this comes before its own ``forward`` where that moves states.
    buffers : Buffers
        Gives the mode and the noise.
    x, error : ndarray of float64
        Of the network's input and output shapes.
    """
    parameters = [
        {name: torch.from_numpy(array.copy()).requires_grad_() for name, array in arrays.items()}
        for arrays in network.parameters
    ]
    states = [{name: torch.from_numpy(array.copy()) for name, array in arrays.items()} for arrays in network.states]
    start = torch.from_numpy(x.copy()).requires_grad_()
    t = start
    for layer, own, state, layer_buffers in zip(network.layers, parameters, states, buffers.layers, strict=True):
        t = _apply(torch, layer, t, own, state, layer_buffers)
    t.backward(torch.from_numpy(error.copy()))
    gradients = [{name: tensor.grad.numpy() for name, tensor in own.items()} for own in parameters]
    running = [{name: tensor.numpy() for name, tensor in state.items()} for state in states]
    return Results([{"output": t.detach().numpy()}, *running], [{"input": start.grad.numpy()}, *gradients])


def by_us(network: Network, buffers: Buffers, x: np.ndarray, error: np.ndarray) -> Results:
    """The same by the network itself; what is returned is its own."""
    network.gradient.clear()
    network.forward(buffers, x)
    network.backward(buffers, error)
    return Results(
        [{"output": buffers.output}, *network.states], [{"input": buffers.input_error}, *network.gradient.read_layers()]
    )


def distances(ours: Results, theirs: Results) -> tuple[float, float]:
    """Worst error of the forward pass and of the backward pass; a NaN is the worst."""
    forward = [_distance(*pair) for pair in zip(ours.forward, theirs.forward, strict=True)]
    backward = [_distance(*pair) for pair in zip(ours.backward, theirs.backward, strict=True)]
    return float(np.max(forward)), float(np.max(backward))


def _distance(ours: Arrays, theirs: Arrays) -> float:
    """Largest difference in a group, relative to its largest value; 0 where all is 0."""
    gap = np.max([np.abs(ours[name] - array).max() for name, array in theirs.items()], initial=0.0)
    return float(gap / np.max([np.abs(array).max() for array in theirs.values()])) if gap else 0.0


def _apply(
    torch: Any, layer: Layer, t: Any, own: dict[str, Any], state: dict[str, Any], layer_buffers: LayerBuffers
) -> Any:
    """One layer; PyTorch has channels second, and so its weights: (out, in, kh, kw), transposed (in, out, kh, kw)."""
    f = torch.nn.functional
    match layer:
        case Activation():
            return _activation(torch, layer.function, t)
        case Dense():
            return f.linear(t, own["W"].T, own["b"])
        case Convolution():
            W = own["W"].permute(3, 2, 0, 1).contiguous()
            return f.conv2d(t.permute(0, 3, 1, 2), W, own["b"], layer.stride, layer.padding).permute(0, 2, 3, 1)
        case TransposedConvolution():
            W, step = own["W"].permute(3, 2, 0, 1).contiguous(), (layer.stride, layer.padding, layer.output_padding)
            return f.conv_transpose2d(t.permute(0, 3, 1, 2), W, own["b"], *step).permute(0, 2, 3, 1)
        case BatchNorm():
            running = (None, None) if layer_buffers.mode == "frozen" else (state["mean"], state["variance"])
            learnt, training = (own["scale"], own["shift"]), layer_buffers.mode != "evaluation"
            y = f.batch_norm(t.movedim(-1, 1), *running, *learnt, training, layer.momentum, layer.epsilon)
            return y.movedim(1, -1)
        case AveragePooling():
            return f.avg_pool2d(t.permute(0, 3, 1, 2), layer.factor).permute(0, 2, 3, 1)
        case Upsampling():
            return f.interpolate(t.permute(0, 3, 1, 2), scale_factor=layer.factor).permute(0, 2, 3, 1)
        case Flatten():
            return t.flatten(1)
        case Reshape():
            return t.reshape(-1, *layer.shape)
        case Dropout():
            assert layer_buffers.noise is not None
            keep = torch.from_numpy(layer_buffers.noise >= layer.rate)
            return t if layer_buffers.mode == "evaluation" else t * keep / (1 - layer.rate)
        case MinibatchDiscrimination():
            M = (t @ own["W"]).reshape(len(t), layer.features, layer.width)
            likeness = torch.exp(-(M[:, None] - M[None]).abs().sum(-1))
            return torch.cat([t, likeness.sum(1) - 1], 1)  # less the sample itself
    raise TypeError(f"no such layer: {layer}")


def _activation(torch: Any, function: str, t: Any) -> Any:
    if function == "linear":
        return t
    if function == "leaky_relu":
        return torch.nn.functional.leaky_relu(t, 0.2)
    if function in ("elu", "softplus"):
        return getattr(torch.nn.functional, function)(t)
    return getattr(torch, function)(t)


def cases(kind: type[Layer], generator: np.random.Generator) -> Iterator[tuple[Layer, Shape, int]]:
    """Layers of a kind with random fields, each with a sample's shape and a batch size, without end."""

    def upto(most: int, least: int = 1) -> int:
        return int(generator.integers(least, most + 1))

    while True:
        batch, picture, row = upto(6, 2), (upto(17), upto(17), upto(5)), (upto(40),)
        either: Shape = row if generator.random() < 0.5 else picture
        layer: Layer
        if kind is Activation:
            layer = Activation(str(generator.choice(list(ACTIVATIONS))))  # type: ignore[arg-type]
        elif kind is Dense:
            layer, either = Dense(upto(40)), row
        elif kind is Convolution:
            layer, either = Convolution(upto(6), upto(7), upto(4), upto(4, 0)), picture
            if min(picture[:2]) + 2 * layer.padding < layer.kernel:
                continue
        elif kind is TransposedConvolution:
            stride = upto(4)
            more = (upto(stride - 1, 0), upto(stride - 1, 0))
            layer, either = TransposedConvolution(upto(6), upto(7), stride, upto(4, 0), more), picture
            if (min(picture[:2]) - 1) * stride + layer.kernel <= 2 * layer.padding:
                continue
        elif kind is BatchNorm:
            layer = BatchNorm(float(generator.uniform(0.01, 1)), float(10 ** generator.uniform(-5, -1)))
        elif kind is AveragePooling:
            layer = AveragePooling(upto(4))
            either = (layer.factor * picture[0], layer.factor * picture[1], picture[2])
        elif kind is Upsampling:
            layer, either = Upsampling(upto(4)), picture
        elif kind is Reshape:
            layer, either = Reshape(picture), (int(np.prod(picture)),)
        elif kind is Dropout:
            layer = Dropout(float(generator.uniform(0, 0.95)))
        elif kind is MinibatchDiscrimination:
            layer, either = MinibatchDiscrimination(upto(6), upto(5)), row
        else:
            layer = Flatten()
        yield layer, either, batch


KINDS: tuple[type[Layer], ...] = (
    Dense,
    Convolution,
    TransposedConvolution,
    BatchNorm,
    Upsampling,
    AveragePooling,
    Flatten,
    Reshape,
    Dropout,
    MinibatchDiscrimination,
    Activation,
)


def compare(torch: Any, kind: type[Layer], generator: np.random.Generator) -> tuple[float, float]:
    """Worst errors forward and backward over ``SHAPES`` cases, their modes in turn."""
    worst = np.zeros(2)
    for number, (layer, shape, batch) in zip(range(SHAPES), cases(kind, generator), strict=False):
        network = Network(shape, [layer], generator, np.float64)
        network.theta[:] = generator.normal(size=network.theta.shape)
        for _, _, running in network.named_arrays(network.states):
            running[:] = generator.uniform(0.1, 2, running.shape)
        buffers = network.buffers(batch, MODES[number % len(MODES)])
        for noise in buffers.noise:
            noise[:] = generator.random(noise.shape)
        x = generator.normal(size=(batch, *shape))
        error = generator.normal(size=(batch, *network.output_shape))
        theirs = by_torch(torch, network, buffers, x, error)
        worst = np.maximum(worst, distances(by_us(network, buffers, x, error), theirs))
    return float(worst[0]), float(worst[1])


def main() -> None:
    """Print the table."""
    torch, generator = load_torch(), np.random.default_rng(0)
    print("| layer | shapes tried | worst error forward | worst error backward |\n|---|---|---|---|")
    for kind in KINDS:
        forward, backward = compare(torch, kind, generator)
        print(f"| {kind.__struct_config__.tag} | {SHAPES} | {forward:.1e} | {backward:.1e} |", flush=True)


if __name__ == "__main__":
    try:
        main()
    except AvaError as fault:
        sys.exit(f"error: {fault}")
