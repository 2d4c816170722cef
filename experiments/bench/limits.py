"""The least time of a training step on a machine: what it must multiply, and what it must move.

Multiply-adds are counted in a real step, application by application and layer by layer: a layer of P weights, each used
u times by a sample, needs P u of them for a sample's output, as many for the error at its input, and as many for its
gradient. Products of a step that a cleverer program could leave out are counted too; none is known.

Bytes are those of the weights and of what the optimiser keeps, each moved as rarely as the mathematics allows: weights
are read once to go forward, and once more to go back and be updated, and are written. Activations are taken to stay in
the caches. If they do not, or if multiplying and moving cannot overlap, the true limit is higher.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from typing import Any, NamedTuple
from unittest.mock import patch

from ava_np.experiments.bench.machine import Rates
from ava_np.models import Model
from ava_np.network import Network
from ava_np.specification import OptimiserName

KEPT = {"sgd": 0, "momentum": 1, "rmsprop": 1, "adam": 2}
"""Arrays as large as the weights that an optimiser reads and writes in each step."""


class Work(NamedTuple):
    """What a step must do.

    Attributes
    ----------
    multiply_adds : int
        In all passes of all networks.
    bytes : int
        To and from memory.
    """

    multiply_adds: int
    bytes: int

    def milliseconds(self, rates: Rates) -> float:
        """Return the least time at these rates, if multiplying and moving overlap fully.

        Examples
        --------
        >>> Work(multiply_adds=10**9, bytes=10**7).milliseconds(Rates(threads=2, peak=200, sgemm=0, memory=20))
        10.0
        """
        return max(2 * self.multiply_adds / rates.peak, self.bytes / rates.memory) / 1e6


def least_work(model: Model, x: Any, noise: Any, optimiser: OptimiserName) -> Work:
    """Return what a step on these pictures must do; the gradients of the model are overwritten.

    Examples
    --------
    >>> import ava_np
    >>> import numpy as np
    >>> model = ava_np.build("ae", (2, 2, 1), latent=2, hidden=(3,))
    >>> least_work(model, np.zeros((5, 4), np.float32), {}, "sgd").multiply_adds  # 36 weights; dx of all but the first
    480
    """
    with _counting() as counted:
        model.zero_gradients()
        for phase in model.phases:
            phase.gradients(x, noise)
    model.zero_gradients()
    weights = sum(network.theta.nbytes for network in model.networks.values())
    return Work(sum(counted), (3 + 2 * KEPT[optimiser]) * weights)


@contextmanager
def _counting() -> Iterator[list[int]]:
    """Note the multiply-adds of every pass through a layer while the block runs."""
    counted: list[int] = []
    forward, propagate = Network.forward, Network._propagate

    def count_forward(network: Network, buffers: Any, x: Any, **options: Any) -> Any:
        counted.extend(_products(network, i, len(x)) for i in range(len(network.layers)))
        return forward(network, buffers, x, **options)

    def count_errors(
        network: Network, buffers: Any, error: Any, inside: bool, *, parameters: bool, inputs: bool
    ) -> None:
        last = network.intermediate if inside else len(network.layers)
        first = 0 if inputs else network._first + 1
        counted.extend(_products(network, i, len(error)) for i in range(first, last))
        if parameters:
            counted.extend(_products(network, i, len(error)) for i in range(last))
        propagate(network, buffers, error, inside, parameters=parameters, inputs=inputs)

    with patch.object(Network, "forward", count_forward), patch.object(Network, "_propagate", count_errors):
        yield counted


def _products(network: Network, index: int, batch: int) -> int:
    """Multiply-adds of one pass of a batch through a layer: only matrices count."""
    layer, shape = network.layers[index], network.shapes[index]
    sizes = [prod(one) for one in layer.parameter_shapes(shape).values() if len(one) > 1]
    return batch * layer.parameter_uses(shape) * sum(sizes)
