"""Optimisers: what a step remembers, over the kernels of kernels/optimisers.py."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from ava_np.kernels.optimisers import adam_step, sgd_step
from ava_np.network import Network


class Optimiser(Protocol):
    """Changes a network's parameters by its gradient, once a step."""

    state: dict[str, np.ndarray]
    """Arrays of the parameters' length that must be saved for training to go on."""

    def step(self, network: Network, weights: Sequence[float], number: int) -> None:
        """Apply the gradient as step ``number`` = 1, 2, ...; ``weights`` has ρ for each of the network's parts."""


class SGD:
    """θ <- θ - γ ρ g, as AVA (5) to (16) print it; γ in (0, 1]."""

    def __init__(self, network: Network, rate: float) -> None:
        self.rate = rate
        self.state: dict[str, np.ndarray] = {}

    def step(self, network: Network, weights: Sequence[float], number: int) -> None:
        """One printed update."""
        for part, ρ in zip(network.parts, weights, strict=True):
            sgd_step(network.theta[part], network.grad[part], self.rate, ρ)


class Adam:
    """Adam, Kingma and Ba 2015, Algorithm 1, with its β₁ = 0.9, β₂ = 0.999, ε = 1e-8."""

    def __init__(self, network: Network, rate: float) -> None:
        self.rate = rate
        self.state = {"m": np.zeros_like(network.theta), "v": np.zeros_like(network.theta)}

    def step(self, network: Network, weights: Sequence[float], number: int) -> None:
        """One step of Algorithm 1 on the gradient times ρ."""
        m, v, rate = self.state["m"], self.state["v"], self.rate
        for part, ρ in zip(network.parts, weights, strict=True):
            adam_step(network.theta[part], m[part], v[part], network.grad[part], rate, ρ, 0.9, 0.999, 1e-8, number)


OPTIMISERS: dict[str, type[SGD] | type[Adam]] = {"adam": Adam, "sgd": SGD}
