"""Named chains of layers."""

from collections.abc import Sequence

from ava_np.layers import Activation, Dense, Layer
from ava_np.layers.dense import Initialiser


def mlp(
    hidden: Sequence[int],
    outputs: int,
    *,
    output_activation: str = "linear",
    output_initialiser: Initialiser = "lecun_normal",
) -> list[Layer]:
    """Dense layers with leaky rectifiers between them.

    Parameters
    ----------
    hidden : sequence of int
        Widths of the hidden layers, in order; may be empty.
    outputs : int
        Number of output neurons.
    output_activation : str
        Activation of the output neurons; "linear" adds no layer.
    output_initialiser : str
        Of the output neurons' weights.
    """
    layers: list[Layer] = []
    for width in hidden:
        layers += [Dense(width, "he_normal"), Activation("leaky_relu")]
    layers.append(Dense(outputs, output_initialiser))
    if output_activation != "linear":
        layers.append(Activation(output_activation))
    return layers
