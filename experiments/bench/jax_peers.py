"""The JAX half of the peers: one compiled function for a whole step, its arrays given back to it to be overwritten."""

from typing import Any

import numpy as np

from ava_np.experiments.bench.torch_peers import Functions, Noise, Numbers, Peer, Tensor, named
from ava_np.layers import Activation, Convolution, Dense, Flatten, Layer, Reshape, TransposedConvolution
from ava_np.models import Model
from ava_np.specification import TrainingSpecification

LAYOUT = ("NHWC", "HWIO", "NHWC")
Parameters = dict[str, list[dict[str, Tensor]]]  # by network and layer


class JaxPeer(Peer):
    """A step in JAX, for layers without batch norm, by SGD or Adam.

    Parameters
    ----------
    jax : module
        From ``bench_peers.find``.
    model : Model
        Whose weights are copied.
    training : TrainingSpecification
        Optimiser and learning rate.
    x : ndarray, (batch, m)
        Pictures as rows.
    """

    def __init__(self, jax: Any, model: Model, training: TrainingSpecification, x: np.ndarray) -> None:
        super().__init__(model, training, x)
        self.jax, self.model, self.x = jax, model, jax.numpy.asarray(x)
        self.parameters: Parameters = {
            name: [
                {key: jax.numpy.asarray(turned(layer, key, array)) for key, array in arrays.items()}
                for layer, arrays in zip(network.layers, network.parameters, strict=True)
            ]
            for name, network in model.networks.items()
        }
        zeros = jax.tree.map(jax.numpy.zeros_like, self.parameters)
        self.state = (self.parameters, zeros, jax.tree.map(lambda array: array + 0, zeros), 0, jax.random.PRNGKey(0))
        self._compiled = jax.jit(self._step, donate_argnums=(0, 1, 2))

    def step(self) -> None:
        """One step, with new noise; waits for its end."""
        self.state = self.jax.block_until_ready(self._compiled(*self.state, self.x))

    def numbers(self, noise: Numbers) -> Numbers:
        """What a step computes with this noise; nothing learns. To be called before any step."""
        terms, gradients = self.jax.jit(self._differentiate)(self.parameters, self.x, noise)
        found = {name: np.array(term) for name, term in terms.items()}
        for name, network in self.model.networks.items():
            for layer, arrays, paths in zip(network.layers, gradients[name], named(network), strict=True):
                for key, path in paths.items():
                    found[f"{name}.{path}"] = self.batch * turned(layer, key, np.asarray(arrays[key]))
        return found

    def _differentiate(self, parameters: Parameters, x: Tensor, noise: Noise) -> tuple[dict[str, Tensor], Parameters]:
        """The terms, and the gradients as means over the batch."""

        def objectives(own: Parameters) -> Any:
            return self.objective(self._functions(own), x, noise, self.taps, self.γ)

        terms, groups = objectives(parameters)
        gradients: Parameters = {}
        for names in groups:  # the forward passes are the same, and the compiler sees it

            def descended(learning: Parameters, names: tuple[str, ...] = names) -> Tensor:
                return objectives({**parameters, **learning})[1][names] / self.batch

            gradients |= self.jax.grad(descended)({name: parameters[name] for name in names})
        return terms, gradients

    def _step(self, θ: Any, m: Any, v: Any, number: Any, key: Any, x: Tensor) -> Any:
        """Parameters, memory, number and key after a step."""
        tree, training = self.jax.tree.map, self.training
        keys = self.jax.random.split(key, 1 + len(self.noise_names))
        size = (self.batch, self.latent)
        noise = {name: self.jax.random.normal(own, size) for name, own in zip(self.noise_names, keys[1:], strict=True)}
        g = self._differentiate(θ, x, noise)[1]
        number, γ, β1, β2 = number + 1, training.learning_rate, training.momentum, 0.999
        if training.optimiser == "sgd":
            return tree(lambda θ, g: θ - γ * g, θ, g), m, v, number, keys[0]
        m = tree(lambda m, g: β1 * m + (1 - β1) * g, m, g)
        v = tree(lambda v, g: β2 * v + (1 - β2) * g * g, v, g)
        correction = self.jax.numpy.sqrt(1 - β2**number)
        rate, ε = γ * correction / (1 - β1**number), 1e-8 * correction
        θ = tree(lambda θ, m, v: θ - rate * m / (self.jax.numpy.sqrt(v) + ε), θ, m, v)
        return θ, m, v, number, keys[0]

    def _functions(self, parameters: Parameters) -> Functions:
        """The objectives' functions, with networks of these parameters."""

        def apply(name: str, x: Tensor, first: int = 0, last: int | None = None) -> Tensor:
            layers = self.model.networks[name].layers[first:last]
            for layer, own in zip(layers, parameters[name][first:last], strict=True):
                x = applied(self.jax, layer, own, x)
            return x

        softplus = self.jax.nn.softplus

        def cross_entropy(logits: Tensor, x: Tensor) -> Tensor:
            return (softplus(logits) - x.reshape(logits.shape) * logits).sum()

        return Functions(self.jax.numpy.exp, softplus, cross_entropy, apply)


def applied(jax: Any, layer: Layer, own: dict[str, Tensor], x: Tensor) -> Tensor:
    """One layer."""
    match layer:
        case Dense():
            return x @ own["W"] + own["b"]
        case Convolution():
            return convolved(jax, x, own["W"], layer.stride, layer.padding) + own["b"]
        case TransposedConvolution():
            first = layer.kernel - 1 - layer.padding
            edges = [(first, first + more) for more in layer.output_padding]
            dilation = (layer.stride, layer.stride)
            y = jax.lax.conv_general_dilated(
                x, own["W"], (1, 1), edges, lhs_dilation=dilation, dimension_numbers=LAYOUT
            )
            return y + own["b"]
        case Activation(function="leaky_relu"):
            return jax.nn.leaky_relu(x, 0.2)
        case Activation():
            return getattr(jax.nn, layer.function)(x)
        case Reshape():
            return x.reshape(-1, *layer.shape)
        case Flatten():
            return x.reshape(len(x), -1)
    raise NotImplementedError(layer.name)


def convolved(jax: Any, x: Tensor, W: Tensor, stride: int, padding: int) -> Tensor:
    """A convolution without its bias."""
    edges = ((padding, padding), (padding, padding))
    return jax.lax.conv_general_dilated(x, W, (stride, stride), edges, dimension_numbers=LAYOUT)


def turned(layer: Layer, name: str, array: np.ndarray) -> np.ndarray:
    """A transposed convolution's weights for JAX, or back: turned by half a circle, its inputs before its outputs."""
    if name == "W" and isinstance(layer, TransposedConvolution):
        return np.ascontiguousarray(array[::-1, ::-1].transpose(0, 1, 3, 2))
    return array
