"""What a layer computes in one application: each value as a sum with its numbers, each error by finite differences."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ava_np.indices import evenly_spaced
from ava_np.kernels.activations import LEAK
from ava_np.layers import Activation, Arrays, Dense, Layer, LayerBuffers
from ava_np.models.gradcheck import central_differences
from ava_np.trace.numbers import number, products

STEP = 1e-5  # of central differences
MAX_ENTRIES = 40  # of an array that are differentiated

FORWARD = {
    "linear": "{t}",
    "sigmoid": "1/(1 + e^(-{t}))",
    "tanh": "tanh({t})",
    "relu": "max({t}, 0)",
    "leaky_relu": "max({t}, {leak}·{t})",
    "elu": "{t} if {t} > 0 else e^{t} - 1",
    "softplus": "log(1 + e^{t})",
    "exp": "e^{t}",
}
SLOPE = {
    "linear": "1",
    "sigmoid": "{y}·(1 - {y})",
    "tanh": "(1 - {y}·{y})",
    "relu": "{one}",
    "leaky_relu": "{one}",
    "elu": "(1 if {y} > 0 else {y} + 1)",
    "softplus": "(1 - e^(-{y}))",
    "exp": "{y}",
}


def forward_formula(layer: Layer, parameters: Arrays, x: np.ndarray, b: int, k: int) -> str:
    """Return the formula of output k of sample b, with its numbers; empty for a layer that has none here.

    Examples
    --------
    >>> from ava_np.layers import Activation
    >>> forward_formula(Activation("tanh"), {}, np.array([[0.5]]), 0, 0)
    'tanh(t) = tanh(0.5)'
    """
    if isinstance(layer, Dense):
        terms = products(x[b], parameters["W"][:, k])
        return f"Σ x·W + b = {terms} + {number(float(parameters['b'][k]))}"
    if isinstance(layer, Activation):
        pattern, t = FORWARD[layer.function], number(float(x[b, k]))
        return f"{pattern.format(t='t', leak=LEAK)} = {pattern.format(t=t, leak=LEAK)}"
    return ""


def error_formula(layer: Layer, parameters: Arrays, y: np.ndarray, dy: np.ndarray, b: int, k: int) -> str:
    """Return the formula of the error at input k of sample b, with its numbers.

    Examples
    --------
    >>> from ava_np.layers import Activation
    >>> error_formula(Activation("sigmoid"), {}, np.array([[0.5]]), np.array([[2.0]]), 0, 0)
    'δy·y·(1 - y) = 2·0.5·(1 - 0.5)'
    """
    if isinstance(layer, Dense):
        return f"Σ δy·W = {products(dy[b], parameters['W'][k])}"
    if isinstance(layer, Activation):
        value = float(y[b, k])
        slope = SLOPE[layer.function]
        one = "1" if value > 0 else str(LEAK if layer.function == "leaky_relu" else 0)
        inside, δ = slope.format(y=number(value), one=one), number(float(dy[b, k]))
        return f"δy·{slope.format(y='y', one='slope')} = {δ}·{inside}"
    return ""


def gradient_formula(layer: Layer, name: str, x: np.ndarray, dy: np.ndarray, index: tuple[int, ...]) -> str:
    """Return the formula of one entry of a parameter's gradient in one application.

    Examples
    --------
    >>> from ava_np.layers import Dense
    >>> gradient_formula(Dense(1), "W", np.array([[3.0]]), np.array([[2.0]]), (0, 0))
    'Σ x·δy = 3·2'
    """
    if not isinstance(layer, Dense):
        return ""
    δ = dy[:, index[-1]]
    return f"Σ δy = {' + '.join(map(number, δ))}" if name == "b" else f"Σ x·δy = {products(x[:, index[0]], δ)}"


class Application:
    """A layer in one application of its network, as it was in the forward pass; it can be computed again.

    Parameters
    ----------
    layer, parameters, buffers
        The layer, its parameters and its buffers, before the forward pass. All that changes is copied.
    """

    def __init__(self, layer: Layer, parameters: Arrays, buffers: LayerBuffers) -> None:
        self.layer, self.parameters, self.x = layer, parameters, buffers.x.copy()
        self._buffers = replace(
            buffers,
            x=buffers.x.copy(),
            y=np.zeros_like(buffers.y),
            saved={name: array.copy() for name, array in buffers.saved.items()},
            state={name: array.copy() for name, array in buffers.state.items()},
            scratch=np.zeros_like(buffers.scratch),
        )

    def output(self) -> np.ndarray:
        """Return the layer's output for ``x`` and ``parameters`` as they are."""
        own = self._buffers
        np.copyto(own.x, self.x)
        if self.layer.in_place:
            np.copyto(own.y, own.x.reshape(own.y.shape))
        self.layer.forward(self.parameters, own)
        return own.y

    def differences(self, values: np.ndarray, dy: np.ndarray) -> np.ndarray:
        """Return the derivative of ⟨dy, y⟩ by ``x`` or by a parameter, by central differences.

        Parameters
        ----------
        values : ndarray
            ``self.x``, or one of the parameters.
        dy : ndarray
            The error at the output.

        Returns
        -------
        ndarray
            Of the shape of ``values``; NaN at entries beyond the 40 that are differentiated.
        """
        return differences(lambda: float(np.sum(dy * self.output())), values)


def differences(function: Callable[[], float], values: np.ndarray) -> np.ndarray:
    """Return the derivative of a function of no arguments by an array that it reads, by central differences.

    Parameters
    ----------
    function : callable
        Returns a number.
    values : ndarray
        Contiguous; it is changed in place and restored.

    Returns
    -------
    ndarray
        Of the shape of ``values``; NaN at entries beyond the 40 that are differentiated.

    Examples
    --------
    >>> a = np.array([1.0, 2.0])
    >>> differences(lambda: float(a @ a), a).round(6)
    array([2., 4.])
    """
    slopes = np.full(values.size, np.nan)
    entries = evenly_spaced(values.size, MAX_ENTRIES)
    slopes[entries] = central_differences(function, values.reshape(-1), entries, STEP)
    return slopes.reshape(values.shape)
