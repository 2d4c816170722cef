"""The same training steps in PyTorch and in JAX, as their users would write them.

A peer is made from a model of ours: the same layers, weights, pictures and objectives; its framework differentiates.
PyTorch has channels second and transposed weights, and leaves out a bias that batch norm would take away again. In JAX
the layout is ours, except that a transposed convolution is a convolution of a dilated picture by turned weights.

An objective is written once for both: what a network of x means is the peer's affair.
"""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from ava_np.layers import Activation, BatchNorm, Convolution, Dense, Flatten, Layer, Reshape, TransposedConvolution
from ava_np.models import Model
from ava_np.network import Network
from ava_np.specification import TrainingSpecification

Tensor = Any
Noise = dict[str, Tensor]
Numbers = dict[str, np.ndarray]
"""What a step computes: terms, and gradients as "encoder.dense1.W", summed over the batch, in our layout."""


def find(name: str) -> ModuleType | None:
    """The framework, or None if it is not installed."""
    try:
        return import_module(name)
    except ImportError:
        return None


# Objectives: (terms, what each group of networks descends), summed over the batch


class Functions(NamedTuple):
    """What the objectives need of a framework.

    ``cross_entropy(logits, x)`` is a sum; ``apply(network, x, first, last)`` applies some of its layers to x.
    """

    exp: Callable[[Tensor], Tensor]
    softplus: Callable[[Tensor], Tensor]
    cross_entropy: Callable[[Tensor, Tensor], Tensor]
    apply: Callable[..., Tensor]


Objectives = tuple[dict[str, Tensor], dict[tuple[str, ...], Tensor]]


def _code(f: Functions, x: Tensor, r: Tensor) -> tuple[Tensor, Tensor]:
    """z, and the divergence of its Gaussian."""
    output, n = f.apply("encoder", x), r.shape[1]
    μ, s = output[:, :n], output[:, n:]
    return μ + f.exp(s / 2) * r, (f.exp(s) + μ * μ - 1 - s).sum() / 2


def ava1(f: Functions, x: Tensor, noise: Noise, taps: dict[str, int], γ: float) -> Objectives:
    """AVA (2), (3): a VAE, and a discriminator of its pictures."""
    z, kl = _code(f, x, noise["r"])
    x_ = f.apply("decoder", z)
    misfit = ((x_ - x) ** 2).sum() / 2
    log_real = -f.softplus(-f.apply("discriminator", x)).sum()
    log_fake = -f.softplus(f.apply("discriminator", x_)).sum()
    terms = {"reconstruction": misfit, "kl": kl, "log_d_real": log_real, "log_d_fake": log_fake}
    return terms, {("encoder", "decoder"): misfit + kl + log_fake, ("discriminator",): -log_real - log_fake}


def vae(f: Functions, x: Tensor, noise: Noise, taps: dict[str, int], γ: float) -> Objectives:
    """The evidence bound, with the cross-entropy at the logits, which are before the last layer."""
    z, kl = _code(f, x, noise["r"])
    logits = f.apply("decoder", z, 0, taps["decoder"])
    misfit = f.cross_entropy(logits, x)
    return {"reconstruction": misfit, "kl": kl}, {("encoder", "decoder"): misfit + kl}


def vaegan(f: Functions, x: Tensor, noise: Noise, taps: dict[str, int], γ: float) -> Objectives:
    """Larsen et al. 2016, Algorithm 1. Every batch of pictures has its own statistics, so none are joined."""
    tap = taps["discriminator"]
    z, kl = _code(f, x, noise["r"])
    x_, x_p = f.apply("decoder", z), f.apply("decoder", noise["z_p"])
    features, features_, features_p = (f.apply("discriminator", t, 0, tap) for t in (x, x_, x_p))
    likeness = ((features_ - features) ** 2).sum() / 2
    log_real = -f.softplus(-f.apply("discriminator", features, tap)).sum()
    log_fakes = [-f.softplus(f.apply("discriminator", t, tap)).sum() for t in (features_, features_p)]
    terms = {"kl": kl, "features": likeness, "log_d_real": log_real}
    terms |= {"log_d_reconstructed": log_fakes[0], "log_d_fake": log_fakes[1]}
    return terms, {
        ("encoder",): kl + likeness,
        ("decoder",): γ * likeness + sum(log_fakes),
        ("discriminator",): -log_real - sum(log_fakes),
    }


