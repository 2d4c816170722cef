"""What the learning rate multiplies: how a picture's sums become means.

The rules (5) to (16) are sums, over the m values of a picture and over the connections into a neuron; the paper does
not say what γ in (0, 1] multiplies. Each reduction divides a layer's summed gradient by one number (and all divide by
the number of pictures in a batch):

sum     by 1: the printed objective in nats, as it stands. Right for Adam, which sets its own scale; plain descent
        leaves every finite number within a few steps for γ >= 0.01, because the largest curvature grows with m.
mean    by m, the mean over a picture's values. Plain descent hardly moves below γ = 1.
fan     by the connections that the sum runs over: the neurons that feed the layer (its fan-in), times the places where
        a convolution uses each weight, and, behind it, the fan-out of every later layer relative to its fan-in where
        that widens. A step of γ = 1 then moves a linear
        neuron by about its own error (for inputs of size one), whatever the widths; that is normalised least
        mean squares, stable for γ up to about 1. The paper's 19 rates train.

A network that learns in several phases of a step has one weight for all of them.

docs/manual/reductions.md shows what each does at γ from 1 to 0.01.
"""

from ava_np.models.base import Model
from ava_np.network import Network
from ava_np.specification import Reduction


def layer_weights(model: Model, reduction: Reduction) -> dict[str, list[float]]:
    """The factor on the gradient of each layer that has parameters, from input to output, for every network.

    Parameters
    ----------
    model : Model
        ``model.passes_through`` names the network, if any, that stands between a network and the objective.
    reduction : {"sum", "mean", "fan"}
        See above.
    """
    if reduction == "fan":
        return {
            name: _fan(network, _widening(model, model.passes_through.get(name)))
            for name, network in model.networks.items()
        }
    weight = 1.0 if reduction == "sum" else 1.0 / model.neurons
    return {name: [weight] * len(network.layer_slices) for name, network in model.networks.items()}


def _fan(network: Network, behind: float) -> list[float]:
    """1 / (fan-in · places · widening behind the layer), from input to output."""
    weights = []
    for layer, shape in reversed(list(zip(network.layers, network.shapes, strict=False))):
        inputs, outputs = layer.fan_in_out(shape)
        if layer.parameter_shapes(shape):
            weights.append(1.0 / (inputs * layer.positions(shape) * behind))
        behind *= max(1.0, outputs / inputs)
    return weights[::-1]


def _widening(model: Model, name: str | None) -> float:
    """The product of fan-out over fan-in over the layers that widen, of network ``name`` and those behind it."""
    if name is None:
        return 1.0
    network, product = model.networks[name], _widening(model, model.passes_through.get(name))
    for layer, shape in zip(network.layers, network.shapes, strict=False):
        inputs, outputs = layer.fan_in_out(shape)
        product *= max(1.0, outputs / inputs)
    return product
