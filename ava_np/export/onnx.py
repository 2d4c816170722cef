"""A model as ONNX graphs, one for each network, for onnxruntime and everything else that reads them.

Opset 17 and IR version 8, which current runtimes read. The first axis, the batch, has any length. Pictures stay
(N, H, W, C): each convolution stands between two transpositions, because ONNX keeps channels first. Batch norm uses its
running statistics, and is a product and a sum.
"""

from math import prod
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ava_np.errors import ArchitectureError
from ava_np.export import DECODERS, entrance
from ava_np.kernels.activations import LEAK
from ava_np.layers import (
    Activation,
    AveragePooling,
    BatchNorm,
    Convolution,
    Dense,
    Dropout,
    Flatten,
    Layer,
    Maxout,
    MinibatchDiscrimination,
    Reshape,
    Shape,
    TransposedConvolution,
    Upsampling,
)
from ava_np.layers.layer import Arrays
from ava_np.models import Model
from ava_np.network import Network

OPSET, IR = 17, 8
FUNCTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "sigmoid": ("Sigmoid", {}),
    "tanh": ("Tanh", {}),
    "relu": ("Relu", {}),
    "leaky_relu": ("LeakyRelu", {"alpha": LEAK}),
    "elu": ("Elu", {"alpha": 1.0}),
    "softplus": ("Softplus", {}),
    "exp": ("Exp", {}),
}
CHANNELS_FIRST, CHANNELS_LAST = [0, 3, 1, 2], [0, 2, 3, 1]


def to_onnx(model: Model) -> dict[str, bytes]:
    """Return the ONNX file of each network of a model.

    Parameters
    ----------
    model : Model
        Its weights are copied, as float32.

    Returns
    -------
    dict of str to bytes
        By the network's name. Pictures are "pictures" (N, H, W, C), codes "codes" (N, latent); an encoder gives "mean"
        and "log_variance", or "codes"; a discriminator "logit", of which the sigmoid is the probability of "real". What
        passes between two networks is "features" (N, values).

    Examples
    --------
    >>> import ava_np
    >>> from ava_np.export.onnx import to_onnx
    >>> list(to_onnx(ava_np.build("vae", (8, 8, 1))))
    ['encoder', 'decoder']
    """
    return {name: _file(model, name, network) for name, network in model.networks.items()}


class _Graph:
    """The nodes and the constants of a graph; ``value`` is the name of what the last node gives."""

    def __init__(self, value: str) -> None:
        self.value = value
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, array: np.ndarray) -> str:
        """Add a constant, and return its name."""
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def add(self, operator: str, *others: np.ndarray | str, first: str | None = None, **attributes: Any) -> str:
        """Add a node that takes ``first``, by default the last value, and others; return the name of its value."""
        inputs = [first or self.value, *(one if isinstance(one, str) else self.constant(one) for one in others)]
        self.value = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [self.value], **attributes))
        return self.value


