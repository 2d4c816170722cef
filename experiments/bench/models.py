"""The models that ``ava bench`` trains, and a step of the trainer with each."""

from collections.abc import Callable
from functools import partial

import numpy as np

from ava_np.experiments.bench.jax_peers import JaxPeer
from ava_np.experiments.bench.measure import OURS, Case, Contender, Setting
from ava_np.experiments.bench.torch_peers import Numbers, TorchPeer
from ava_np.models import Model, build, from_specification
from ava_np.specification import OptimiserName, TrainingSpecification
from ava_np.training.trainer import Trainer

# Small enough that a benchmark's thousands of steps on the same random pictures leave every number finite.
RATES: dict[str, float] = {"sgd": 1e-7, "adam": 1e-6, "rmsprop": 1e-6, "momentum": 1e-7}


def training(optimiser: OptimiserName, batch: int) -> TrainingSpecification:
    """One step of this optimiser, summed gradients."""
    return TrainingSpecification(optimiser, RATES[optimiser], "sum", batch, 1, 0)


def w1_model(width: int = 256) -> Model:
    """W1: dense AVA1 on pictures of 60 x 83 in colour; a code of 64."""
    return build("ava1", (83, 60, 3), latent=64, hidden=(width,))


def w2_model(side: int = 28) -> Model:
    """W2: convolutional VAE with 16 and 32 channels and a code of 20."""
    return build("vae", (side, side, 1), latent=20, architecture="conv28", likelihood="bernoulli")


def w3_model(channels: tuple[int, ...] = (), side: int = 64) -> Model:
    """W3: VAE-GAN of Larsen et al. 2016 on 64 x 64 pictures in colour; a code of 128."""
    return build("vaegan", (side, side, 3), latent=128, architecture="conv64", hidden=channels, gamma=0.01)


def step_case(
    setting: Setting, workload: str, model: Model, optimiser: OptimiserName, batch: int, *, jax: bool, threads: int = 0
) -> Case:
    """A whole step of the trainer, noise and all, beside the peers'."""
    specification, generator = training(optimiser, batch), np.random.default_rng(0)
    for network in model.networks.values():  # away from the zeros that some weights start from
        network.theta += 0.01 * np.asarray(generator.standard_normal(network.theta.shape), model.dtype)
    x = generator.random((batch, model.neurons)).astype(model.dtype)
    noise = model.noise(generator, batch)
    trainer = Trainer(model, specification)

    def step() -> None:
        trainer.step(x, model.noise(generator, batch))

    contenders = [Contender(OURS, step, lambda: checked_numbers(our_numbers, model, x, noise))]
    if setting.torch is not None:
        formats = (False, True) if model.specification.architecture != "mlp" else (False,)
        for channels_last in formats:
            torch_peer = partial(TorchPeer, setting.torch, training=specification, channels_last=channels_last)
            contenders.append(_peer("torch", torch_peer, model, x, noise))
    if jax and setting.jax is not None:
        contenders.append(_peer("jax", partial(JaxPeer, setting.jax, training=specification), model, x, noise))
    return Case(workload, contenders, threads)


def _peer(
    name: str, make: Callable[..., TorchPeer | JaxPeer], model: Model, x: np.ndarray, noise: Numbers
) -> Contender:
    def numbers(model: Model, x: np.ndarray, noise: Numbers) -> Numbers:
        return make(model=model, x=x).numbers(noise)

    return Contender(name, make(model=model, x=x).step, lambda: checked_numbers(numbers, model, x, noise))


def checked_numbers(numbers: Callable[..., Numbers], model: Model, x: np.ndarray, noise: Numbers) -> Numbers:
    """What is compared: ``numbers(model, x, noise)``; but with batch norm, gradients of a copy in float64.

    Of W3's millions of neurons a few are so near the kink of a rectifier that in float32 rounding decides whether they
    pass an error on, and batch norm over four samples spreads that: gradients of PyTorch and ours are then up to 5 %
    apart, and each as far from float64. Terms do not jump there.
    """
    found = numbers(model, x, noise)
    if not model.uses_batch_statistics:
        return found
    copy = from_specification(model.specification, model.shape, dtype=np.float64)
    for name, network in model.networks.items():
        copy.networks[name].theta[:] = network.theta
    exact = numbers(copy, x.astype(np.float64), {name: array.astype(np.float64) for name, array in noise.items()})
    return {name: found[name] if array.ndim == 0 else exact[name] for name, array in found.items()}


def our_numbers(model: Model, x: np.ndarray, noise: Numbers) -> Numbers:
    """Terms and gradients of a step of a model of one phase."""
    model.zero_gradients()
    found = {name: np.array(value) for name, value in model.gradients(x, noise).items()}
    for name, network in model.networks.items():
        for layer, parameter, array in network.named_arrays(network.gradient.read_layers()):
            found[f"{name}.{layer}.{parameter}"] = array.copy()
    return found
