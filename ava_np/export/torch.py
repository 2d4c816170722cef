"""A model for PyTorch: a readable module, ``model.py``, and its weights, ``model.safetensors``.

The module needs PyTorch and safetensors, and nothing of this project. It takes and gives pictures as (N, H, W, C), as
everywhere here; inside, images are (N, C, H, W), as PyTorch keeps them. A model that is loaded is in evaluation mode,
and can be trained further after ``model.train()``.
"""

from typing import Any

import numpy as np
from safetensors.numpy import save

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

HEAD = '''"""{title}, exported by ava-np.

    model = Model.load("model.safetensors")
"""

import torch
from safetensors.torch import load_file
from torch import nn


class Image(nn.Module):
    """From rows in the order (height, width, channel) to images (N, channels, height, width)."""

    def __init__(self, height, width, channels):
        super().__init__()
        self.shape = height, width, channels

    def forward(self, x):
        return x.reshape(-1, *self.shape).permute(0, 3, 1, 2)


class Rows(nn.Module):
    """From images to rows."""

    def forward(self, x):
        return x.permute(0, 2, 3, 1).flatten(1)

'''

PARTS = {
    "Exponential": '''
class Exponential(nn.Module):
    """e to the power of the input."""

    def forward(self, x):
        return x.exp()

''',
    "MinibatchDiscrimination": '''
class MinibatchDiscrimination(nn.Module):
    """Append to each sample its similarity to the rest of the batch (Salimans et al. 2016)."""

    def __init__(self, inputs, features, width):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(inputs, features * width))
        self.size = features, width

    def forward(self, h):
        m = (h @ self.weight).reshape(len(h), *self.size)
        distances = (m[:, None] - m[None]).abs().sum(3)
        return torch.cat([h, (-distances).exp().sum(1) - 1], 1)

''',
}

LOAD = '''    @classmethod
    def load(cls, path):
        """Return the trained model, in evaluation mode."""
        model = cls()
        model.load_state_dict(load_file(path))
        return model.eval()
'''


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
    networks = []
    for name, network in model.networks.items():
        lines = _modules(name, network, tensors)
        networks.append(f"        self.{name} = nn.Sequential(\n" + "".join(f"            {one},\n" for one in lines))
    body = "".join(f"{one}        )\n" for one in networks)
    parts = "".join(text for part, text in PARTS.items() if f"{part}(" in body)
    title = (
        f"{model.specification.name}, pictures of {' x '.join(map(str, model.shape))}, codes of {model.latent} values"
    )
    text = f"""{HEAD.format(title=title)}{parts}
class Model(nn.Module):
    \"\"\"The networks of the model, by name.\"\"\"

    def __init__(self):
        super().__init__()
{body}
{_methods(model)}{LOAD}"""
    return {"model.py": text.encode(), "model.safetensors": save(tensors)}


def _methods(model: Model) -> str:
    """Return ``encode``, if the encoder takes pictures alone, and ``decode``."""
    text = ""
    name = model.encoder_name
    if name is not None and entrance(model, name) == "pictures":
        text += f'''    def encode(self, pictures):
        """Return the mean codes (N, {model.latent}) of pictures (N, {", ".join(map(str, model.shape))}) in [0, 1]."""
        return self.{name}(pictures.flatten(1))[:, :{model.latent}]

'''
    return f'''{text}    def decode(self, codes):
        """Return the pictures of codes (N, {model.latent})."""
        return self.{model.decoder_name}(codes).reshape(-1, {", ".join(map(str, model.shape))})

'''


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
        case Dropout():
            return [f"nn.Dropout({layer.rate:g})"]
        case MinibatchDiscrimination():
            return [f"MinibatchDiscrimination({shape[0]}, {layer.features}, {layer.width})"]
    raise NotImplementedError(layer.name)


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