def _file(model: Model, name: str, network: Network) -> bytes:
    """Return the file of one network."""
    put = entrance(model, name)
    graph = _Graph(put)
    if put == "pictures":
        graph.add("Reshape", np.array([-1, model.neurons]))
    for layer, shape, parameters, state in zip(
        network.layers, network.shapes, network.parameters, network.states, strict=False
    ):
        _add_layer(graph, layer, shape, parameters, state)
    outputs = _name_outputs(graph, model, name, network)
    input_shape = model.shape if put == "pictures" else network.input_shape
    value = helper.make_graph(
        graph.nodes,
        f"{model.specification.name} {name}",
        [helper.make_tensor_value_info(put, TensorProto.FLOAT, ["N", *input_shape])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *shape]) for name, shape in outputs.items()],
        graph.constants,
    )
    proto = helper.make_model(value, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
    proto.producer_name = "ava-np"
    onnx.checker.check_model(proto)
    return bytes(proto.SerializeToString(deterministic=True))


def _name_outputs(graph: _Graph, model: Model, name: str, network: Network) -> dict[str, Shape]:
    """Give the last value its name and shape, and return both; the halves of a Gaussian encoder have one each."""
    (count,) = network.output_shape
    if name in DECODERS:
        graph.add("Reshape", np.array([-1, *model.shape]))
        names: dict[str, Shape] = {"pictures": model.shape}
    elif name == "encoder" and count == 2 * model.latent:
        graph.add("Split", np.array([model.latent] * 2), axis=1)
        names = {"mean": (model.latent,), "log_variance": (model.latent,)}
    elif name == "encoder":
        names = {"codes": (count,)}
    else:
        names = {"logit" if count == 1 else "features": (count,)}
    del graph.nodes[-1].output[:]
    graph.nodes[-1].output.extend(names)
    return names


def _add_layer(graph: _Graph, layer: Layer, shape: Shape, parameters: Arrays, state: Arrays) -> None:
    """Add the nodes of one layer, whose input has this shape."""
    match layer:
        case Activation():
            if layer.function != "linear":
                operator, attributes = FUNCTIONS[layer.function]
                graph.add(operator, **attributes)
        case Dense():
            graph.add("Gemm", _float(parameters["W"]), _float(parameters["b"]))
        case Reshape() | Flatten():
            graph.add("Reshape", np.array([-1, *layer.output_shape(shape)]))
        case BatchNorm():
            scale = parameters["scale"] / np.sqrt(state["variance"] + layer.epsilon)
            graph.add("Mul", _float(scale))
            graph.add("Add", _float(parameters["shift"] - state["mean"] * scale))
        case Convolution() | TransposedConvolution():
            _add_convolution(graph, layer, parameters)
        case AveragePooling():
            graph.add("Transpose", perm=CHANNELS_FIRST)
            graph.add("AveragePool", kernel_shape=[layer.factor] * 2, strides=[layer.factor] * 2)
            graph.add("Transpose", perm=CHANNELS_LAST)
        case Upsampling():
            scales = np.array([1, layer.factor, layer.factor, 1], np.float32)
            how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
            graph.add("Resize", "", scales, **how)
        case MinibatchDiscrimination():
            _add_similarities(graph, layer, shape, parameters)
        case Maxout():
            graph.add("Reshape", np.array([-1, *layer.output_shape(shape), layer.pieces]))
            graph.add("ReduceMax", axes=[-1], keepdims=0)
        case Dropout():
            pass  # it lets everything through when a model is used
        case _:
            raise ArchitectureError(f"there is no ONNX operator for the layer {layer.name}")


def _add_convolution(graph: _Graph, layer: Convolution | TransposedConvolution, parameters: Arrays) -> None:
    """Add a convolution, or a transposed one, between two transpositions."""
    graph.add("Transpose", perm=CHANNELS_FIRST)
    W, b = _float(parameters["W"].transpose(3, 2, 0, 1)), _float(parameters["b"])
    attributes: dict[str, Any] = {"strides": [layer.stride] * 2, "pads": [layer.padding] * 4}
    if isinstance(layer, Convolution):
        graph.add("Conv", W, b, **attributes)
    else:
        graph.add("ConvTranspose", W, b, **attributes, output_padding=list(layer.output_padding))
    graph.add("Transpose", perm=CHANNELS_LAST)


def _add_similarities(graph: _Graph, layer: MinibatchDiscrimination, shape: Shape, parameters: Arrays) -> None:
    """Add minibatch discrimination: Σ_{j≠i} exp(-‖M_i - M_j‖₁), whose sum over all j has 1 too much, for j = i."""
    h = graph.value
    graph.add("MatMul", _float(parameters["W"]))
    M = graph.add("Reshape", np.array([-1, layer.features, layer.width]))
    rows = graph.add("Unsqueeze", np.array([1]), first=M)
    columns = graph.add("Unsqueeze", np.array([0]), first=M)
    graph.add("Sub", columns, first=rows)
    graph.add("Abs")
    graph.add("ReduceSum", np.array([3]), keepdims=0)
    graph.add("Neg")
    graph.add("Exp")
    graph.add("ReduceSum", np.array([1]), keepdims=0)
    similarities = graph.add("Sub", np.float32(1).reshape(1))
    graph.add("Concat", similarities, first=h, axis=1)
    assert prod(shape) + layer.features == layer.output_shape(shape)[0]


def _float(array: np.ndarray) -> np.ndarray:
    return np.asarray(array, np.float32)
