"""What ``ava bench`` measures: the workloads by name, each giving rows.

Ours are the project's own models by the trainer's step, and its own layers and optimisers, as they are used everywhere.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, get_args

import numpy as np

from ava_np.console import say
from ava_np.experiments.bench.jax_peers import convolved
from ava_np.experiments.bench.machine import Rates, Spin, measure_rates
from ava_np.experiments.bench.measure import OURS, Case, Contender, Row, Setting, summary
from ava_np.experiments.bench.models import step_case, training, w1_model, w2_model, w3_model
from ava_np.experiments.bench.processes import memory, start
from ava_np.experiments.bench.torch_peers import Numbers, find, torch_optimiser
from ava_np.kernels.machine.parallel import cores
from ava_np.layers import Convolution, Dense
from ava_np.network import Network
from ava_np.specification import OptimiserName
from ava_np.training.optimisers import make_optimiser

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


def w1(setting: Setting) -> Iterator[Row]:
    """W1 with ten pictures and with one."""
    for batch in (10, 1):
        yield from setting.rows(step_case(setting, f"W1, batch {batch}", w1_model(), "sgd", batch, jax=True))


def w2(setting: Setting) -> Iterator[Row]:
    """W2."""
    yield from setting.rows(step_case(setting, "W2, batch 64", w2_model(), "adam", 64, jax=True))


def w3(setting: Setting) -> Iterator[Row]:
    """W3; not in JAX."""
    yield from setting.rows(step_case(setting, "W3, batch 4", w3_model(), "rmsprop", 4, jax=False))


def layers(setting: Setting) -> Iterator[Row]:
    """The 5x5 convolutions of a VAE-GAN and of W2: forward, the input's error, the weights' gradients."""
    found = []
    for name in QUICK_LAYERS if setting.quick else LAYERS:
        for case in layer_cases(setting, name, *LAYERS[name]):
            found += setting.rows(case)
    yield from found
    yield from summary("5x5 layers", found)


def layer_cases(
    setting: Setting, name: str, side: int, inputs: int, outputs: int, stride: int, batch: int
) -> Iterator[Case]:
    """The three passes of a layer."""
    generator, padding = np.random.default_rng(0), 2
    network = Network((side, side, inputs), [Convolution(outputs, 5, stride, padding)], generator)
    buffers, layer = network.buffers(batch), network.layers[0]
    layer_buffers, parameters = buffers.layers[0], network.parameters[0]
    gradients = {name: np.zeros_like(array) for name, array in parameters.items()}
    layer_buffers.x[:] = generator.standard_normal(layer_buffers.x.shape)
    dy = generator.standard_normal(layer_buffers.dy.shape).astype(np.float32)
    layer_buffers.dy[:] = dy

    def own_gradients() -> Numbers:
        for array in gradients.values():
            array.fill(0)
        layer.backward_parameters(gradients, layer_buffers)
        return {name: array.copy() for name, array in gradients.items()}

    def own(step: Callable[[], None], result: str, array: np.ndarray) -> Contender:
        def numbers() -> Numbers:
            step()
            return {result: array.copy()}

        return Contender(OURS, step, numbers)

    contenders = {
        "forward": [own(lambda: layer.forward(parameters, layer_buffers), "y", layer_buffers.y)],
        "input": [own(lambda: layer.backward_input(parameters, layer_buffers), "dx", layer_buffers.dx)],
        "weights": [Contender(OURS, lambda: layer.backward_parameters(gradients, layer_buffers), own_gradients)],
    }
    for find_peers in (_torch_passes, _jax_passes):
        for what, contender in find_peers(setting, layer_buffers.x, dy, parameters, stride, padding):
            contenders[what].append(contender)
    for what, several in contenders.items():
        yield Case(f"{name}, {what}", several)


def _torch_passes(
    setting: Setting, x: np.ndarray, dy: np.ndarray, own: Numbers, stride: int, padding: int
) -> Iterator[tuple[str, Contender]]:
    torch: Any = setting.torch
    if torch is None:
        return
    for memory_format in (torch.contiguous_format, torch.channels_last):

        def convert(array: np.ndarray, axes: tuple[int, ...], memory_format: Any = memory_format) -> Any:
            return torch.from_numpy(array).permute(axes).contiguous(memory_format=memory_format)

        X, E, W, b = convert(x, (0, 3, 1, 2)), convert(dy, (0, 3, 1, 2)), convert(own["W"], (3, 2, 0, 1)), own["b"]
        fixed = ([len(b)], [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], 1)
        forward = partial(torch.nn.functional.conv2d, X, W, torch.from_numpy(b), stride, padding)
        backward = partial(torch.ops.aten.convolution_backward, E, X, W, *fixed)
        back_x, back_W = partial(backward, [True, False, False]), partial(backward, [False, True, True])

        def y(forward: Any = forward) -> Numbers:
            return {"y": forward().permute(0, 2, 3, 1).numpy()}

        def dx(back_x: Any = back_x) -> Numbers:
            return {"dx": back_x()[0].permute(0, 2, 3, 1).numpy()}

        def dW(back_W: Any = back_W) -> Numbers:
            _, found, db = back_W()
            return {"W": found.permute(2, 3, 1, 0).numpy(), "b": db.numpy()}

        yield "forward", Contender("torch", forward, y)
        yield "input", Contender("torch", back_x, dx)
        yield "weights", Contender("torch", back_W, dW)


def _jax_passes(
    setting: Setting, x: np.ndarray, dy: np.ndarray, own: Numbers, stride: int, padding: int
) -> Iterator[tuple[str, Contender]]:
    jax: Any = setting.jax
    if jax is None:
        return
    X, E, W, b = map(jax.numpy.asarray, (x, dy, own["W"], own["b"]))

    def run(x: Any, W: Any, b: Any) -> Any:
        return convolved(jax, x, W, stride, padding) + b

    forward = jax.jit(run)
    back_x = jax.jit(lambda x, W, b, e: jax.vjp(lambda x: run(x, W, b), x)[1](e)[0])
    back_W = jax.jit(lambda x, W, b, e: jax.vjp(lambda W, b: run(x, W, b), W, b)[1](e))
    wait = jax.block_until_ready
    steps = {
        "forward": lambda: {"y": wait(forward(X, W, b))},
        "input": lambda: {"dx": wait(back_x(X, W, b, E))},
        "weights": lambda: dict(zip("Wb", wait(back_W(X, W, b, E)), strict=True)),
    }
    for what, step in steps.items():

        def numbers(step: Any = step) -> Numbers:
            return {name: np.asarray(array) for name, array in step().items()}

        yield what, Contender("jax", step, numbers)


def optimisers(setting: Setting) -> Iterator[Row]:
    """Every optimiser on five million parameters."""
    for name in get_args(OptimiserName):
        yield from setting.rows(optimiser_case(setting, name, 2235))


def optimiser_case(setting: Setting, name: OptimiserName, width: int) -> Case:
    """An optimiser on the parameters of a square dense layer; its numbers are the parameters after three steps."""
    generator, specification = np.random.default_rng(0), training(name, 1)
    network = Network((width,), [Dense(width)], generator)
    network.gradient.write(generator.normal(0, 1, network.gradient.read().shape))
    first, number = network.theta.copy(), iter(range(1, 2**62))
    optimiser = make_optimiser(network, specification)

    def step() -> None:
        optimiser.step(network, [1.0], next(number), specification.learning_rate)

    def moved() -> Numbers:
        for _ in range(3):
            step()
        return {"change of θ": network.theta - first}

    contenders = [Contender(OURS, step, moved)]
    if setting.torch is not None:
        torch: Any = setting.torch
        leaf = torch.nn.Parameter(torch.from_numpy(first.copy()))
        leaf.grad = torch.from_numpy(network.gradient.read())
        theirs = torch_optimiser(torch, [leaf], specification)

        def their_change() -> Numbers:
            for _ in range(3):
                theirs.step()
            return {"change of θ": leaf.detach().numpy() - first}

        contenders.append(Contender("torch", theirs.step, their_change))
    return Case(f"{name}, {network.theta.size / 1e6:.1f} M parameters", contenders)


def gemm(setting: Setting) -> Iterator[Row]:
    """A dense layer's product inside the caches, on one thread, beside as many multiply-adds on registers alone."""
    for side in (256, 384):
        yield from setting.rows(gemm_case(setting, side))


