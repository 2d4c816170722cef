"""Every phase of every model against torch: its objectives are written anew here, autograd does the rest."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ava_np.layers import (
    Activation,
    BatchNorm,
    Convolution,
    Dense,
    Flatten,
    MinibatchDiscrimination,
    Reshape,
    TransposedConvolution,
)
from ava_np.layers.layer import Layer
from ava_np.models import Model
from ava_np.network import Network
from ava_np.specification import MODELS
from tests.models.family import HIDDEN, draw, lively

torch = pytest.importorskip("torch")
F = torch.nn.functional

TOLERANCE = 1e-9  # relative to the network's largest gradient
Tensor = Any
Tensors = dict[str, Tensor]
Objectives = dict[str, dict[str, Tensor]]  # by phase and network
AVAS = ("ava1", "ava2", "ava3", "ava4", "ava5")

ACTIVATIONS = {"relu": torch.relu, "sigmoid": torch.sigmoid, "leaky_relu": lambda y: F.leaky_relu(y, 0.2)}


# Networks


class Torch:
    """A network's layers in torch, over copies of its parameters."""

    def __init__(self, network: Network) -> None:
        self.layers, self.intermediate = network.layers, network.intermediate
        self.parameters = [
            {name: torch.tensor(array, requires_grad=True) for name, array in arrays.items()}
            for arrays in network.parameters
        ]

    def __call__(self, x: Tensor, layers: slice = slice(None)) -> Tensor:
        """Apply all layers, or some."""
        for layer, parameters in zip(self.layers[layers], self.parameters[layers], strict=True):
            x = applied(layer, parameters, x)
        return x

    def features(self, x: Tensor) -> Tensor:
        """The values at the intermediate."""
        return self(x, slice(self.intermediate))

    def gradient(self, objective: Tensor) -> np.ndarray:
        """By autograd, flat, in the order of ``Network.theta``."""
        leaves = [leaf for arrays in self.parameters for leaf in arrays.values()]
        found = torch.autograd.grad(objective, leaves, retain_graph=True)
        return np.concatenate([gradient.numpy().ravel() for gradient in found])


def applied(layer: Layer, p: Tensors, x: Tensor) -> Tensor:
    """One layer; pictures are (batch, height, width, channels)."""
    match layer:
        case Dense():
            return x @ p["W"] + p["b"]
        case Activation():
            return ACTIVATIONS[layer.function](x)
        case Reshape():
            return x.reshape(-1, *layer.shape)
        case Flatten():
            return x.flatten(1)
        case Convolution():
            y = F.conv2d(x.permute(0, 3, 1, 2), p["W"].permute(3, 2, 0, 1), p["b"], layer.stride, layer.padding)
            return y.permute(0, 2, 3, 1)
        case TransposedConvolution():
            weight, more = p["W"].permute(3, 2, 0, 1), layer.output_padding
            y = F.conv_transpose2d(x.permute(0, 3, 1, 2), weight, p["b"], layer.stride, layer.padding, more)
            return y.permute(0, 2, 3, 1)
        case BatchNorm():
            axes = tuple(range(x.ndim - 1))
            variance, mean = torch.var_mean(x, axes, correction=0)
            return p["scale"] * (x - mean) / torch.sqrt(variance + layer.epsilon) + p["shift"]
        case MinibatchDiscrimination():
            M = (x @ p["W"]).reshape(len(x), layer.features, layer.width)
            likeness = torch.exp(-(M[:, None] - M[None]).abs().sum(3))
            return torch.cat([x, likeness.sum(1) - 1], 1)
    raise NotImplementedError(layer.name)


# Objectives: everything is descended, and summed over the batch


def real(t: Tensor) -> Tensor:
    """log d of a logit."""
    return torch.log(torch.sigmoid(t)).sum()


def fake(t: Tensor) -> Tensor:
    """log(1 - d) of a logit."""
    return torch.log(1 - torch.sigmoid(t)).sum()


def misfit(x: Tensor, x_: Tensor, likelihood: str) -> Tensor:
    """-log p(x|z) up to a constant."""
    if likelihood == "gaussian":
        return ((x - x_) ** 2).sum() / 2
    return -(x * torch.log(x_) + (1 - x) * torch.log(1 - x_)).sum()