OBJECTIVES: dict[str, Callable[..., Objectives]] = {"ava1": ava1, "vae": vae, "vaegan": vaegan}


def named(network: Network) -> list[dict[str, str]]:
    """For each layer, "dense1.W" and its like by the parameter's own name."""
    found = network.named_arrays(network.parameters)
    return [{parameter: ".".join(next(found)[:2]) for parameter in arrays} for arrays in network.parameters]


class Peer:
    """What both have in common: the data, and which of the objectives."""

    def __init__(self, model: Model, training: TrainingSpecification, x: np.ndarray) -> None:
        self.training, self.batch, self.latent = training, len(x), model.latent
        self.objective = OBJECTIVES[model.specification.name]
        self.taps = {name: network.intermediate for name, network in model.networks.items()}
        self.γ = getattr(model.specification, "gamma", 1.0)
        self.noise_names = tuple(model.draw_noise(np.random.default_rng(0), 1))


# PyTorch


class TorchPeer(Peer):
    """A step in PyTorch, eager, with its fastest optimisers: fused, and for RMSprop, which has none, foreach.

    Parameters
    ----------
    torch : module
        From ``find``.
    model : Model
        Whose weights are copied.
    training : TrainingSpecification
        Optimiser and learning rate.
    x : ndarray, (batch, m)
        Pictures as rows.
    channels_last : bool
        Which of its two memory formats.
    """

    def __init__(
        self, torch: Any, model: Model, training: TrainingSpecification, x: np.ndarray, *, channels_last: bool = False
    ) -> None:
        super().__init__(model, training, x)
        self.torch = torch
        self.networks = {name: TorchNetwork(torch, network) for name, network in model.networks.items()}
        self.x = torch.from_numpy(x.copy())
        if _convolutional(model):
            self.x = self.x.reshape(self.batch, *model.shape).permute(0, 3, 1, 2).contiguous()
        if channels_last:
            self.x = self.x.contiguous(memory_format=torch.channels_last)
            for network in self.networks.values():
                network.modules.to(memory_format=torch.channels_last)
        leaves = [leaf for network in self.networks.values() for leaf in network.modules.parameters()]
        self.optimiser = torch_optimiser(torch, leaves, training)
        f = torch.nn.functional
        cross_entropy = partial(f.binary_cross_entropy_with_logits, reduction="sum")
        self.functions = Functions(torch.exp, f.softplus, cross_entropy, self._apply)

    def _apply(self, name: str, x: Tensor, first: int = 0, last: int | None = None) -> Tensor:
        return self.networks[name].modules[first:last](x)

    def _differentiate(self, noise: Noise) -> dict[str, Tensor]:
        """Leave the gradients, means over the batch, at the parameters; return the terms."""
        terms, objectives = self.objective(self.functions, self.x, noise, self.taps, self.γ)
        for names, objective in objectives.items():
            leaves = [leaf for name in names for leaf in self.networks[name].modules.parameters()]
            found = self.torch.autograd.grad(objective / self.batch, leaves, retain_graph=True)
            for leaf, gradient in zip(leaves, found, strict=True):
                leaf.grad = gradient
        return terms

    def step(self) -> None:
        """One step, with new noise."""
        size = (self.batch, self.latent)
        self._differentiate({name: self.torch.randn(*size, dtype=self.x.dtype) for name in self.noise_names})
        self.optimiser.step()

    def numbers(self, noise: Numbers) -> Numbers:
        """What a step computes with this noise; nothing learns."""
        terms = self._differentiate({name: self.torch.from_numpy(array) for name, array in noise.items()})
        found: Numbers = {name: term.detach().numpy() for name, term in terms.items()}
        for name, network in self.networks.items():
            for path, leaf, ours in network.pairs:
                found[f"{name}.{path}"] = self.batch * ours(leaf.grad.numpy())
        return found


def torch_optimiser(torch: Any, leaves: list[Tensor], training: TrainingSpecification) -> Any:
    """PyTorch's optimiser of the same formula."""
    rate, momentum = training.learning_rate, training.momentum
    match training.optimiser:
        case "adam":
            return torch.optim.Adam(leaves, rate, betas=(momentum, 0.999), eps=1e-8, fused=True)
        case "rmsprop":
            return torch.optim.RMSprop(leaves, rate, alpha=0.9, eps=1e-8, foreach=True)
        case "momentum":
            return torch.optim.SGD(leaves, rate, momentum=momentum, fused=True)
        case "sgd":
            return torch.optim.SGD(leaves, rate, fused=True)


