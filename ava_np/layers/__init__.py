"""Layers: thin specifications over the kernels, one file each."""

from ava_np.layers.activation import Activation
from ava_np.layers.batch_norm import BatchNorm
from ava_np.layers.convolution import Convolution, TransposedConvolution
from ava_np.layers.dense import Dense
from ava_np.layers.dropout import Dropout
from ava_np.layers.layer import Arrays, Layer, LayerBuffers, Mode, Shape, shape_text
from ava_np.layers.maxout import Maxout
from ava_np.layers.minibatch_discrimination import MinibatchDiscrimination
from ava_np.layers.resampling import AveragePooling, Upsampling
from ava_np.layers.reshape import Flatten, Reshape

AnyLayer = (
    Activation
    | AveragePooling
    | BatchNorm
    | Convolution
    | Dense
    | Dropout
    | Flatten
    | Maxout
    | MinibatchDiscrimination
    | Reshape
    | TransposedConvolution
    | Upsampling
)

__all__ = [
    "Activation",
    "AnyLayer",
    "Arrays",
    "AveragePooling",
    "BatchNorm",
    "Convolution",
    "Dense",
    "Dropout",
    "Flatten",
    "Layer",
    "LayerBuffers",
    "Maxout",
    "MinibatchDiscrimination",
    "Mode",
    "Reshape",
    "Shape",
    "TransposedConvolution",
    "Upsampling",
    "shape_text",
]
