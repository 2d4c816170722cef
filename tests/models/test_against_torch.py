"""Every phase of every model compared with torch: the objectives are written again here, for autograd."""

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
from tests.models.small_models import HIDDEN, SHAPE, draw, perturbed
from tests.torch_augmentation import CHANGES

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
        """Apply all layers, or a slice of them."""
        for layer, parameters in zip(self.layers[layers], self.parameters[layers], strict=True):
            x = apply_layer(layer, parameters, x)
        return x

    def features(self, x: Tensor) -> Tensor:
        """Return the values at the intermediate layer."""
        return self(x, slice(self.intermediate))

    def gradient(self, objective: Tensor) -> np.ndarray:
        """Return the gradient by autograd as a flat vector, in the order of ``Network.theta``."""
        leaves = [leaf for arrays in self.parameters for leaf in arrays.values()]
        gradients = torch.autograd.grad(objective, leaves, retain_graph=True)
        return np.concatenate([gradient.numpy().ravel() for gradient in gradients])


def apply_layer(layer: Layer, p: Tensors, x: Tensor) -> Tensor:
    """Apply one layer; pictures are (batch, height, width, channels)."""
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
            weight, extra = p["W"].permute(3, 2, 0, 1), layer.output_padding
            y = F.conv_transpose2d(x.permute(0, 3, 1, 2), weight, p["b"], layer.stride, layer.padding, extra)
            return y.permute(0, 2, 3, 1)
        case BatchNorm():
            axes = tuple(range(x.ndim - 1))
            variance, mean = torch.var_mean(x, axes, correction=0)
            return p["scale"] * (x - mean) / torch.sqrt(variance + layer.epsilon) + p["shift"]
        case MinibatchDiscrimination():
            M = (x @ p["W"]).reshape(len(x), layer.features, layer.width)
            similarity = torch.exp(-(M[:, None] - M[None]).abs().sum(3))
            return torch.cat([x, similarity.sum(1) - 1], 1)
    raise NotImplementedError(layer.name)


# Objectives: all are minimised, and summed over the batch


def log_real(t: Tensor) -> Tensor:
    """Return log d of a logit."""
    return torch.log(torch.sigmoid(t)).sum()


def log_fake(t: Tensor) -> Tensor:
    """Return log(1 - d) of a logit."""
    return torch.log(1 - torch.sigmoid(t)).sum()


def reconstruction_loss(x: Tensor, x_: Tensor, likelihood: str) -> Tensor:
    """Return -log p(x|z) up to a constant; autograd differentiates the calibrated variance too."""
    if likelihood == "calibrated":
        return x.numel() * (torch.log(((x - x_) ** 2).mean()) + 1) / 2
    if likelihood == "gaussian":
        return ((x - x_) ** 2).sum() / 2
    return -(x * torch.log(x_) + (1 - x) * torch.log(1 - x_)).sum()


def factor(x: Tensor, x_: Tensor, likelihood: str) -> Tensor:
    """Return the factor of a step's objective: the calibrated variance, or 1."""
    return ((x - x_) ** 2).mean().detach() if likelihood == "calibrated" else 1.0


