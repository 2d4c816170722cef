"""Initialisers of weights, by their usual names."""

import math
from typing import Literal, get_args

import numpy as np

Initialiser = Literal[
    "he_normal",
    "he_uniform",
    "glorot_normal",
    "glorot_uniform",
    "lecun_normal",
    "lecun_uniform",
    "normal",
    "zeros",
]


BLOCK = 1 << 14  # numbers


def initialise(W: np.ndarray, name: Initialiser, inputs: float, outputs: float, generator: np.random.Generator) -> None:
    """Write first weights into W, with mean 0 and, by the initialiser's name, the standard deviation

    ===========  ============================  ==========================================================
    "he_"        √(2 / inputs)                 He et al. 2015, (10): before a rectifier
    "glorot_"    √(2 / (inputs + outputs))     Glorot and Bengio 2010, (12) and (16): before a tanh
    "lecun_"     √(1 / inputs)                 LeCun et al. 1998, section 4.6: otherwise
    "normal"     0.02                          Radford et al. 2016: DCGAN
    "zeros"      0
    ===========  ============================  ==========================================================

    Normal, or uniform in ± √3 standard deviations. Drawn in float64 whatever the type of W, so that every float type
    starts from the same numbers.

    Parameters
    ----------
    W : ndarray
        Any shape; written.
    name : str
        One of ``Initialiser``.
    inputs, outputs : float
        Fan-in and fan-out: how many numbers each output neuron sums over, and how many neurons each input feeds, on
        average. For a convolution of stride 1, the kernel's height times its width times the channels on that side.
    generator : numpy.random.Generator
        Moves on by the same draws whatever the spread, for "zeros" too.

    Raises
    ------
    ValueError
        If the name is not one of these.
    """
    if name not in get_args(Initialiser):
        raise ValueError(f"unknown initialiser {name!r}: choose one of {', '.join(get_args(Initialiser))}")
    family, _, distribution = name.partition("_")
    deviation = {
        "he": math.sqrt(2.0 / inputs),
        "glorot": math.sqrt(2.0 / (inputs + outputs)),
        "lecun": math.sqrt(1.0 / inputs),
        "normal": 0.02,
        "zeros": 0.0,
    }[family]
    if distribution == "uniform":
        bound = math.sqrt(3.0) * deviation  # the variance of U(-b, b) is b² / 3
        for rows in _blocks(W):
            rows[:] = generator.uniform(-bound, bound, rows.shape)
    else:
        for rows in _blocks(W):
            rows[:] = generator.normal(0.0, deviation, rows.shape)


def _blocks(W: np.ndarray) -> list[np.ndarray]:
    """Rows of W, so few at a time that their draws in float64 stay in the cache."""
    return np.array_split(W, 1 + W.size // BLOCK)
