"""The ``layers`` workload: the three passes of 5x5 convolutions, in ava-np, PyTorch and JAX."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from ava_np.experiments.bench.jax_peer import convolve
from ava_np.experiments.bench.measure import OURS, Case, Implementation, Results, Row, Settings, summary
from ava_np.layers import Convolution
from ava_np.network import Network

LAYERS = {  # side, input and output channels, stride, batch
    "encoder 1": (64, 3, 64, 2, 4),
    "encoder 2": (32, 64, 128, 2, 4),
    "encoder 3": (16, 128, 256, 2, 8),
    "discriminator 1": (64, 3, 32, 1, 4),
    "discriminator 2": (64, 32, 128, 2, 4),
    "discriminator 3": (32, 128, 256, 2, 4),
    "discriminator 4": (16, 256, 256, 2, 8),
    "digits 2": (14, 16, 32, 2, 64),
}
QUICK_LAYERS = ("encoder 2", "discriminator 1", "digits 2")


def layers(settings: Settings) -> Iterator[Row]:
    """Measure the 5x5 convolutions of a VAE-GAN and of W2, and summarise them."""
    rows = []
    for name in QUICK_LAYERS if settings.quick else LAYERS:
        for case in layer_cases(settings, name, *LAYERS[name]):
            rows += settings.measure(case)
    yield from rows
    yield from summary("5x5 layers", rows)


def layer_cases(
    settings: Settings, name: str, side: int, inputs: int, outputs: int, stride: int, batch: int
) -> Iterator[Case]:
    """Return a case for each pass of a layer: forward, the error of its input, the gradients of its weights."""
    generator, padding = np.random.default_rng(0), 2
    network = Network((side, side, inputs), [Convolution(outputs, 5, stride, padding)], generator)
    buffers, layer = network.buffers(batch), network.layers[0]
    layer_buffers, parameters = buffers.layers[0], network.parameters[0]
    gradients = {name: np.zeros_like(array) for name, array in parameters.items()}
    layer_buffers.x[:] = generator.standard_normal(layer_buffers.x.shape)
    dy = generator.standard_normal(layer_buffers.dy.shape).astype(np.float32)
    layer_buffers.dy[:] = dy

    def our_gradients() -> Results:
        for array in gradients.values():
            array.fill(0)
        layer.backward_parameters(gradients, layer_buffers)
        return {name: array.copy() for name, array in gradients.items()}

    def our_pass(run: Callable[[], None], name: str, output: np.ndarray) -> Implementation:
        def results() -> Results:
            run()
            return {name: output.copy()}

        return Implementation(OURS, run, results)

    passes = {
        "forward": [our_pass(lambda: layer.forward(parameters, layer_buffers), "y", layer_buffers.y)],
        "input": [our_pass(lambda: layer.backward_input(parameters, layer_buffers), "dx", layer_buffers.dx)],
        "weights": [Implementation(OURS, lambda: layer.backward_parameters(gradients, layer_buffers), our_gradients)],
    }
    for peer_passes in (_torch_passes, _jax_passes):
        for pass_name, implementation in peer_passes(settings, layer_buffers.x, dy, parameters, stride, padding):
            passes[pass_name].append(implementation)
    for pass_name, implementations in passes.items():
        yield Case(f"{name}, {pass_name}", implementations)


def _torch_passes(
    settings: Settings, x: np.ndarray, dy: np.ndarray, parameters: Results, stride: int, padding: int
) -> Iterator[tuple[str, Implementation]]:
    """Return each pass in PyTorch by its name, once for each memory format."""
    torch: Any = settings.torch
    if torch is None:
        return
    for memory_format in (torch.contiguous_format, torch.channels_last):

        def convert(array: np.ndarray, axes: tuple[int, ...], memory_format: Any = memory_format) -> Any:
            return torch.from_numpy(array).permute(axes).contiguous(memory_format=memory_format)

        X, E = convert(x, (0, 3, 1, 2)), convert(dy, (0, 3, 1, 2))
        W, b = convert(parameters["W"], (3, 2, 0, 1)), parameters["b"]
        fixed = ([len(b)], [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], 1)
        forward = partial(torch.nn.functional.conv2d, X, W, torch.from_numpy(b), stride, padding)
        backward = partial(torch.ops.aten.convolution_backward, E, X, W, *fixed)
        back_x, back_W = partial(backward, [True, False, False]), partial(backward, [False, True, True])

        def y(forward: Any = forward) -> Results:
            return {"y": forward().permute(0, 2, 3, 1).numpy()}

        def dx(back_x: Any = back_x) -> Results:
            return {"dx": back_x()[0].permute(0, 2, 3, 1).numpy()}

        def dW(back_W: Any = back_W) -> Results:
            _, gradient, db = back_W()
            return {"W": gradient.permute(2, 3, 1, 0).numpy(), "b": db.numpy()}

        yield "forward", Implementation("torch", forward, y)
        yield "input", Implementation("torch", back_x, dx)
        yield "weights", Implementation("torch", back_W, dW)


def _jax_passes(
    settings: Settings, x: np.ndarray, dy: np.ndarray, parameters: Results, stride: int, padding: int
) -> Iterator[tuple[str, Implementation]]:
    """Return each pass in JAX by its name."""
    jax: Any = settings.jax
    if jax is None:
        return
    X, E, W, b = map(jax.numpy.asarray, (x, dy, parameters["W"], parameters["b"]))

    def run(x: Any, W: Any, b: Any) -> Any:
        return convolve(jax, x, W, stride, padding) + b

    forward = jax.jit(run)
    back_x = jax.jit(lambda x, W, b, e: jax.vjp(lambda x: run(x, W, b), x)[1](e)[0])
    back_W = jax.jit(lambda x, W, b, e: jax.vjp(lambda W, b: run(x, W, b), W, b)[1](e))
    wait = jax.block_until_ready
    runs = {
        "forward": lambda: {"y": wait(forward(X, W, b))},
        "input": lambda: {"dx": wait(back_x(X, W, b, E))},
        "weights": lambda: dict(zip("Wb", wait(back_W(X, W, b, E)), strict=True)),
    }
    for pass_name, run_pass in runs.items():

        def results(run_pass: Any = run_pass) -> Results:
            return {name: np.asarray(array) for name, array in run_pass().items()}

        yield pass_name, Implementation("jax", run_pass, results)