def gaussian(output: Tensor, r: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return μ, z, and the KL divergence of a Gaussian encoder's code, computed by torch."""
    μ, s = output.chunk(2, 1)
    posterior = torch.distributions.Normal(μ, torch.exp(s / 2))
    kl = torch.distributions.kl_divergence(posterior, torch.distributions.Normal(torch.zeros_like(μ), 1.0))
    return μ, μ + torch.exp(s / 2) * r, kl.sum()


def discriminator_loss(t: Tensor, t_: Tensor, s: float) -> Tensor:
    """Return the cross-entropy of a discriminator with the targets 1 - s at t, of real samples, and 0 at t_."""
    targets = torch.full_like(t, 1 - s), torch.zeros_like(t_)
    return sum(
        F.binary_cross_entropy(torch.sigmoid(logit), target, reduction="sum")
        for logit, target in zip((t, t_), targets, strict=True)
    )


def ae(o: Any, n: dict[str, Torch], x: Tensor, noise: Tensors) -> Objectives:
    loss = reconstruction_loss(x, n["decoder"](n["encoder"](x)), o.likelihood)
    return {"step": {"encoder": loss, "decoder": loss}}


def vae(o: Any, n: dict[str, Torch], x: Tensor, noise: Tensors) -> Objectives:
    _, z, kl = gaussian(n["encoder"](x), noise["r"])
    x_ = n["decoder"](z)
    error = reconstruction_loss(x, x_, o.likelihood)
    if o.propagation == "paper":
        return {"step": {"encoder": o.beta * kl, "decoder": error}}
    loss = factor(x, x_, o.likelihood) * (error + o.beta * kl)
    return {"step": {"encoder": loss, "decoder": loss}}


def augmented(o: Any, x: Tensor, noise: Tensors, name: str) -> Tensor:
    """Return what the discriminator sees of pictures as rows."""
    start, y = 0, x.reshape(-1, *SHAPE)
    for change, (count, apply) in CHANGES.items():
        if change in o.augment:
            y = apply(y, noise[name][:, start : start + count])
            start += count
    return y.flatten(1)


def gan(o: Any, n: dict[str, Torch], x: Tensor, noise: Tensors) -> Objectives:
    G, D = n["generator"], n["discriminator"]
    t, t1 = D(augmented(o, x, noise, "T1_real")), D(augmented(o, G(noise["z1"]), noise, "T1_fake"))
    t_ = D(augmented(o, G(noise["z2"]), noise, "T2_fake"))
    return {
        "discriminator": {"discriminator": discriminator_loss(t, t1, o.smoothing)},
        "generator": {"generator": log_fake(t_) if o.saturating else -log_real(t_)},
    }


def aae(o: Any, n: dict[str, Torch], x: Tensor, noise: Tensors) -> Objectives:
    D, output = n["code_discriminator"], n["encoder"](x)
    z = gaussian(output, noise["r"])[1] if o.name == "vae-gan-costs" or o.stochastic else output
    error = reconstruction_loss(x, n["decoder"](z), o.likelihood)
    return {
        "reconstruction": {"encoder": error, "decoder": error},
        "discriminator": {"code_discriminator": discriminator_loss(D(noise["z_p"]), D(z), o.smoothing)},
        "regularisation": {"encoder": log_fake(D(z)) if o.saturating else -log_real(D(z))},
    }


def bigan(o: Any, n: dict[str, Torch], x: Tensor, noise: Tensors) -> Objectives:
    E, G = n["encoder"], n["generator"]

    def D(x: Tensor, z: Tensor, T: str) -> Tensor:
        return n["discriminator"](torch.cat([n["discriminator_trunk"](augmented(o, x, noise, T)), z], 1))

    z1, z2 = noise["z1"], noise["z2"]
    loss = discriminator_loss(D(x, E(x), "T1_real"), D(G(z1), z1, "T1_fake"), o.smoothing)
    t, t_ = D(x, E(x), "T2_real"), D(G(z2), z2, "T2_fake")
    pairs = log_real(t) + log_fake(t_) if o.saturating else -log_fake(t) - log_real(t_)
    return {
        "discriminator": {"discriminator": loss, "discriminator_trunk": loss},
        "pairs": {"encoder": pairs, "generator": pairs},  # autograd finds the part that depends on each network
    }


def vaegan(o: Any, n: dict[str, Torch], x: Tensor, noise: Tensors) -> Objectives:
    Dec, Dis = n["decoder"], n["discriminator"]
    _, z, prior = gaussian(n["encoder"](x), noise["r"])
    x_, x_p = Dec(z), Dec(noise["z_p"])
    llike = ((Dis.features(x) - Dis.features(x_)) ** 2).sum() / 2
    L_gan = log_real(Dis(x)) + log_fake(Dis(x_p))
    if o.reconstructions_are_fake:
        L_gan = L_gan + log_fake(Dis(x_))
    return {"step": {"encoder": o.beta * prior + llike, "decoder": o.gamma * llike + L_gan, "discriminator": -L_gan}}


def vaegansum(o: Any, n: dict[str, Torch], x: Tensor, noise: Tensors) -> Objectives:
    _, z, kl = gaussian(n["encoder"](x), noise["r"])
    x_, d, d_p = n["decoder"](z), n["discriminator"](x), n["discriminator"](n["decoder"](noise["z_p"]))
    bound = factor(x, x_, o.likelihood) * (reconstruction_loss(x, x_, o.likelihood) + o.beta * kl)
    fooled = log_fake(d_p) if o.saturating else -log_real(d_p)
    return {
        "step": {
            "encoder": bound,
            "decoder": bound + o.adversarial_weight * fooled,
            "discriminator": -log_real(d) - log_fake(d_p),
        }
    }


def avb(o: Any, n: dict[str, Torch], x: Tensor, noise: Tensors) -> Objectives:
    def T(z: Tensor) -> Tensor:
        return n["discriminator"](torch.cat([n["discriminator_trunk"](x), z], 1))

    z = n["encoder"](torch.cat([n["encoder_trunk"](x), noise["ε"]], 1))
    x_ = n["decoder"](z)
    bound = factor(x, x_, o.likelihood) * (reconstruction_loss(x, x_, o.likelihood) + T(z).sum())
    contrast = -log_real(T(z)) - log_fake(T(noise["z_p"]))
    return {
        "step": {
            **dict.fromkeys(("encoder_trunk", "encoder", "decoder"), bound),
            **dict.fromkeys(("discriminator_trunk", "discriminator"), contrast),
        }
    }


def alphagan(o: Any, n: dict[str, Torch], x: Tensor, noise: Tensors) -> Objectives:
    G, D, C = n["decoder"], n["discriminator"], n["code_discriminator"]
    z, z_p = n["encoder"](x), noise["z_p"]
    x_, x_p = G(z), G(z_p)
    distance = o.reconstruction_weight * (x - x_).abs().sum()
    return {
        "step": {
            "encoder": distance - log_real(C(z)) + log_fake(C(z)),
            "decoder": distance - log_real(D(x_)) + log_fake(D(x_)) - log_real(D(x_p)) + log_fake(D(x_p)),
            "discriminator": -log_real(D(x)) - log_fake(D(x_)) - log_fake(D(x_p)),
            "code_discriminator": -log_real(C(z_p)) - log_fake(C(z)),
        }
    }


def ava(o: Any, n: dict[str, Torch], x: Tensor, noise: Tensors) -> Objectives:
    """Return (3), (4), (11) and (12); for (10) and (16), what they ascend, with e and E detached."""

    def fooled(t: Tensor) -> Tensor:
        return log_fake(t) if o.saturating else -log_real(t)

    number = int(o.name[-1])
    μ, z, kl = gaussian(n["encoder"](x), noise["r"])
    x_ = n["decoder"](z)
    loss = factor(x, x_, o.likelihood) * (reconstruction_loss(x, x_, o.likelihood) + o.beta * kl)
    discriminators = {}
    if number in (1, 2, 5):
        d, d_ = n["discriminator"](x), n["discriminator"](x_)
        loss, balance = loss + o.adversarial_weight * fooled(d_), log_real(d) + log_fake(d_)
        if number != 1:
            a_g = x_ * (1 - x_) if o.output == "sigmoid" else torch.ones_like(x_)
            balance = balance + (((x - x_) * a_g).sum(1).detach() * torch.sigmoid(d_)[:, 0]).sum()
        discriminators["discriminator"] = -balance
    if number in (3, 4, 5):
        μ_, _ = n["encoder"](x_).chunk(2, 1)
        D, D_ = n["encoding_discriminator"](μ), n["encoding_discriminator"](μ_)
        loss, balance = loss + o.encoding_adversarial_weight * fooled(D_), log_real(D) + log_fake(D_)
        if number != 3:
            balance = balance + ((μ - μ_).sum(1).detach() * torch.sigmoid(D_)[:, 0]).sum()
        discriminators["encoding_discriminator"] = -balance
    return {"step": {"encoder": loss, "decoder": loss, **discriminators}}


OBJECTIVES: dict[str, Callable[[Any, dict[str, Torch], Tensor, Tensors], Objectives]] = {
    "ae": ae,
    "vae": vae,
    "gan": gan,
    "dcgan": gan,
    "aae": aae,
    "vae-gan-costs": aae,
    "bigan": bigan,
    "vaegan": vaegan,
    "vae-gan-sum": vaegansum,
    "avb": avb,
    "alphagan": alphagan,
    "cascade": gan,
    **dict.fromkeys(AVAS, ava),
}

LIKELIHOOD: dict[str, Any] = {"likelihood": "bernoulli"}
ADVERSARIAL: tuple[dict[str, Any], ...] = (
    {"smoothing": 0.2},
    {"saturating": True},
    {"minibatch_discrimination": True},
    {"smoothing": 0.1, "saturating": True, "minibatch_discrimination": True, "output": "linear"},
)
AUGMENTED: tuple[dict[str, Any], ...] = (
    *ADVERSARIAL,
    {"augment": ("colour", "translation", "cutout")},
    {"augment": ("cutout", "colour"), "minibatch_discrimination": True},
    {"augment": ("translation",), "saturating": True},
)
AVA_OPTIONS: tuple[dict[str, Any], ...] = (
    {"saturating": True, "likelihood": "gaussian"},  # (3) and (12) as printed
    {"minibatch_discrimination": True},
    {"output": "linear"},
)
OPTIONS: dict[str, tuple[dict[str, Any], ...]] = {
    "ae": (LIKELIHOOD, {"output": "linear"}),
    "vae": (
        LIKELIHOOD,
        {"likelihood": "gaussian"},
        {"beta": 2.5},
        {"beta": 0.0},
        {"propagation": "paper", "beta": 0.5},
        {"output": "linear"},
    ),
    "gan": AUGMENTED,
    "dcgan": AUGMENTED,
    "aae": (*ADVERSARIAL, LIKELIHOOD, {"stochastic": True}, {"prior": "gamma", "stochastic": True, "saturating": True}),
    "vae-gan-costs": (*ADVERSARIAL, LIKELIHOOD, {"prior": "uniform"}),
    "bigan": AUGMENTED,
    "vaegan": (
        {"gamma": 0.3, "beta": 0.4},
        {"gamma": 0.0},
        {"reconstructions_are_fake": False},
        {"minibatch_discrimination": True},
        {"gamma": 2.0, "reconstructions_are_fake": False, "minibatch_discrimination": True, "output": "linear"},
    ),
    "vae-gan-sum": (
        LIKELIHOOD,
        {"likelihood": "gaussian", "beta": 2.5, "adversarial_weight": 0.3},
        {"saturating": True, "adversarial_weight": 3.0},
        {"minibatch_discrimination": True, "output": "linear"},
    ),
    "avb": (LIKELIHOOD, {"likelihood": "gaussian"}, {"output": "linear"}),
    "alphagan": ({"reconstruction_weight": 0.3}, {"output": "linear"}),
    "cascade": AUGMENTED,
    **dict.fromkeys(AVAS, AVA_OPTIONS),
}
for name in ("ava1", "ava2", "ava5"):
    OPTIONS[name] += ({"adversarial_weight": 3.0, "beta": 0.5},)
for name in ("ava3", "ava4", "ava5"):
    OPTIONS[name] += ({"encoding_adversarial_weight": 3.0, "likelihood": "gaussian"},)
CASES = [(name, options) for name, several in OPTIONS.items() for options in several]


def check(name: str, model: Model) -> None:
    """Compare the gradient and the value of every objective, phase by phase and network by network."""
    x, noise = draw(model, 4)
    networks = {key: Torch(network) for key, network in model.networks.items()}
    tensors = {key: torch.tensor(array) for key, array in noise.items()}
    objectives = OBJECTIVES[name](model.specification, networks, torch.tensor(x), tensors)
    assert list(objectives) == [phase.name for phase in model.phases]
    for phase in model.phases:
        assert set(objectives[phase.name]) == set(phase.networks)
        model.zero_gradients()
        phase.gradients(x, noise)
        actual = {key: model.networks[key].gradient.read() for key in phase.networks}
        values = phase.objectives(x, noise, model.detached(x, noise))
        same_values = name not in ("bigan", "vaegan", "avb", *AVAS)  # these differ by terms that have no gradient
        for key, objective in objectives[phase.name].items():
            expected = networks[key].gradient(objective)
            size = np.abs(expected).max()
            difference = np.abs(actual[key] - expected).max()
            assert size > 1e-3, f"{phase.name}, {key}: a gradient of {size:.0e} is too small for a comparison"
            assert difference < TOLERANCE * size, f"{phase.name}, {key}: {difference / size:.1e} of the largest"
            assert not same_values or values[key] == pytest.approx(objective.item(), rel=1e-9), f"{phase.name}, {key}"


def test_every_model_is_covered() -> None:
    assert list(OBJECTIVES) == list(OPTIONS) == list(MODELS)


@pytest.mark.parametrize("architecture", ["mlp", "conv28"])  # torch applies batch norm as in training
def test_codes_of_a_cascade_agree_with_torch(architecture: str) -> None:
    model, r = perturbed("cascade", architecture), np.random.default_rng(3).standard_normal((4, 3))
    f, g = (Torch(model.networks[name]) for name in ("encoder", "decoder"))
    μ, _ = f(g(torch.tensor(r))).chunk(2, 1)
    np.testing.assert_allclose(model.prior(np.random.default_rng(3), 4), μ.detach().numpy(), rtol=0, atol=1e-12)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Two threads would be slower for networks of this size."""
    torch.set_num_threads(1)


@pytest.mark.parametrize("architecture", HIDDEN)
@pytest.mark.parametrize("name", MODELS)
def test_gradients_agree_with_torch_for_every_architecture(name: str, architecture: str) -> None:
    check(name, perturbed(name, architecture))


@pytest.mark.parametrize("architecture", ["mlp", "dcgan"])
@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_gradients_agree_with_torch_for_every_option(name: str, options: dict[str, Any], architecture: str) -> None:
    check(name, perturbed(name, architecture, **options))
