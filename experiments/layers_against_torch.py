"""Compare every layer with PyTorch's in float64, and print the table of docs/layers/README.md.

    python -m ava_np.experiments.layers_against_torch

The shapes, the settings of the layers and the modes are random; the table is Markdown. An error is the largest
difference relative to the largest value. Forward, the arrays are the output and the running statistics. Backward, they
are the error of the input and the gradients of the layer. All gradients of a layer are compared as one group, because
one of them may be 0 up to rounding, such as the gradient of a bias before batch norm.
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
    Maxout,
    MinibatchDiscrimination,
    Mode,
    Reshape,
    Shape,
    TransposedConvolution,
    Upsampling,
)
from ava_np.network import Buffers, Network

SHAPES = 250  # random cases of each layer
MODES: tuple[Mode, ...] = ("training", "frozen", "evaluation")


class Results(NamedTuple):
    """Arrays that one forward and backward pass computes, in groups that are compared together.

    Attributes
    ----------
    forward : list of dict
        The output, then the states of each layer.
    backward : list of dict
        The error of the input, then the gradients of each layer.
    """

    forward: list[Arrays]
    backward: list[Arrays]


def load_torch() -> ModuleType:
    """Import PyTorch, limited to one thread.

    Raises
    ------
    AvaError
        If it is not installed.
    """
    try:
        torch = import_module("torch")
    except ImportError as error:
        raise AvaError("PyTorch is not installed, but this experiment compares with it: pip install torch") from error
    torch.set_num_threads(1)
    return torch


def torch_results(torch: Any, network: Network, buffers: Buffers, x: np.ndarray, error: np.ndarray) -> Results:
    """Apply PyTorch's versions of a network's layers to x, and let PyTorch differentiate Σ error · output.

    Parameters
    ----------
    torch : module
        From ``load_torch``.
    network : Network
        Its parameters and states are copied. Call this before ``network.forward`` if that updates the states.
    buffers : Buffers
        The mode and the noise are taken from here.
    x : ndarray of float64
        Input, of the network's input shape.
    error : ndarray of float64
        Error of the output, of the network's output shape.
    """
    parameters = [
        {name: torch.from_numpy(array.copy()).requires_grad_() for name, array in arrays.items()}
        for arrays in network.parameters
    ]
    states = [{name: torch.from_numpy(array.copy()) for name, array in arrays.items()} for arrays in network.states]
    t = input = torch.from_numpy(x.copy()).requires_grad_()
    for layer, arrays, state, layer_buffers in zip(network.layers, parameters, states, buffers.layers, strict=True):
        t = _apply(torch, layer, t, arrays, state, layer_buffers)
    t.backward(torch.from_numpy(error.copy()))
    gradients = [{name: tensor.grad.numpy() for name, tensor in arrays.items()} for arrays in parameters]
    running = [{name: tensor.numpy() for name, tensor in state.items()} for state in states]
    return Results([{"output": t.detach().numpy()}, *running], [{"input": input.grad.numpy()}, *gradients])


def our_results(network: Network, buffers: Buffers, x: np.ndarray, error: np.ndarray) -> Results:
    """Compute the same with the network itself; the arrays returned are the network's, not copies."""
    network.gradient.clear()
    network.forward(buffers, x)
    network.backward(buffers, error)
    return Results(
        [{"output": buffers.output}, *network.states], [{"input": buffers.input_error}, *network.gradient.read_layers()]
    )


def worst_errors(ours: Results, theirs: Results) -> tuple[float, float]:
    """Return the worst error of the forward pass and of the backward pass; NaN if there is a NaN anywhere."""
    forward = [_error(*pair) for pair in zip(ours.forward, theirs.forward, strict=True)]
    backward = [_error(*pair) for pair in zip(ours.backward, theirs.backward, strict=True)]
    return float(np.max(forward)), float(np.max(backward))


def _error(ours: Arrays, theirs: Arrays) -> float:
    """Return the largest difference in a group, relative to its largest value; 0 if there is no difference."""
    gap = np.max([np.abs(ours[name] - array).max() for name, array in theirs.items()], initial=0.0)
    return float(gap / np.max([np.abs(array).max() for array in theirs.values()])) if gap else 0.0


