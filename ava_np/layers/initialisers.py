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
    "torch",
    "normal",
    "zeros",
]

BLOCK = 1 << 14
"""Values drawn at a time: their float64 draws stay in the cache while they are rounded to the type of W."""


def initialise(W: np.ndarray, name: Initialiser, fan_in: float, fan_out: float, generator: np.random.Generator) -> None:
    """Draw initial weights with mean 0 and a standard deviation that depends on the name.

    ===========  ==============================  ==========================================================
    "he_"        √(2 / fan_in)                   He et al. 2015, (10): in front of a rectifier
    "glorot_"    √(2 / (fan_in + fan_out))       Glorot and Bengio 2010, (12) and (16): in front of a tanh
    "lecun_"     √(1 / fan_in)                   LeCun et al. 1998, section 4.6: otherwise
    "torch"      √(1 / (3 fan_in)), uniform      the default of torch.nn.Linear and Conv2d; biases are drawn too
    "normal"     0.02                            Radford et al. 2016: DCGAN
    "zeros"      0
    ===========  ==============================  ==========================================================

    The distribution is normal, or uniform in ± √3 standard deviations. Draws are made in float64 and rounded, so that
    every float type starts from the same numbers.

    Parameters
    ----------
    W : ndarray
        Weights of any shape; written.
    name : str
        A name of ``Initialiser``.
    fan_in, fan_out : float
        Number of inputs that an output neuron sums, and number of output neurons that an input feeds, on average. For a
        convolution of stride 1: kernel height times kernel width times the channels on that side.
    generator : numpy.random.Generator
        Advances by the same number of draws whatever the standard deviation, also for "zeros".

    Raises
    ------
    ValueError
        If there is no initialiser of this name.

    Examples
    --------
    >>> W = np.empty((400, 100))
    >>> initialise(W, "he_normal", 400, 100, np.random.default_rng(0))
    >>> bool(abs(W.std() - np.sqrt(2 / 400)) < 0.001)
    True
    """
    if name not in get_args(Initialiser):
        raise ValueError(f"unknown initialiser {name!r}: choose one of {', '.join(get_args(Initialiser))}")
    family, _, distribution = name.partition("_")
    deviation = {
        "he": math.sqrt(2.0 / fan_in),
        "glorot": math.sqrt(2.0 / (fan_in + fan_out)),
        "lecun": math.sqrt(1.0 / fan_in),
        "torch": math.sqrt(1.0 / (3.0 * fan_in)),
        "normal": 0.02,
        "zeros": 0.0,
    }[family]
    blocks = np.array_split(W, 1 + W.size // BLOCK)
    if distribution == "uniform" or name == "torch":
        bound = math.sqrt(3.0) * deviation  # the variance of U(-b, b) is b² / 3
        for block in blocks:
            block[:] = generator.uniform(-bound, bound, block.shape)
    else:
        for block in blocks:
            block[:] = generator.normal(0.0, deviation, block.shape)


def initialise_bias(b: np.ndarray, name: Initialiser, fan_in: float, generator: np.random.Generator) -> None:
    """Set a bias to 0, or draw it as torch does: uniform in ± 1 / √fan_in.

    Parameters
    ----------
    b : ndarray
        Written.
    name : str
        The initialiser of the layer's weights.
    fan_in : float
        As for ``initialise``.
    generator : numpy.random.Generator
        Used by "torch" alone.
    """
    if name == "torch":
        initialise(b, "torch", fan_in, 0, generator)
    else:
        b[:] = 0
