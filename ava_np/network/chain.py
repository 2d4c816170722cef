"""A chain of layers and the shapes between them: everything about a network that is known without its arrays."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import TypeVar

from ava_np.errors import ArchitectureError
from ava_np.layers import Layer, Shape, shape_text

MAX_VALUES = 2**40  # in one array: terabytes, which is a mistake, or a file that was made to harm

T = TypeVar("T")


class Chain:
    """Layers, and the shapes of their values, parameters and states. Nothing is allocated.

    Parameters
    ----------
    input_shape : tuple of int
        Shape of one sample.
    layers : sequence of Layer
        Applied in order.
    intermediate : int, optional
        Number of layers before the intermediate layer, at which values can be read and an error can enter. A negative
        number counts from the end: -1 is in front of the last layer. By default the network's output.

    Attributes
    ----------
    shapes : list of tuple of int
        Shape of one sample in front of the first layer and after each.
    parameter_shapes, state_shapes : list of dict of str to tuple of int
        Shapes of what each layer learns, and of what it keeps besides.

    Raises
    ------
    ArchitectureError
        If a layer does not fit the shape in front of it, or an array would be larger than any memory.
    ValueError
        If there is no such intermediate layer.

    Examples
    --------
    >>> from ava_np.layers import Activation, Dense
    >>> from ava_np.network.chain import Chain
    >>> chain = Chain((4,), [Dense(3), Activation("tanh"), Dense(1)])
    >>> chain.output_shape, chain.parameter_count
    ((1,), 19)
    >>> list(chain.named_arrays(chain.parameter_shapes))[0]
    ('dense1', 'W', (4, 3))
    """

    def __init__(self, input_shape: Shape, layers: Sequence[Layer], intermediate: int | None = None) -> None:
        index = len(layers) if intermediate is None else intermediate + len(layers) * (intermediate < 0)
        if not 0 <= index <= len(layers):
            raise ValueError(f"a network of {len(layers)} layers has no intermediate layer {intermediate}")
        self.input_shape, self.layers, self.intermediate = input_shape, tuple(layers), index
        self.shapes = [input_shape]
        self.parameter_shapes: list[dict[str, Shape]] = []
        for layer in layers:
            before = self.shapes[-1]
            self.shapes.append(bounded_output_shape(layer, before))
            self.parameter_shapes.append(layer.parameter_shapes(before))
        self.state_shapes = [layer.state_shapes(shape) for layer, shape in zip(layers, self.shapes, strict=False)]

    @property
    def output_shape(self) -> Shape:
        """Shape of one output sample."""
        return self.shapes[-1]

    @property
    def layer_names(self) -> list[str]:
        """Name of each layer: its kind, and its number among the layers of this kind, such as "dense2"."""
        seen: Counter[str] = Counter()
        names = []
        for layer in self.layers:
            seen[layer.name] += 1
            names.append(f"{layer.name}{seen[layer.name]}")
        return names

    @property
    def parameter_count(self) -> int:
        """Number of parameters."""
        return sum(prod(shape) for named in self.parameter_shapes for shape in named.values())

    @property
    def uses_batch_statistics(self) -> bool:
        """Whether a sample's output depends on the other samples of its batch."""
        return any(layer.uses_batch_statistics for layer in self.layers)

    def named_arrays(self, layers: Sequence[Mapping[str, T]]) -> Iterator[tuple[str, str, T]]:
        """Yield (layer, name, value) over what each layer has, such as ("dense1", "W", (4, 3)).

        Parameters
        ----------
        layers : sequence of dict
            Shapes or arrays by name, one dictionary for each layer.
        """
        for layer, values in zip(self.layer_names, layers, strict=True):
            for name, value in values.items():
                yield layer, name, value


def bounded_output_shape(layer: Layer, input_shape: Shape) -> Shape:
    """Return the shape after a layer.

    Raises
    ------
    ArchitectureError
        If the layer does not fit samples of ``input_shape``, or its output or its parameters would be larger than any
        memory.

    Examples
    --------
    >>> from ava_np.layers import Dense, Upsampling
    >>> bounded_output_shape(Dense(3), (4,))
    (3,)
    >>> bounded_output_shape(Upsampling(1_000_000), (10, 10, 3))
    Traceback (most recent call last):
    ava_np.errors.ArchitectureError: 10000000x10000000x3 values are too many for any memory: take a smaller layer
    """
    output_shape = layer.output_shape(input_shape)
    for shape in (output_shape, *layer.parameter_shapes(input_shape).values()):
        if prod(shape) > MAX_VALUES:
            raise ArchitectureError(f"{shape_text(shape)} values are too many for any memory: take a smaller layer")
    return output_shape
