"""7. The cross-entropy, whose error is y - x.

If x is black or white, the natural loss is -log p(x), with p = y = sigmoid(t) the probability of white:

    -x log y - (1 - x) log(1 - y)

It must work at t = ±800, too, where y rounds to 0 or 1. So write it with t, as in exercise 6: log y = -log(1 + e^-t).

Its derivative by y has quotients that blow up. The slope of the sigmoid is small where they are large. Multiply the
two on paper. What is left needs no division, and it is never 0 where the answer is wrong: learning does not stop there.
"""

import numpy as np

from ava_np.learn.exercise import Exercise, Part, slope, yours


@yours
def cross_entropy(t, x):
    """Return the cross-entropy as a number, summed over everything, from logits t and pictures x in [0, 1]."""
    return np.sum(np.logaddexp(0, t) - x * t)


@yours
def cross_entropy_backward(t, x):
    """Return the error at the logits t."""
    return np.exp(-np.logaddexp(0, -t)) - x


# The checks


def _cases(generator):
    return {
        "one value": (np.array([[0.4]]), np.array([[1.0]])),
        "2 pictures of 3 values": (generator.normal(size=(2, 3)), generator.random((2, 3))),
        "sure and wrong, ±800": (np.array([[800.0, -800.0]]), np.array([[0.0, 1.0]])),
    }


def _y(t):
    return 1 / (1 + np.exp(-t))


def _cut_off(t, x):
    y = np.clip(_y(t), 1e-12, 1 - 1e-12)
    return -np.sum(x * np.log(y) + (1 - x) * np.log(1 - y))


EXERCISE = Exercise(
    (
        Part(
            cross_entropy,
            _cases,
            {
                "the sign is wrong: a loss is descended": lambda t, x: -cross_entropy(t, x),
                "you divided by the number of values": lambda t, x: cross_entropy(t, x) / x.size,
                "you cut y off near 0 and 1: the loss stops growing there, and so does what is learnt": _cut_off,
                "you left out the black pixels, (1 - x) log(1 - y)": lambda t, x: np.sum(x * np.logaddexp(0, -t)),
            },
        ),
        Part(
            cross_entropy_backward,
            _cases,
            {
                "that is the error at y: multiply by the slope of the sigmoid": lambda t, x: (
                    (_y(t) - x) / (_y(t) * (1 - _y(t)))
                ),
                "that is the error of the squared distance, (y - x) y (1 - y)": lambda t, x: (
                    (_y(t) - x) * _y(t) * (1 - _y(t))
                ),
                "the sign is wrong": lambda t, x: x - _y(t),
                "t is the logit: its sigmoid is to be like x": lambda t, x: t - x,
                "you took the sigmoid twice": lambda t, x: _y(_y(t)) - x,
            },
            lambda functions, t, x: slope(lambda a: functions["cross_entropy"](a, x), t),
        ),
    )
)
