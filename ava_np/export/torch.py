"""A model for PyTorch: a readable module, ``model.py``, and its weights, ``model.safetensors``.

The module needs PyTorch and safetensors, and nothing of this project. It takes and gives pictures as (N, H, W, C), as
everywhere here; inside, images are (N, C, H, W), as PyTorch keeps them. A model that is loaded is in evaluation mode,
and can be trained further after ``model.train()``.
"""

from typing import Any

import jinja2
import numpy as np
from safetensors.numpy import save

from ava_np.errors import ArchitectureError
from ava_np.export import entrance
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

FUNCTIONS = {
    "linear": "nn.Identity()",
    "sigmoid": "nn.Sigmoid()",
    "tanh": "nn.Tanh()",
    "relu": "nn.ReLU()",
    "leaky_relu": f"nn.LeakyReLU({LEAK})",
    "elu": "nn.ELU()",
    "softplus": "nn.Softplus()",
    "exp": "Exponential()",
}


def to_torch(model: Model) -> dict[str, bytes]:
    """Return the two files of a model for PyTorch.

    Parameters
    ----------
    model : Model
        Its weights are copied, as float32.

    Returns
    -------
    dict of str to bytes
        "model.py", with a class ``Model`` that has one ``nn.Sequential`` for each network, ``encode`` and ``decode``;
        and "model.safetensors".

    Examples
    --------
    >>> import ava_np
    >>> from ava_np.export.torch import to_torch
    >>> text = to_torch(ava_np.build("vae", (8, 8, 1), latent=3))["model.py"].decode()
    >>> print(*[line.strip() for line in text.splitlines() if "nn.Linear" in line], sep="\\n")
    nn.Linear(64, 256),
    nn.Linear(256, 6),
    nn.Linear(3, 256),
    nn.Linear(256, 64),
    """
    tensors: dict[str, np.ndarray] = {}
    encoder = model.encoder_name
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("ava_np.export", "."),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    text = environment.get_template("model.py.jinja").render(
        name=model.specification.name,
        shape=model.shape,
        latent=model.latent,
        networks={name: _modules(name, network, tensors) for name, network in model.networks.items()},
        encoder=encoder if encoder is not None and entrance(model, encoder) == "pictures" else None,
        decoder=model.decoder_name,
    )
    return {"model.py": text.encode(), "model.safetensors": save(tensors)}


def _modules(name: str, network: Network, tensors: dict[str, np.ndarray]) -> list[str]:
    """Return the modules of a network as code, and add their tensors by name."""
    lines: list[str] = []
    for layer, shape, parameters, state in zip(
        network.layers, network.shapes, network.parameters, network.states, strict=False
    ):
        found = _tensors(layer, parameters, state)
        tensors |= {f"{name}.{len(lines)}.{key}": np.ascontiguousarray(value) for key, value in found.items()}
        lines += _code(layer, shape)
    return lines


def _code(layer: Layer, shape: Shape) -> list[str]:
    """Return the module of a layer whose input has this shape; none if it does nothing, two if an image is reshaped."""
    match layer:
        case Activation():
            return [FUNCTIONS[layer.function]]
        case Dense():
            return [f"nn.Linear({shape[0]}, {layer.width})"]
        case Reshape() | Flatten():
            wanted = layer.output_shape(shape)
            rows = ["Rows()"] if len(shape) == 3 else []
            return [] if wanted == shape else rows + ([f"Image{wanted}"] if len(wanted) == 3 else [])
        case BatchNorm():
            return [f"nn.BatchNorm{2 if len(shape) == 3 else 1}d({shape[-1]}, {layer.epsilon:g}, {layer.momentum:g})"]
        case Convolution():
            return [f"nn.Conv2d({shape[2]}, {layer.channels}, {layer.kernel}, {layer.stride}, {layer.padding})"]
        case TransposedConvolution():
            sizes = f"{shape[2]}, {layer.channels}, {layer.kernel}, {layer.stride}, {layer.padding}"
            return [f"nn.ConvTranspose2d({sizes}, {layer.output_padding})"]
        case AveragePooling():
            return [f"nn.AvgPool2d({layer.factor})"]
        case Upsampling():
            return [f"nn.Upsample(scale_factor={layer.factor})"]
        case Maxout():
            return [f"Maxout({layer.pieces})"]
        case Dropout():
            return [f"nn.Dropout({layer.rate:g})"]
        case MinibatchDiscrimination():
            return [f"MinibatchDiscrimination({shape[0]}, {layer.features}, {layer.width})"]
    raise ArchitectureError(f"there is no module of PyTorch for the layer {layer.name}")


def _tensors(layer: Layer, parameters: Arrays, state: Arrays) -> dict[str, Any]:
    """Return the tensors of a layer under PyTorch's names."""
    arrays = {name: np.asarray(array, np.float32) for name, array in (parameters | state).items()}
    match layer:
        case Dense():
            return {"weight": arrays["W"].T, "bias": arrays["b"]}
        case Convolution() | TransposedConvolution():
            return {"weight": arrays["W"].transpose(3, 2, 0, 1), "bias": arrays["b"]}
        case BatchNorm():
            return {
                "weight": arrays["scale"],
                "bias": arrays["shift"],
                "running_mean": arrays["mean"],
                "running_var": arrays["variance"],
                "num_batches_tracked": np.int64(0),
            }
        case MinibatchDiscrimination():
            return {"weight": arrays["W"]}
    return {}
