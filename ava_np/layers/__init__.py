"""Layers: one thin specification per kernel file."""

from ava_np.layers.activation import Activation
from ava_np.layers.dense import Dense
from ava_np.layers.layer import Layer, Parameters, Shape, Slot

__all__ = ["Activation", "Dense", "Layer", "Parameters", "Shape", "Slot"]
