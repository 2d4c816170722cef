"""The workloads of ``ava bench``: functions by name that measure something and return rows.

Our models, layers and optimisers run as they do in a training; a training step is ``Trainer.step``.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, get_args

import numpy as np

from ava_np.console import say
from ava_np.experiments.bench.layers import layers
from ava_np.experiments.bench.machine import Rates, Spin, measure_rates
from ava_np.experiments.bench.measure import OURS, Case, Implementation, Results, Row, Settings
from ava_np.experiments.bench.models import step_case, training_specification, w1_model, w2_model, w3_model
from ava_np.experiments.bench.peer import import_if_installed
from ava_np.experiments.bench.processes import memory, start
from ava_np.experiments.bench.torch_peer import torch_optimiser
from ava_np.experiments.staircase.gemm import STEPS
from ava_np.experiments.staircase.timing import Step
from ava_np.kernels.machine.parallel import cores
from ava_np.layers import Dense
from ava_np.network import Network
from ava_np.specification import OptimiserName
from ava_np.training.optimisers import make_optimiser

GEMM_SIDES = (256, 384)
STAIRCASE_REPEATS = 3  # at most: the first steps are slow


def w1(settings: Settings) -> Iterator[Row]:
    """Measure a step of W1 with ten pictures and with one."""
    for batch in (10, 1):
        yield from settings.measure(step_case(settings, f"W1, batch {batch}", w1_model(), "sgd", batch, jax=True))


def w2(settings: Settings) -> Iterator[Row]:
    """Measure a step of W2."""
    yield from settings.measure(step_case(settings, "W2, batch 64", w2_model(), "adam", 64, jax=True))


def w3(settings: Settings) -> Iterator[Row]:
    """Measure a step of W3; it has no implementation in JAX."""
    yield from settings.measure(step_case(settings, "W3, batch 4", w3_model(), "rmsprop", 4, jax=False))


def optimisers(settings: Settings) -> Iterator[Row]:
    """Measure every optimiser on five million parameters."""
    for name in get_args(OptimiserName):
        yield from settings.measure(optimiser_case(settings, name, 2235))


def optimiser_case(settings: Settings, name: OptimiserName, width: int) -> Case:
    """Return the case of an optimiser on the parameters of a square dense layer.

    The changes of the parameters over three steps must agree.
    """
    generator, specification = np.random.default_rng(0), training_specification(name, 1)
    network = Network((width,), [Dense(width)], generator)
    network.gradient.write(generator.normal(0, 1, network.gradient.read().shape))
    initial, numbers = network.theta.copy(), iter(range(1, 2**62))
    optimiser = make_optimiser(network, specification)

    def step() -> None:
        optimiser.step(network, [1.0], next(numbers), specification.learning_rate)

    def our_change() -> Results:
        for _ in range(3):
            step()
        return {"change of θ": network.theta - initial}

    implementations = [Implementation(OURS, step, our_change)]
    if settings.torch is not None:
        torch: Any = settings.torch
        parameter = torch.nn.Parameter(torch.from_numpy(initial.copy()))
        parameter.grad = torch.from_numpy(network.gradient.read())
        theirs = torch_optimiser(torch, [parameter], specification)

        def their_change() -> Results:
            for _ in range(3):
                theirs.step()
            return {"change of θ": parameter.detach().numpy() - initial}

        implementations.append(Implementation("torch", theirs.step, their_change))
    return Case(f"{name}, {network.theta.size / 1e6:.1f} M parameters", implementations)


def gemm(settings: Settings) -> Iterator[Row]:
    """Measure products that fit the caches: a dense layer on one thread, and every step of the GEMM staircase."""
    for side in GEMM_SIDES:
        yield from settings.measure(dense_case(settings, side))
    few = replace(settings, repeats=min(settings.repeats, STAIRCASE_REPEATS))
    for side in GEMM_SIDES:
        for step in STEPS:
            yield from few.measure(staircase_case(settings, side, step))


def dense_case(settings: Settings, side: int) -> Case:
    """Return the case y = x W + b of a dense layer whose matrices are square."""
    generator = np.random.default_rng(0)
    network = Network((side,), [Dense(side)], generator)
    buffers, parameters, layer = network.buffers(side), network.parameters[0], network.layers[0]
    layer_buffers = buffers.layers[0]
    layer_buffers.x[:] = generator.standard_normal(layer_buffers.x.shape)

    def forward() -> None:
        layer.forward(parameters, layer_buffers)

    def results() -> Results:
        forward()
        return {"y": layer_buffers.y.copy()}

    implementations = [Implementation(OURS, forward, results), _peak(side)]
    if settings.torch is not None:
        torch: Any = settings.torch
        arrays = (parameters["b"], layer_buffers.x, parameters["W"])
        multiply = partial(torch.addmm, *(torch.from_numpy(array.copy()) for array in arrays))
        implementations.append(Implementation("torch", multiply, lambda: {"y": multiply().numpy()}))
    return Case(f"dense {side} x {side} x {side}, 1 thread", implementations, threads=1)


def staircase_case(settings: Settings, side: int, step: Step) -> Case:
    """Return the case C = A B of square matrices by one step of experiments/staircase/gemm.py."""
    A, B = np.random.default_rng(0).standard_normal((2, side, side), np.float32)
    C = np.empty_like(A)

    def multiply() -> None:
        step.run(C, A, B)

    def results() -> Results:
        multiply()
        return {"C": C.copy()}

    implementations = [Implementation(OURS, multiply, results)]
    if step.threads == 1:
        implementations.append(_peak(side))
    if settings.torch is not None:
        torch: Any = settings.torch
        theirs = partial(torch.mm, torch.from_numpy(A), torch.from_numpy(B), out=torch.empty(side, side))
        implementations.append(Implementation("torch", theirs, lambda: {"C": theirs().numpy().copy()}))
    return Case(f"gemm {side}, step {step.name}", implementations, step.threads)


def _peak(side: int) -> Implementation:
    """Return the multiply-adds of a product of square matrices on registers alone."""
    return Implementation("FMA peak", partial(Spin(), 2 * side**3), None)


def growth(settings: Settings) -> Iterator[Row]:
    """Measure W1 by batch size and by width, W2 by picture size, and both by number of threads."""
    case = partial(step_case, settings, jax=False)
    for batch in (1, 16) if settings.quick else (1, 4, 16, 64, 256):
        yield from settings.measure(case(f"growth, W1: batch {batch}", w1_model(), "sgd", batch))
    for width in (64, 256) if settings.quick else (64, 256, 1024):
        yield from settings.measure(case(f"growth, W1: width {width}", w1_model(width), "sgd", 10))
    for side in (28, 56) if settings.quick else (28, 56, 112):
        yield from settings.measure(case(f"growth, W2, batch 16: side {side}", w2_model(side), "adam", 16))
    for threads in sorted({1, *(2**k for k in range(10) if 2**k < cores()), cores()}):
        yield from settings.measure(case(f"growth, W1: threads {threads}", w1_model(), "sgd", 10, threads=threads))
        yield from settings.measure(case(f"growth, W2: threads {threads}", w2_model(), "adam", 64, threads=threads))


WORKLOADS: dict[str, Callable[[Settings], Iterator[Row]]] = {
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
    """Measure the machine on one thread and on all cores, then the workloads of these names."""
    modules = {name: import_if_installed(name) for name in ("torch", "jax")}
    for name, module in modules.items():
        if module is None:
            say(f'{name} is not installed and is left out: pip install "ava-np[bench]" for both')
    say("measuring the machine")
    rates = [measure_rates(threads, repeats) for threads in sorted({1, cores()})]
    settings = Settings(modules["torch"], modules["jax"], repeats, quick, rates)
    return [row for name in names for row in WORKLOADS[name](settings)], rates