def gaussian(output: Tensor, r: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """μ, z, and the divergence of the code of a Gaussian encoder, as torch knows it."""
    μ, s = output.chunk(2, 1)
    posterior = torch.distributions.Normal(μ, torch.exp(s / 2))
    kl = torch.distributions.kl_divergence(posterior, torch.distributions.Normal(torch.zeros_like(μ), 1.0))
    return μ, μ + torch.exp(s / 2) * r, kl.sum()


def smoothed(t: Tensor, t_: Tensor, s: float) -> Tensor:
    """Cross-entropy of a discriminator with the targets 1 - s at t, of real samples, and 0 at t_."""
    targets = torch.full_like(t, 1 - s), torch.zeros_like(t_)
    return sum(
        F.binary_cross_entropy(torch.sigmoid(logit), target, reduction="sum")
        for logit, target in zip((t, t_), targets, strict=True)
    )


def ae(o: Any, n: dict[str, Torch], x: Tensor, noise: Tensors) -> Objectives:
    loss = misfit(x, n["decoder"](n["encoder"](x)), o.likelihood)
    return {"step": {"encoder": loss, "decoder": loss}}


def vae(o: Any, n: dict[str, Torch], x: Tensor, noise: Tensors) -> Objectives:
    _, z, kl = gaussian(n["encoder"](x), noise["r"])
    error = misfit(x, n["decoder"](z), o.likelihood)
    if o.propagation == "paper":
        return {"step": {"encoder": o.beta * kl, "decoder": error}}
    return {"step": {"encoder": error + o.beta * kl, "decoder": error + o.beta * kl}}


def gan(o: Any, n: dict[str, Torch], x: Tensor, noise: Tensors) -> Objectives:
    G, D = n["generator"], n["discriminator"]
    verdict = D(G(noise["z2"]))
    return {
        "discriminator": {"discriminator": smoothed(D(x), D(G(noise["z1"])), o.smoothing)},
        "generator": {"generator": fake(verdict) if o.saturating else -real(verdict)},
    }


def aae(o: Any, n: dict[str, Torch], x: Tensor, noise: Tensors) -> Objectives:
    D, output = n["code_discriminator"], n["encoder"](x)
    z = gaussian(output, noise["r"])[1] if o.name == "vae-gan-costs" or o.stochastic else output
    error = misfit(x, n["decoder"](z), o.likelihood)
    return {
        "reconstruction": {"encoder": error, "decoder": error},
        "discriminator": {"code_discriminator": smoothed(D(noise["z_p"]), D(z), o.smoothing)},
        "regularisation": {"encoder": fake(D(z)) if o.saturating else -real(D(z))},
    }


def bigan(o: Any, n: dict[str, Torch], x: Tensor, noise: Tensors) -> Objectives:
    E, G = n["encoder"], n["generator"]

    def D(x: Tensor, z: Tensor) -> Tensor:
        return n["discriminator"](torch.cat([n["discriminator_trunk"](x), z], 1))

    z1, z2 = noise["z1"], noise["z2"]
    judged = smoothed(D(x, E(x)), D(G(z1), z1), o.smoothing)
    of_data, of_codes = D(x, E(x)), D(G(z2), z2)
    pairs = real(of_data) + fake(of_codes) if o.saturating else -fake(of_data) - real(of_codes)
    return {
        "discriminator": {"discriminator": judged, "discriminator_trunk": judged},
        "pairs": {"encoder": pairs, "generator": pairs},  # one game: autograd finds each one's part
    }


def vaegan(o: Any, n: dict[str, Torch], x: Tensor, noise: Tensors) -> Objectives:
    Dec, Dis = n["decoder"], n["discriminator"]
    _, z, prior = gaussian(n["encoder"](x), noise["r"])
    x_, x_p = Dec(z), Dec(noise["z_p"])
    llike = ((Dis.features(x) - Dis.features(x_)) ** 2).sum() / 2
    L_gan = real(Dis(x)) + fake(Dis(x_p))
    if o.reconstructions_are_fake:
        L_gan = L_gan + fake(Dis(x_))
    return {"step": {"encoder": prior + llike, "decoder": o.gamma * llike + L_gan, "discriminator": -L_gan}}


def ava(o: Any, n: dict[str, Torch], x: Tensor, noise: Tensors) -> Objectives:
    """(3), (4), (11), (12); for (10) and (16) what they ascend, with the brightness held constant."""
    number = int(o.name[-1])
    μ, z, kl = gaussian(n["encoder"](x), noise["r"])
    x_ = n["decoder"](z)
    loss = misfit(x, x_, "gaussian") + kl
    found = {}
    if number in (1, 2, 5):
        d, d_ = n["discriminator"](x), n["discriminator"](x_)
        loss, balance = loss + fake(d_), real(d) + fake(d_)
        if number != 1:
            a_g = x_ * (1 - x_) if o.output == "sigmoid" else torch.ones_like(x_)
            balance = balance + (((x - x_) * a_g).sum(1).detach() * torch.sigmoid(d_)[:, 0]).sum()
        found["discriminator"] = -balance
    if number in (3, 4, 5):
        μ_, _ = n["encoder"](x_).chunk(2, 1)
        D, D_ = n["encoding_discriminator"](μ), n["encoding_discriminator"](μ_)
        loss, balance = loss + fake(D_), real(D) + fake(D_)
        if number != 3:
            balance = balance + ((μ - μ_).sum(1).detach() * torch.sigmoid(D_)[:, 0]).sum()
        found["encoding_discriminator"] = -balance
    return {"step": {"encoder": loss, "decoder": loss, **found}}


OBJECTIVES: dict[str, Callable[[Any, dict[str, Torch], Tensor, Tensors], Objectives]] = {
    "ae": ae,
    "vae": vae,
    "gan": gan,
    "dcgan": gan,
    "aae": aae,
    "vae-gan-costs": aae,
    "bigan": bigan,
    "vaegan": vaegan,
    **dict.fromkeys(AVAS, ava),
}

LIKELIHOOD: dict[str, Any] = {"likelihood": "bernoulli"}
ADVERSARIAL: tuple[dict[str, Any], ...] = (
    {"smoothing": 0.2},
    {"saturating": True},
    {"minibatch_discrimination": True},
    {"smoothing": 0.1, "saturating": True, "minibatch_discrimination": True, "output": "linear"},
)
OPTIONS: dict[str, tuple[dict[str, Any], ...]] = {
    "ae": (LIKELIHOOD, {"output": "linear"}),
    "vae": (LIKELIHOOD, {"beta": 2.5}, {"beta": 0.0}, {"propagation": "paper", "beta": 0.5}, {"output": "linear"}),
    "gan": ADVERSARIAL,
    "dcgan": ADVERSARIAL,
    "aae": (*ADVERSARIAL, LIKELIHOOD, {"stochastic": True}, {"prior": "gamma", "stochastic": True, "saturating": True}),
    "vae-gan-costs": (*ADVERSARIAL, LIKELIHOOD, {"prior": "uniform"}),
    "bigan": ADVERSARIAL,
    "vaegan": (
        {"gamma": 0.3},
        {"gamma": 0.0},
        {"reconstructions_are_fake": False},
        {"minibatch_discrimination": True},
        {"gamma": 2.0, "reconstructions_are_fake": False, "minibatch_discrimination": True, "output": "linear"},
    ),
    **dict.fromkeys(AVAS, ({"minibatch_discrimination": True}, {"output": "linear"})),
}
CASES = [(name, options) for name, several in OPTIONS.items() for options in several]


def check(name: str, model: Model) -> None:
    """Compare gradients, and the values of what is descended, phase by phase and network by network."""
    x, noise = draw(model, 4)
    networks = {each: Torch(network) for each, network in model.networks.items()}
    tensors = {each: torch.tensor(array) for each, array in noise.items()}
    written = OBJECTIVES[name](model.specification, networks, torch.tensor(x), tensors)
    assert list(written) == [phase.name for phase in model.phases]
    for phase in model.phases:
        assert set(written[phase.name]) == set(phase.networks)
        model.zero_gradients()
        phase.gradients(x, noise)
        found = {each: model.networks[each].gradient.read() for each in phase.networks}
        values = phase.objectives(x, noise, model.detached(x, noise))
        whole = name not in ("bigan", "vaegan", *AVAS)  # theirs differ from these by what has no slope
        for each, objective in written[phase.name].items():
            expected = networks[each].gradient(objective)
            size = np.abs(expected).max()
            gap = np.abs(found[each] - expected).max()
            assert size > 1e-3, f"{phase.name}, {each}: a gradient of {size:.0e} shows nothing"
            assert gap < TOLERANCE * size, f"{phase.name}, {each}: {gap / size:.1e} of the largest"
            assert not whole or values[each] == pytest.approx(objective.item(), rel=1e-9), f"{phase.name}, {each}"


def test_every_model_is_here() -> None:
    assert list(OBJECTIVES) == list(OPTIONS) == list(MODELS)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Networks this small are slower on two."""
    torch.set_num_threads(1)


@pytest.mark.parametrize("architecture", HIDDEN)
@pytest.mark.parametrize("name", MODELS)
def test_gradients_are_torchs_with_every_architecture(name: str, architecture: str) -> None:
    check(name, lively(name, architecture))


@pytest.mark.parametrize("architecture", ["mlp", "dcgan"])
@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_gradients_are_torchs_with_every_option(name: str, options: dict[str, Any], architecture: str) -> None:
    check(name, lively(name, architecture, **options))
