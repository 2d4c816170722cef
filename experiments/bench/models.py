"""The models that ``ava bench`` trains, and the case that measures a training step."""

from collections.abc import Callable
from functools import partial

import numpy as np

from ava_np.experiments.bench.jax_peer import JaxPeer
from ava_np.experiments.bench.limits import least_work
from ava_np.experiments.bench.measure import OURS, Case, Implementation, Results, Settings
from ava_np.experiments.bench.torch_peer import TorchPeer
from ava_np.kernels.machine.parallel import cores
from ava_np.models import Model, build, from_specification
from ava_np.specification import OptimiserName, TrainingSpecification
from ava_np.training.trainer import Trainer

# Small enough that all values stay finite over the thousands of steps of a benchmark on the same random pictures.
LEARNING_RATES: dict[str, float] = {"sgd": 1e-7, "adam": 1e-6, "rmsprop": 1e-6, "momentum": 1e-7}


def training_specification(optimiser: OptimiserName, batch: int) -> TrainingSpecification:
    """Return the specification of one step of an optimiser, with summed gradients."""
    return TrainingSpecification(optimiser, LEARNING_RATES[optimiser], "sum", batch, 1, 0)


def w1_model(width: int = 256) -> Model:
    """Return W1: a dense AVA1 with a code of 64 and the printed objective, for colour pictures of 60 x 83."""
    return build("ava1", (83, 60, 3), latent=64, hidden=(width,), likelihood="gaussian", saturating=True)


def w2_model(side: int = 28) -> Model:
    """Return W2: a convolutional VAE with 16 and 32 channels and a code of 20."""
    return build("vae", (side, side, 1), latent=20, architecture="conv28", likelihood="bernoulli")


def w3_model(channels: tuple[int, ...] = (), side: int = 64) -> Model:
    """Return W3: the VAE-GAN of Larsen et al. 2016 with a code of 128, for colour pictures of 64 x 64."""
    return build("vaegan", (side, side, 3), latent=128, architecture="conv64", hidden=channels, gamma=0.01)


def step_case(
    settings: Settings,
    workload: str,
    model: Model,
    optimiser: OptimiserName,
    batch: int,
    *,
    jax: bool,
    threads: int = 0,
) -> Case:
    """Return the case of a whole training step, including its noise, in ava-np and in the installed frameworks."""
    specification, generator = training_specification(optimiser, batch), np.random.default_rng(0)
    for network in model.networks.values():  # because some weights are 0 at first
        network.theta += 0.01 * np.asarray(generator.standard_normal(network.theta.shape), model.dtype)
    x = generator.random((batch, model.neurons)).astype(model.dtype)
    noise = model.noise(generator, batch)
    trainer = Trainer(model, specification)

    def step() -> None:
        trainer.step(x, model.noise(generator, batch))

    implementations = [Implementation(OURS, step, lambda: compared_results(our_results, model, x, noise))]
    if settings.torch is not None:
        formats = (False, True) if model.specification.architecture != "mlp" else (False,)
        for channels_last in formats:
            torch_peer = partial(TorchPeer, settings.torch, training=specification, channels_last=channels_last)
            implementations.append(_peer("torch", torch_peer, model, x, noise))
    if jax and settings.jax is not None:
        implementations.append(_peer("jax", partial(JaxPeer, settings.jax, training=specification), model, x, noise))
    work, rates = least_work(model, x, noise, optimiser), {one.threads: one for one in settings.rates}

    def least(threads: int) -> float:
        return work.milliseconds(rates[threads])

    return Case(workload, implementations, threads, least if (threads or cores()) in rates else None)


def _peer(
    name: str, make: Callable[..., TorchPeer | JaxPeer], model: Model, x: np.ndarray, noise: Results
) -> Implementation:
    def results(model: Model, x: np.ndarray, noise: Results) -> Results:
        return make(model=model, x=x).results(noise)

    return Implementation(name, make(model=model, x=x).step, lambda: compared_results(results, model, x, noise))


def compared_results(results: Callable[..., Results], model: Model, x: np.ndarray, noise: Results) -> Results:
    """Return ``results(model, x, noise)``; with batch norm, replace the gradients by those of a copy in float64.

    W3 has millions of neurons, and a few of them are so near the kink of a rectifier that in float32 rounding decides
    whether they pass an error on. Batch norm over four samples spreads the difference. The gradients of PyTorch and of
    ava-np then differ by up to 5 %, and each differs as much from float64. The terms are continuous there.
    """
    actual = results(model, x, noise)
    if not model.uses_batch_statistics:
        return actual
    copy = from_specification(model.specification, model.shape, dtype=np.float64)
    for name, network in model.networks.items():
        copy.networks[name].theta[:] = network.theta
    exact = results(copy, x.astype(np.float64), {name: array.astype(np.float64) for name, array in noise.items()})
    return {name: array if array.ndim == 0 else exact[name] for name, array in actual.items()}


def our_results(model: Model, x: np.ndarray, noise: Results) -> Results:
    """Return the terms and gradients of a step of a model whose step has one phase."""
    model.zero_gradients()
    results = {name: np.array(value) for name, value in model.gradients(x, noise).items()}
    for name, network in model.networks.items():
        for layer, parameter, array in network.named_arrays(network.gradient.read_layers()):
            results[f"{name}.{layer}.{parameter}"] = array.copy()
    return results
