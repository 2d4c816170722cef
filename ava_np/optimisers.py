"""Optimisers: what a step remembers, over the kernels of kernels/optimisers.py."""

from typing import Protocol

import numpy as np

from ava_np.kernels.optimisers import adam_step, sgd_step
from ava_np.network import Network


class Optimiser(Protocol):
    """Changes a network's parameters by its gradient, once a step."""

    state: dict[str, np.ndarray]
    """Arrays of the parameters' length that must be saved for training to go on."""

    def step(self, network: Network, scale: float, number: int) -> None:
        """Apply ``scale · network.grad`` as step ``number`` = 1, 2, ... of the training."""


class SGD:
    """θ <- θ - γ ρ g, as AVA (5) to (16) print it; γ in (0, 1]."""

    def __init__(self, network: Network, rate: float) -> None:
        self.rate = rate
        self.state: dict[str, np.ndarray] = {}

    def step(self, network: Network, scale: float, number: int) -> None:
        """One printed update; ``scale`` is ρ."""
        sgd_step(network.theta, network.grad, self.rate, scale)


class Adam:
    """Adam, Kingma and Ba 2015, Algorithm 1, with its β₁ = 0.9, β₂ = 0.999, ε = 1e-8."""

    def __init__(self, network: Network, rate: float) -> None:
        self.rate = rate
        self.state = {"m": np.zeros_like(network.theta), "v": np.zeros_like(network.theta)}

    def step(self, network: Network, scale: float, number: int) -> None:
        """One step of Algorithm 1 on the gradient ``scale · grad``."""
        m, v = self.state["m"], self.state["v"]
        adam_step(network.theta, m, v, network.grad, self.rate, scale, 0.9, 0.999, 1e-8, number)


OPTIMISERS: dict[str, type[SGD] | type[Adam]] = {"adam": Adam, "sgd": SGD}
