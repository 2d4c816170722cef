"""A training step in PyTorch, eager mode.

PyTorch has channels second and transposed weights. A bias that batch norm would cancel is left out.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ava_np.experiments.bench.measure import Results
from ava_np.experiments.bench.objectives import Functions, Noise, Tensor
from ava_np.experiments.bench.peer import Peer, parameter_paths
from ava_np.layers import Activation, BatchNorm, Convolution, Dense, Flatten, Layer, Reshape, TransposedConvolution
from ava_np.models import Model
from ava_np.network import Network
from ava_np.specification import TrainingSpecification


class TorchPeer(Peer):
    """A training step in PyTorch, with its fastest optimisers: fused, and foreach for RMSprop, which has no fused one.

    Parameters
    ----------
    torch : module
        From ``import_if_installed``.
    model : Model
        Its weights are copied.
    training : TrainingSpecification
        Optimiser and learning rate.
    x : ndarray, (batch, m)
        Pictures as rows.
    channels_last : bool
        Use the channels-last memory format instead of the contiguous one.
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
        parameters = [array for network in self.networks.values() for array in network.modules.parameters()]
        self.optimiser = torch_optimiser(torch, parameters, training)
        f = torch.nn.functional
        cross_entropy = partial(f.binary_cross_entropy_with_logits, reduction="sum")
        self.functions = Functions(torch.exp, f.softplus, cross_entropy, self._apply)

    def _apply(self, name: str, x: Tensor, first: int = 0, last: int | None = None) -> Tensor:
        return self.networks[name].modules[first:last](x)

    def _differentiate(self, noise: Noise) -> dict[str, Tensor]:
        """Set the gradient of each parameter, as a mean over the batch; return the terms."""
        terms, objectives = self.objective(self.functions, self.x, noise, self.intermediate, self.γ)
        for names, objective in objectives.items():
            parameters = [array for name in names for array in self.networks[name].modules.parameters()]
            gradients = self.torch.autograd.grad(objective / self.batch, parameters, retain_graph=True)
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.grad = gradient
        return terms

    def step(self) -> None:
        """Do one training step with new noise."""
        size = (self.batch, self.latent)
        self._differentiate({name: self.torch.randn(*size, dtype=self.x.dtype) for name in self.noise_names})
        self.optimiser.step()

    def results(self, noise: Results) -> Results:
        """Return the terms and gradients of a step with this noise; change no parameter."""
        terms = self._differentiate({name: self.torch.from_numpy(array) for name, array in noise.items()})
        results: Results = {name: term.detach().numpy() for name, term in terms.items()}
        for name, network in self.networks.items():
            for path, parameter, to_our_layout in network.parameters:
                results[f"{name}.{path}"] = self.batch * to_our_layout(parameter.grad.numpy())
        return results


def torch_optimiser(torch: Any, parameters: list[Tensor], training: TrainingSpecification) -> Any:
    """Return PyTorch's optimiser with the same formula as ours."""
    rate, momentum = training.learning_rate, training.momentum
    match training.optimiser:
        case "adam":
            return torch.optim.Adam(parameters, rate, betas=(momentum, 0.999), eps=1e-8, fused=True)
        case "rmsprop":
            return torch.optim.RMSprop(parameters, rate, alpha=0.9, eps=1e-8, foreach=True)
        case "momentum":
            return torch.optim.SGD(parameters, rate, momentum=momentum, fused=True)
        case "sgd":
            return torch.optim.SGD(parameters, rate, fused=True)


def _convolutional(model: Model) -> bool:
    return any(isinstance(layer, Reshape) for network in model.networks.values() for layer in network.layers)


class TorchNetwork:
    """The layers of a network as PyTorch's modules, one module for each layer.

    Pictures enter and leave a network as pictures, not as rows.

    Attributes
    ----------
    modules : torch.nn.Sequential
        The layers.
    parameters : list of (str, parameter, callable)
        For each of PyTorch's parameters: our path, the parameter, and the function that converts its values to our
        layout.
    """

    def __init__(self, torch: Any, network: Network) -> None:
        self.parameters: list[tuple[str, Tensor, Callable[[np.ndarray], np.ndarray]]] = []
        orders, layers, modules = _row_orders(network), network.layers, []
        for i, (layer, arrays, paths) in enumerate(
            zip(layers, network.parameters, parameter_paths(network), strict=True)
        ):
            has_bias = not any(isinstance(after, BatchNorm) for after in layers[i + 1 : i + 2])
            is_last = all(isinstance(after, Activation) for after in layers[i + 1 :])
            module = _torch_module(torch.nn, layer, network.shapes[i], bias=has_bias, inner=i > 0 and not is_last)
            modules.append(module)
            for name, path in paths.items():
                their_name, to_their_layout, to_our_layout = _translation(layer, name, orders[i], orders[i + 1])
                parameter = getattr(module, their_name)
                if parameter is not None:
                    parameter.data = torch.from_numpy(np.ascontiguousarray(to_their_layout(arrays[name])))
                    self.parameters.append((path, parameter, to_our_layout))
        self.modules = torch.nn.Sequential(*modules).to(torch.from_numpy(network.theta).dtype)


def _torch_module(nn: Any, layer: Layer, shape: tuple[int, ...], *, bias: bool, inner: bool) -> Any:
    """Return the module of a layer.

    ``bias`` False leaves out its bias. ``inner`` False leaves out a change of shape, which is at an end of the network.
    """
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
    """For the rows before and after each layer, return our index of each of PyTorch's values.

    The orders differ where a row is a flattened picture: PyTorch's pictures have their channels first.
    """
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
    """Return PyTorch's name of a parameter, and functions that convert its values to PyTorch's layout and to ours."""
    if name == "W" and not isinstance(layer, Dense):
        return "weight", lambda W: W.transpose(3, 2, 0, 1), lambda W: W.transpose(2, 3, 1, 0)
    our_before, our_after = np.argsort(before), np.argsort(after)
    if name == "W":
        return "weight", lambda W: W[before][:, after].T, lambda W: W.T[our_before][:, our_after]
    return "bias" if name in ("b", "shift") else "weight", lambda b: b[after], lambda b: b[our_after]
