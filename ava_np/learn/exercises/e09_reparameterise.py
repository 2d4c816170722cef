"""9. Through a random number: the reparameterisation.

A code is drawn from N(μ, e^s). How could an error pass through a draw? Write it as z = μ + e^(s/2) r, with r drawn
from N(0, 1) beforehand. Now z is a plain function of μ and s, and r is a constant as x is.

The checker will also draw 200,000 codes with your forward pass: their mean must be μ, and their variance e^s.
"""

import numpy as np

from ava_np.learn.exercise import Exercise, Part, slope, yours


@yours
def reparameterise(mu, s, r):
    """Return z; all are (batch, numbers)."""
    return mu + np.exp(s / 2) * r


@yours
def reparameterise_backward(dz, s, r):
    """Return the errors at mu and at s, from the error dz at z."""
    return dz, 0.5 * dz * r * np.exp(s / 2)


# The checks


def _cases(generator):
    normal = generator.normal
    return {
        "one number": (np.array([[0.7]]), np.array([[-1.0]]), np.array([[2.0]])),
        "3 pictures, 2 numbers": tuple(normal(size=(3, 2)) for _ in range(3)),
        "without noise": (normal(size=(1, 3)), normal(size=(1, 3)), np.zeros((1, 3))),
    }


def _by_differences(functions, dz, s, r):
    draw, mu = functions["reparameterise"], np.zeros_like(s)
    return slope(lambda a: np.sum(dz * draw(a, s, r)), mu), slope(lambda a: np.sum(dz * draw(mu, a, r)), s)


def _moments(functions):
    r = np.random.default_rng(0).normal(size=(200_000, 1))
    z = functions["reparameterise"](np.full_like(r, 0.5), np.full_like(r, -1.0), r)
    mean, variance = float(z.mean()), float(z.var())
    if abs(mean - 0.5) < 0.01 and abs(variance - np.exp(-1.0)) < 0.01:
        return True, "right"
    return False, f"{mean:.3f} and {variance:.3f}, which should be 0.5 and {np.exp(-1.0):.3f}"


EXERCISE = Exercise(
    (
        Part(
            reparameterise,
            _cases,
            {
                "you multiplied by the variance: the deviation is its root, e^(s/2)": lambda mu, s, r: (
                    mu + np.exp(s) * r
                ),
                "you multiplied by s, which is a logarithm": lambda mu, s, r: mu + s * r,
            },
        ),
        Part(
            reparameterise_backward,
            _cases,
            {
                "the derivative of e^(s/2) has a factor ½": lambda dz, s, r: (dz, dz * r * np.exp(s / 2)),
                "the derivative of e^(s/2) is ½ e^(s/2), and not ½ e^s": lambda dz, s, r: (
                    dz,
                    0.5 * dz * r * np.exp(s),
                ),
                "you forgot dz: the error at z has to be multiplied by the derivative": lambda dz, s, r: (
                    dz,
                    0.5 * r * np.exp(s / 2),
                ),
                "the order is mu, s": lambda dz, s, r: (0.5 * dz * r * np.exp(s / 2), dz),
                "you forgot r": lambda dz, s, r: (dz, 0.5 * dz * np.exp(s / 2)),
            },
            _by_differences,
            returns=("dmu", "ds"),
        ),
    ),
    _moments,
    "mean and variance of 200,000 codes",
)
