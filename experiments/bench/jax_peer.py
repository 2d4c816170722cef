"""A training step in JAX: one compiled function for the whole step, which may overwrite its arguments (donation).

The layout is ours, except that a transposed convolution is a convolution of a dilated picture by rotated weights.
"""

from typing import Any

import numpy as np

from ava_np.experiments.bench.measure import Results
from ava_np.experiments.bench.objectives import Functions, Noise, Tensor
from ava_np.experiments.bench.peer import Peer, parameter_paths
from ava_np.layers import Activation, Convolution, Dense, Flatten, Layer, Reshape, TransposedConvolution
from ava_np.models import Model
from ava_np.specification import TrainingSpecification

LAYOUT = ("NHWC", "HWIO", "NHWC")
Parameters = dict[str, list[dict[str, Tensor]]]
"""For each network, the parameters of each layer by name."""


class JaxPeer(Peer):
    """A training step in JAX, for layers without batch norm, with SGD or Adam.

    Parameters
    ----------
    jax : module
        From ``import_if_installed``.
    model : Model
        Its weights are copied.
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
                {key: jax.numpy.asarray(rotated(layer, key, array)) for key, array in arrays.items()}
                for layer, arrays in zip(network.layers, network.parameters, strict=True)
            ]
            for name, network in model.networks.items()
        }
        zeros = jax.tree.map(jax.numpy.zeros_like, self.parameters)
        self.state = (self.parameters, zeros, jax.tree.map(lambda array: array + 0, zeros), 0, jax.random.PRNGKey(0))
        self._compiled = jax.jit(self._step, donate_argnums=(0, 1, 2))

    def step(self) -> None:
        """Do one training step with new noise, and wait for its end."""
        self.state = self.jax.block_until_ready(self._compiled(*self.state, self.x))

    def results(self, noise: Results) -> Results:
        """Return the terms and gradients of a step with this noise; call it before the first step."""
        terms, gradients = self.jax.jit(self._differentiate)(self.parameters, self.x, noise)
        results = {name: np.array(term) for name, term in terms.items()}
        for name, network in self.model.networks.items():
            for layer, arrays, paths in zip(network.layers, gradients[name], parameter_paths(network), strict=True):
                for key, path in paths.items():
                    results[f"{name}.{path}"] = self.batch * rotated(layer, key, np.asarray(arrays[key]))
        return results

    def _differentiate(self, parameters: Parameters, x: Tensor, noise: Noise) -> tuple[dict[str, Tensor], Parameters]:
        """Return the terms, and the gradients as means over the batch."""

        def objectives(values: Parameters) -> Any:
            return self.objective(self._functions(values), x, noise, self.intermediate, self.γ)

        terms, groups = objectives(parameters)
        gradients: Parameters = {}
        for names in groups:  # the compiler merges the forward passes, which are the same for all groups

            def minimised(trained: Parameters, names: tuple[str, ...] = names) -> Tensor:
                return objectives({**parameters, **trained})[1][names] / self.batch

            gradients |= self.jax.grad(minimised)({name: parameters[name] for name in names})
        return terms, gradients

    def _step(self, θ: Any, m: Any, v: Any, steps: Any, key: Any, x: Tensor) -> Any:
        """Return the parameters, the optimiser's two averages, the number of steps and the random key after a step."""
        tree, training = self.jax.tree.map, self.training
        keys = self.jax.random.split(key, 1 + len(self.noise_names))
        size = (self.batch, self.latent)
        noise = {name: self.jax.random.normal(key, size) for name, key in zip(self.noise_names, keys[1:], strict=True)}
        g = self._differentiate(θ, x, noise)[1]
        steps, γ, β1, β2 = steps + 1, training.learning_rate, training.momentum, 0.999
        if training.optimiser == "sgd":
            return tree(lambda θ, g: θ - γ * g, θ, g), m, v, steps, keys[0]
        m = tree(lambda m, g: β1 * m + (1 - β1) * g, m, g)
        v = tree(lambda v, g: β2 * v + (1 - β2) * g * g, v, g)
        correction = self.jax.numpy.sqrt(1 - β2**steps)
        rate, ε = γ * correction / (1 - β1**steps), 1e-8 * correction
        θ = tree(lambda θ, m, v: θ - rate * m / (self.jax.numpy.sqrt(v) + ε), θ, m, v)
        return θ, m, v, steps, keys[0]

    def _functions(self, parameters: Parameters) -> Functions:
        """Return the functions of the objectives, with these parameters in the networks."""

        def apply(name: str, x: Tensor, first: int = 0, last: int | None = None) -> Tensor:
            layers = self.model.networks[name].layers[first:last]
            for layer, arrays in zip(layers, parameters[name][first:last], strict=True):
                x = apply_layer(self.jax, layer, arrays, x)
            return x

        softplus = self.jax.nn.softplus

        def cross_entropy(logits: Tensor, x: Tensor) -> Tensor:
            return (softplus(logits) - x.reshape(logits.shape) * logits).sum()

        return Functions(self.jax.numpy.exp, softplus, cross_entropy, apply)


def apply_layer(jax: Any, layer: Layer, parameters: dict[str, Tensor], x: Tensor) -> Tensor:
    """Return the output of one layer."""
    match layer:
        case Dense():
            return x @ parameters["W"] + parameters["b"]
        case Convolution():
            return convolve(jax, x, parameters["W"], layer.stride, layer.padding) + parameters["b"]
        case TransposedConvolution():
            first = layer.kernel - 1 - layer.padding
            edges = [(first, first + more) for more in layer.output_padding]
            dilation = (layer.stride, layer.stride)
            y = jax.lax.conv_general_dilated(
                x, parameters["W"], (1, 1), edges, lhs_dilation=dilation, dimension_numbers=LAYOUT
            )
            return y + parameters["b"]
        case Activation(function="leaky_relu"):
            return jax.nn.leaky_relu(x, 0.2)
        case Activation():
            return getattr(jax.nn, layer.function)(x)
        case Reshape():
            return x.reshape(-1, *layer.shape)
        case Flatten():
            return x.reshape(len(x), -1)
    raise NotImplementedError(layer.name)


def convolve(jax: Any, x: Tensor, W: Tensor, stride: int, padding: int) -> Tensor:
    """Return a convolution without its bias."""
    edges = ((padding, padding), (padding, padding))
    return jax.lax.conv_general_dilated(x, W, (stride, stride), edges, dimension_numbers=LAYOUT)


def rotated(layer: Layer, name: str, array: np.ndarray) -> np.ndarray:
    """Convert a layer's parameter between our layout and JAX's; the conversion is its own inverse.

    The weights of a transposed convolution are rotated by 180° and get their inputs before their outputs. All others
    stay as they are.
    """
    if name == "W" and isinstance(layer, TransposedConvolution):
        return np.ascontiguousarray(array[::-1, ::-1].transpose(0, 1, 3, 2))
    return array