def gemm_case(setting: Setting, side: int) -> Case:
    """y = x W + b of square matrices."""
    generator, spin = np.random.default_rng(0), Spin()
    network = Network((side,), [Dense(side)], generator)
    buffers, own, layer = network.buffers(side), network.parameters[0], network.layers[0]
    layer_buffers = buffers.layers[0]
    layer_buffers.x[:] = generator.standard_normal(layer_buffers.x.shape)

    def step() -> None:
        layer.forward(own, layer_buffers)

    def numbers() -> Numbers:
        step()
        return {"y": layer_buffers.y.copy()}

    contenders = [Contender(OURS, step, numbers), Contender("FMA peak", partial(spin, 2 * side**3), None)]
    if setting.torch is not None:
        torch: Any = setting.torch
        multiply = partial(
            torch.addmm, *(torch.from_numpy(array.copy()) for array in (own["b"], layer_buffers.x, own["W"]))
        )
        contenders.append(Contender("torch", multiply, lambda: {"y": multiply().numpy()}))
    return Case(f"dense {side} x {side} x {side}, 1 thread", contenders, threads=1)


def growth(setting: Setting) -> Iterator[Row]:
    """W1 by batch and by width, W2 by size of picture, both by threads."""
    case = partial(step_case, setting, jax=False)
    for batch in (1, 16) if setting.quick else (1, 4, 16, 64, 256):
        yield from setting.rows(case(f"growth, W1: batch {batch}", w1_model(), "sgd", batch))
    for width in (64, 256) if setting.quick else (64, 256, 1024):
        yield from setting.rows(case(f"growth, W1: width {width}", w1_model(width), "sgd", 10))
    for side in (28, 56) if setting.quick else (28, 56, 112):
        yield from setting.rows(case(f"growth, W2, batch 16: side {side}", w2_model(side), "adam", 16))
    every = cores()
    for threads in sorted({1, *(2**k for k in range(10) if 2**k < every), every}):
        yield from setting.rows(case(f"growth, W1: threads {threads}", w1_model(), "sgd", 10, threads=threads))
        yield from setting.rows(case(f"growth, W2: threads {threads}", w2_model(), "adam", 64, threads=threads))


WORKLOADS: dict[str, Callable[[Setting], Iterator[Row]]] = {
    "w1": w1,
    "w2": w2,
    "w3": w3,
    "layers": layers,
    "optimisers": optimisers,
    "gemm": gemm,
    "start": start,
    "memory": memory,
    "growth": growth,
}


def run(names: tuple[str, ...], *, quick: bool, repeats: int) -> tuple[list[Row], list[Rates]]:
    """Measure the workloads of these names, and the machine on one thread and on all."""
    found = {name: find(name) for name in ("torch", "jax")}
    for name in (name for name, module in found.items() if module is None):
        say(f'{name} is not installed and is left out: pip install "ava-np[bench]" for both')
    say("measuring the machine")
    rates = [measure_rates(threads, repeats) for threads in sorted({1, cores()})]
    setting = Setting(found["torch"], found["jax"], repeats, quick)
    return [row for name in names for row in WORKLOADS[name](setting)], rates
