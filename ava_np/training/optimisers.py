"""Optimisers: what a step remembers, over the kernels of kernels/optimisers.py."""

from collections.abc import Sequence
from typing import ClassVar, Protocol

import numpy as np

from ava_np.kernels.factored import Step, factored_step
from ava_np.kernels.optimisers import adam_step, decay, momentum_step, rmsprop_step, sgd_step
from ava_np.network import Network
from ava_np.specification import TrainingSpecification


class Optimiser(Protocol):
    """Changes a network's parameters by its gradient, once a step."""

    state: dict[str, np.ndarray]
    """Arrays of the parameters' length that must be saved for training to go on."""

    def step(self, network: Network, weights: Sequence[float], number: int, rate: float) -> None:
        """Apply the gradient as step ``number`` = 1, 2, ..., with γ = ``rate``.

        ``weights`` has ρ for each of the network's parts.
        """


class _Decaying:
    """Weight decay over the whole network (Loshchilov and Hutter 2019), then each part's own step.

    Parameters
    ----------
    network : Network
        Whose parameters it will change: the state is of their length and type.
    training : TrainingSpecification
        Momentum and weight decay.
    """

    remembers: ClassVar[tuple[str, ...]] = ()
    update: ClassVar[Step]
    """θ, what is remembered and g, then what ``_numbers`` gives."""

    def __init__(self, network: Network, training: TrainingSpecification) -> None:
        self.training = training
        self.state = {name: np.zeros_like(network.theta) for name in self.remembers}

    def step(self, network: Network, weights: Sequence[float], number: int, rate: float) -> None:
        """Decay, then the published update on the gradient times ρ."""
        if self.training.weight_decay:
            decay(network.theta, rate, self.training.weight_decay)
        for segments, ρ in zip(network.gradient.segments(), weights, strict=True):
            numbers = self._numbers(rate, ρ, number)
            for where, gradient in segments:
                arrays = [network.theta[where], *(array[where] for array in self.state.values())]
                if isinstance(gradient, np.ndarray):
                    self.update(*arrays, gradient, *numbers)
                else:
                    factored_step(self.update, arrays, gradient, numbers, network.scratch)

    def _numbers(self, γ: float, ρ: float, k: int) -> tuple[float, ...]:
        """The numbers of step k."""
        raise NotImplementedError


class SGD(_Decaying):
    """θ <- θ - γ ρ g, as AVA (5) to (16) print it; γ in (0, 1]."""

    update = sgd_step

    def _numbers(self, γ: float, ρ: float, k: int) -> tuple[float, ...]:
        return γ, ρ


class Momentum(_Decaying):
    """SGD with momentum, Polyak 1964, with μ = ``training.momentum``: v <- μ v + ρ g, θ <- θ - γ v."""

    remembers = ("v",)
    update = momentum_step

    def _numbers(self, γ: float, ρ: float, k: int) -> tuple[float, ...]:
        return γ, ρ, self.training.momentum


class RMSprop(_Decaying):
    """RMSprop, Tieleman and Hinton 2012, with their α = 0.9, and ε = 1e-8."""

    remembers = ("v",)
    update = rmsprop_step

    def _numbers(self, γ: float, ρ: float, k: int) -> tuple[float, ...]:
        return γ, ρ, 0.9, 1e-8


class Adam(_Decaying):
    """Adam, Kingma and Ba 2015, Algorithm 1, with β₁ = ``training.momentum`` and their β₂ = 0.999, ε = 1e-8."""

    remembers = ("m", "v")
    update = adam_step

    def _numbers(self, γ: float, ρ: float, k: int) -> tuple[float, ...]:
        return γ, ρ, self.training.momentum, 0.999, 1e-8, k


OPTIMISERS: dict[str, type[SGD | Momentum | RMSprop | Adam]] = {
    "adam": Adam,
    "rmsprop": RMSprop,
    "momentum": Momentum,
    "sgd": SGD,
}


def make_optimiser(network: Network, training: TrainingSpecification) -> Optimiser:
    """The optimiser that ``training`` names, with nothing remembered yet."""
    return OPTIMISERS[training.optimiser](network, training)


def clip_factor(norm: float, limit: float) -> float:
    """What to multiply a gradient by so that its norm is at most ``limit`` (Pascanu et al. 2013, Algorithm 1).

    Parameters
    ----------
    norm : float
        Euclidean norm of the network's whole gradient.
    limit : float
        Largest norm that stays as it is; 0 for no limit.

    Returns
    -------
    float
        min(1, limit / norm), or 1 without a limit.
    """
    return 1.0 if limit == 0 or norm <= limit else limit / norm