def _apply(
    torch: Any, layer: Layer, t: Any, parameters: dict[str, Any], state: dict[str, Any], layer_buffers: LayerBuffers
) -> Any:
    """Return the output of one layer.

    PyTorch's pictures have their channels second, and its weights are (out, in, kh, kw), transposed (in, out, kh, kw).
    """
    f = torch.nn.functional
    match layer:
        case Activation():
            return _activation(torch, layer.function, t)
        case Dense():
            return f.linear(t, parameters["W"].T, parameters["b"])
        case Convolution():
            W = parameters["W"].permute(3, 2, 0, 1).contiguous()
            return f.conv2d(t.permute(0, 3, 1, 2), W, parameters["b"], layer.stride, layer.padding).permute(0, 2, 3, 1)
        case TransposedConvolution():
            W = parameters["W"].permute(3, 2, 0, 1).contiguous()
            sizes = (layer.stride, layer.padding, layer.output_padding)
            return f.conv_transpose2d(t.permute(0, 3, 1, 2), W, parameters["b"], *sizes).permute(0, 2, 3, 1)
        case BatchNorm():
            running = (None, None) if layer_buffers.mode == "frozen" else (state["mean"], state["variance"])
            learned, training = (parameters["scale"], parameters["shift"]), layer_buffers.mode != "evaluation"
            y = f.batch_norm(t.movedim(-1, 1), *running, *learned, training, layer.momentum, layer.epsilon)
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
        case Maxout():
            return t.unflatten(-1, (-1, layer.pieces)).max(-1).values
        case MinibatchDiscrimination():
            M = (t @ parameters["W"]).reshape(len(t), layer.features, layer.width)
            similarity = torch.exp(-(M[:, None] - M[None]).abs().sum(-1))
            return torch.cat([t, similarity.sum(1) - 1], 1)  # without the similarity of the sample to itself
    raise TypeError(f"{layer} has no counterpart in PyTorch here: add one")


def _activation(torch: Any, function: str, t: Any) -> Any:
    if function == "linear":
        return t
    if function == "leaky_relu":
        return torch.nn.functional.leaky_relu(t, 0.2)
    if function in ("elu", "softplus"):
        return getattr(torch.nn.functional, function)(t)
    return getattr(torch, function)(t)


def cases(kind: type[Layer], generator: np.random.Generator) -> Iterator[tuple[Layer, Shape, int]]:
    """Yield endlessly a layer of one kind with random settings, the shape of a sample, and a batch size."""

    def draw(high: int, low: int = 1) -> int:
        return int(generator.integers(low, high + 1))

    while True:
        batch, picture, row = draw(6, 2), (draw(17), draw(17), draw(5)), (draw(40),)
        shape: Shape = row if generator.random() < 0.5 else picture
        layer: Layer
        if kind is Activation:
            layer = Activation(str(generator.choice(list(ACTIVATIONS))))  # type: ignore[arg-type]
        elif kind is Dense:
            layer, shape = Dense(draw(40)), row
        elif kind is Convolution:
            layer, shape = Convolution(draw(6), draw(7), draw(4), draw(4, 0)), picture
            if min(picture[:2]) + 2 * layer.padding < layer.kernel:
                continue
        elif kind is TransposedConvolution:
            stride = draw(4)
            output_padding = (draw(stride - 1, 0), draw(stride - 1, 0))
            layer, shape = TransposedConvolution(draw(6), draw(7), stride, draw(4, 0), output_padding), picture
            if (min(picture[:2]) - 1) * stride + layer.kernel <= 2 * layer.padding:
                continue
        elif kind is BatchNorm:
            layer = BatchNorm(float(generator.uniform(0.01, 1)), float(10 ** generator.uniform(-5, -1)))
        elif kind is AveragePooling:
            layer = AveragePooling(draw(4))
            shape = (layer.factor * picture[0], layer.factor * picture[1], picture[2])
        elif kind is Upsampling:
            layer, shape = Upsampling(draw(4)), picture
        elif kind is Reshape:
            layer, shape = Reshape(picture), (int(np.prod(picture)),)
        elif kind is Dropout:
            layer = Dropout(float(generator.uniform(0, 0.95)))
        elif kind is Maxout:
            layer = Maxout(draw(5))
            shape = (*shape[:-1], shape[-1] * layer.pieces)
        elif kind is MinibatchDiscrimination:
            layer, shape = MinibatchDiscrimination(draw(6), draw(5)), row
        else:
            layer = Flatten()
        yield layer, shape, batch


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
    Maxout,
    MinibatchDiscrimination,
    Activation,
)


def compare(torch: Any, kind: type[Layer], generator: np.random.Generator) -> tuple[float, float]:
    """Return the worst errors forward and backward over ``SHAPES`` random cases; the modes take turns."""
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
        theirs = torch_results(torch, network, buffers, x, error)
        worst = np.maximum(worst, worst_errors(our_results(network, buffers, x, error), theirs))
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
