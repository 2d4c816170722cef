"""The control of ``vae_likelihood``: the same VAE trained by PyTorch, which differentiates it by itself."""

import math
from importlib import import_module
from typing import Any

import numpy as np

from ava_np.models import VAE


def train_with_torch(
    model: VAE, pictures: np.ndarray, function: str, epochs: int, batch: int, rate: float, seed: int
) -> None:
    """Train a VAE of dense layers with PyTorch, from its own weights, and write the result into it.

    Parameters
    ----------
    model : VAE
        With a Bernoulli likelihood and dense layers; its weights are read and replaced.
    pictures : ndarray, (N, H, W, C) float32
        Of zeros and ones.
    function : {"relu", "tanh"}
        The activation between the layers.
    epochs, batch : int
        Passes over the pictures, and pictures in a step.
    rate : float
        Learning rate of Adam at the start; it falls to 0 along a cosine.
    seed : int
        Of the order of the pictures and the noise.
    """
    torch = import_module("torch")  # for a control alone: the library itself uses no autograd
    torch.manual_seed(seed)
    activation = {"relu": torch.relu, "tanh": torch.tanh}[function]
    dense = [[arrays for arrays in network.parameters if arrays] for network in (model.Θ, model.Φ)]
    layers = [[[torch.tensor(a[name]).requires_grad_() for name in ("W", "b")] for a in network] for network in dense]

    def forward(x: Any, network: list[list[Any]]) -> Any:
        for W, b in network[:-1]:
            x = activation(x @ W + b)
        W, b = network[-1]
        return x @ W + b

    parameters = [tensor for network in layers for layer in network for tensor in layer]
    optimiser = torch.optim.Adam(parameters, lr=rate)
    steps = epochs * math.ceil(len(pictures) / batch)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda i: 0.5 * (1 + math.cos(math.pi * i / steps)))
    x = torch.tensor(pictures.reshape(len(pictures), -1))
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(batch):
            μ, s = forward(x[rows], layers[0]).chunk(2, dim=1)
            logits = forward(μ + torch.exp(s / 2) * torch.randn_like(μ), layers[1])
            cross_entropy = torch.nn.functional.binary_cross_entropy_with_logits(logits, x[rows], reduction="sum")
            loss = (cross_entropy + 0.5 * (μ**2 + s.exp() - 1 - s).sum()) / len(rows)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    for network, trained in zip(dense, layers, strict=True):
        for arrays, (W, b) in zip(network, trained, strict=True):
            arrays["W"][:], arrays["b"][:] = W.detach().numpy(), b.detach().numpy()
