"""Reductions: what the learning rate multiplies, or how a picture's sums become means.

The rules (5) to (16) are sums, over the m values of a picture and over the connections into a neuron. The paper does
not say what γ in (0, 1] multiplies. Each reduction divides a layer's summed gradient by one number; all of them also
divide by the number of pictures in the batch.

sum     Divide by 1: the printed objective in nats, as it stands. Right for Adam, which finds its own scale. Plain
        descent diverges within a few steps for γ >= 0.01, because the largest curvature grows with m.
mean    Divide by m, the number of values in a picture. Plain descent hardly moves below γ = 1.
fan     Divide by the number of connections that the sum runs over: the layer's fan-in, times how often a convolution
        uses each weight, times the widening of every later layer (fan-out / fan-in, where that is above 1). A step of
        γ = 1 then moves a linear neuron by about its own error (for inputs of size one), whatever the widths. This is
        normalised least mean squares, which is stable for γ up to about 1. The paper's 19 rates train.

A network that learns in several phases of a step has one weight for all of them.

docs/manual/reductions.md shows the effect of each for γ from 1 to 0.01.
"""

from ava_np.models.base import Model
from ava_np.network import Network
from ava_np.specification import Reduction


def layer_weights(model: Model, reduction: Reduction) -> dict[str, list[float]]:
    """Return the factor on the gradient of each layer that has parameters, from input to output, for every network.

    Parameters
    ----------
    model : Model
        ``model.error_comes_through`` names the network, if any, between a network and the objective.
    reduction : {"sum", "mean", "fan"}
        See above.

    Returns
    -------
    dict of str to list of float
        By network; one factor for each of ``network.layer_slices``.

    Examples
    --------
    >>> import ava_np
    >>> layer_weights(ava_np.build("ae", (10, 10, 1), hidden=(8,)), "mean")["encoder"]
    [0.01, 0.01]
    """
    if reduction == "fan":
        return {
            name: _fan_weights(network, _widening(model, model.error_comes_through.get(name)))
            for name, network in model.networks.items()
        }
    weight = 1.0 if reduction == "sum" else 1.0 / model.neurons
    return {name: [weight] * len(network.layer_slices) for name, network in model.networks.items()}


def _fan_weights(network: Network, widening: float) -> list[float]:
    """1 / (fan-in · uses of a parameter · widening behind the layer), from input to output."""
    weights = []
    for layer, shape in reversed(list(zip(network.layers, network.shapes, strict=False))):
        fan_in, fan_out = layer.fan_in_out(shape)
        if layer.parameter_shapes(shape):
            weights.append(1.0 / (fan_in * layer.parameter_uses(shape) * widening))
        widening *= max(1.0, fan_out / fan_in)
    return weights[::-1]


def _widening(model: Model, name: str | None) -> float:
    """The product of fan-out / fan-in over the layers that widen, of network ``name`` and of those behind it."""
    if name is None:
        return 1.0
    network, product = model.networks[name], _widening(model, model.error_comes_through.get(name))
    for layer, shape in zip(network.layers, network.shapes, strict=False):
        fan_in, fan_out = layer.fan_in_out(shape)
        product *= max(1.0, fan_out / fan_in)
    return product