def _convolutional(model: Model) -> bool:
    return any(isinstance(layer, Reshape) for network in model.networks.values() for layer in network.layers)


class TorchNetwork:
    """A network's layers as PyTorch's modules, one for one; pictures go in and come out as pictures.

    Attributes
    ----------
    modules : torch.nn.Sequential
        The layers.
    pairs : list of (str, parameter, callable)
        Our name of each of PyTorch's parameters, and how to turn its values into ours.
    """

    def __init__(self, torch: Any, network: Network) -> None:
        self.pairs: list[tuple[str, Tensor, Callable[[np.ndarray], np.ndarray]]] = []
        orders, layers, modules = _row_orders(network), network.layers, []
        for i, (layer, own, names) in enumerate(zip(layers, network.parameters, named(network), strict=True)):
            plain = not any(isinstance(after, BatchNorm) for after in layers[i + 1 : i + 2])
            ends = all(isinstance(after, Activation) for after in layers[i + 1 :])
            module = _torch_module(torch.nn, layer, network.shapes[i], bias=plain, inner=i > 0 and not ends)
            modules.append(module)
            for name, path in names.items():
                theirs, there, back = _translation(layer, name, orders[i], orders[i + 1])
                leaf = getattr(module, theirs)
                if leaf is not None:
                    leaf.data = torch.from_numpy(np.ascontiguousarray(there(own[name])))
                    self.pairs.append((path, leaf, back))
        self.modules = torch.nn.Sequential(*modules).to(torch.from_numpy(network.theta).dtype)


def _torch_module(nn: Any, layer: Layer, shape: tuple[int, ...], *, bias: bool, inner: bool) -> Any:
    """One layer; ``bias`` says whether it may have one, ``inner`` whether a change of shape is not at an end."""
    match layer:
        case Dense():
            return nn.Linear(shape[0], layer.width, bias=bias)
        case Convolution():
            return nn.Conv2d(shape[2], layer.channels, layer.kernel, layer.stride, layer.padding, bias=bias)
        case TransposedConvolution():
            sizes = (layer.kernel, layer.stride, layer.padding, layer.output_padding)
            return nn.ConvTranspose2d(shape[2], layer.channels, *sizes, bias=bias)
        case BatchNorm():
            kind = nn.BatchNorm1d if len(shape) == 1 else nn.BatchNorm2d
            return kind(shape[-1], eps=layer.epsilon, momentum=layer.momentum)
        case Activation():
            kinds = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh}
            return nn.LeakyReLU(0.2) if layer.function == "leaky_relu" else kinds[layer.function]()
        case Reshape():
            height, width, channels = layer.shape
            return nn.Unflatten(1, (channels, height, width)) if inner else nn.Identity()
        case Flatten():
            return nn.Flatten() if inner else nn.Identity()
    raise NotImplementedError(layer.name)


def _row_orders(network: Network) -> list[np.ndarray]:
    """Between the layers, our index of each value of PyTorch's row: a flattened picture has its channels first."""
    orders = [np.arange(int(shape[-1])) for shape in network.shapes]
    steps = list(enumerate(network.layers))
    for i, layer in steps:
        if isinstance(layer, Flatten):
            orders[i + 1] = _channels_first(network.shapes[i])
        elif isinstance(layer, Activation | BatchNorm):
            orders[i + 1] = orders[i]
    for i, layer in reversed(steps):
        if isinstance(layer, Reshape):
            orders[i] = _channels_first(layer.shape)
        elif isinstance(layer, Activation | BatchNorm):
            orders[i] = orders[i + 1]
    return orders


def _channels_first(shape: tuple[int, ...]) -> np.ndarray:
    return np.arange(int(np.prod(shape))).reshape(shape).transpose(2, 0, 1).ravel()


def _translation(
    layer: Layer, name: str, before: np.ndarray, after: np.ndarray
) -> tuple[str, Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]]:
    """PyTorch's name of a parameter, and the ways there and back."""
    if name == "W" and not isinstance(layer, Dense):
        return "weight", lambda W: W.transpose(3, 2, 0, 1), lambda W: W.transpose(2, 3, 1, 0)
    there, back = np.argsort(before), np.argsort(after)
    if name == "W":
        return "weight", lambda W: W[before][:, after].T, lambda W: W.T[there][:, back]
    return "bias" if name in ("b", "shift") else "weight", lambda b: b[after], lambda b: b[back]
