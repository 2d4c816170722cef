"""Optimisers: their state, and their updates of a network by the kernels of kernels/optimisers.py."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from ava_np.kernels.factored import Factors, Step, factored_descent, factored_step
from ava_np.kernels.optimisers import adam_step, decay, momentum_step, rmsprop_step, sgd_step
from ava_np.network import Network
from ava_np.specification import TrainingSpecification


class Optimiser:
    """Base of the optimisers: weight decay (Loshchilov and Hutter 2019), then the published update of each layer.

    Parameters
    ----------
    network : Network
        The network whose parameters it updates; the state has their length and type.
    training : TrainingSpecification
        Momentum and weight decay.

    Attributes
    ----------
    state : dict of str to ndarray, (parameters,)
        What the optimiser keeps between steps: it must be saved if training is to be resumed.
    """

    state_names: ClassVar[tuple[str, ...]] = ()
    """Names of the arrays in ``state``, in the order in which ``update`` takes them."""

    update: ClassVar[Step]
    """The kernel: it takes θ, the state's arrays and g, then the numbers of ``_hyperparameters``."""

    def __init__(self, network: Network, training: TrainingSpecification) -> None:
        self.training = training
        self.state = {name: np.zeros_like(network.theta) for name in self.state_names}

    def step(self, network: Network, weights: Sequence[float], number: int, rate: float) -> None:
        """Update the network's parameters by its gradient.

        Parameters
        ----------
        network : Network
            Its ``theta`` is changed.
        weights : sequence of float
            ρ, the factor on the gradient of each layer that has parameters.
        number : int
            Number of this step: 1, 2, ...
        rate : float
            γ, the learning rate of this step.
        """
        if self.training.weight_decay:
            decay(network.theta, rate, self.training.weight_decay)
        for segments, ρ in zip(network.gradient.segments(), weights, strict=True):
            hyperparameters = self._hyperparameters(rate, ρ, number)
            for where, gradient in segments:
                arrays = [network.theta[where], *(array[where] for array in self.state.values())]
                if isinstance(gradient, np.ndarray):
                    self.update(*arrays, gradient, *hyperparameters)
                else:
                    self._step_by_factors(arrays, gradient, hyperparameters, network.scratch)

    def _step_by_factors(
        self, arrays: list[np.ndarray], factors: Factors, hyperparameters: tuple[float, ...], scratch: np.ndarray
    ) -> None:
        factored_step(self.update, arrays, factors, hyperparameters, scratch)

    def _hyperparameters(self, γ: float, ρ: float, k: int) -> tuple[float, ...]:
        """The numbers that the kernel takes at step k."""
        raise NotImplementedError


class SGD(Optimiser):
    """θ <- θ - γ ρ g, as AVA (5) to (16) print it; γ in (0, 1]."""

    update = sgd_step

    def _hyperparameters(self, γ: float, ρ: float, k: int) -> tuple[float, ...]:
        return γ, ρ

    def _step_by_factors(
        self, arrays: list[np.ndarray], factors: Factors, hyperparameters: tuple[float, ...], scratch: np.ndarray
    ) -> None:
        γ, ρ = hyperparameters
        factored_descent(arrays[0], factors, γ * ρ, scratch)


class Momentum(Optimiser):
    """SGD with momentum, Polyak 1964, with μ = ``training.momentum``: u <- μ u + ρ g, θ <- θ - γ u."""

    state_names = ("v",)  # u; its name in files
    update = momentum_step

    def _hyperparameters(self, γ: float, ρ: float, k: int) -> tuple[float, ...]:
        return γ, ρ, self.training.momentum


class RMSprop(Optimiser):
    """RMSprop, Tieleman and Hinton 2012, with their α = 0.9, and ε = 1e-8."""

    state_names = ("v",)
    update = rmsprop_step

    def _hyperparameters(self, γ: float, ρ: float, k: int) -> tuple[float, ...]:
        return γ, ρ, 0.9, 1e-8


class Adam(Optimiser):
    """Adam, Kingma and Ba 2015, Algorithm 1, with β₁ = ``training.momentum``, and their β₂ = 0.999 and ε = 1e-8."""

    state_names = ("m", "v")
    update = adam_step

    def _hyperparameters(self, γ: float, ρ: float, k: int) -> tuple[float, ...]:
        return γ, ρ, self.training.momentum, 0.999, 1e-8, k


OPTIMISERS: dict[str, type[Optimiser]] = {"adam": Adam, "rmsprop": RMSprop, "momentum": Momentum, "sgd": SGD}


def make_optimiser(network: Network, training: TrainingSpecification) -> Optimiser:
    """Return a new optimiser of the kind that ``training`` names.

    Examples
    --------
    >>> from ava_np.layers import Dense
    >>> network = Network((3,), [Dense(2)], np.random.default_rng(0))
    >>> network.theta[:] = 1
    >>> network.gradient.write(np.ones(8))
    >>> sgd = make_optimiser(network, TrainingSpecification("sgd", 0.1, "sum", batch_size=1, epochs=1, seed=0))
    >>> sgd.step(network, weights=[1.0], number=1, rate=0.1)
    >>> bool(np.allclose(network.theta, 0.9))
    True
    """
    return OPTIMISERS[training.optimiser](network, training)


def clip_factor(norm: float, limit: float) -> float:
    """Return the factor that limits the norm of a gradient (Pascanu et al. 2013, Algorithm 1).

    Parameters
    ----------
    norm : float
        Euclidean norm of the network's whole gradient.
    limit : float
        Largest norm that is left unchanged; 0 for no limit.

    Returns
    -------
    float
        min(1, limit / norm), or 1 without a limit.

    Examples
    --------
    >>> clip_factor(4.0, limit=1.0)
    0.25
    """
    return 1.0 if limit == 0 or norm <= limit else limit / norm
