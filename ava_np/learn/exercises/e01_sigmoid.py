"""1. The derivative of a sigmoid.

At its end a network has one number E that says how bad it is, the objective. Backpropagation finds the derivative of
E by everything in the network, from the end to the beginning. In this course dy is a name, not a small change: it
stands for the derivative of E by y, and is called the error at y.

Of every operation backpropagation asks: given the error at the output y, what is the error at the input t? The answer
is the chain rule: dy times the derivative of y by t.

A sigmoid is y = 1 / (1 + e^-t). Its derivative can be written with y alone, so t need not be kept: differentiate
it, and replace e^-t by (1 - y) / y.
"""

import numpy as np

from ava_np.learn.exercise import Exercise, Part, slope, yours


def sigmoid(t):
    """Return y of the same shape as t."""
    return 1 / (1 + np.exp(-t))


@yours
def sigmoid_backward(dy, y):
    """Return the error at t, from the error dy at y and from y itself. All have the same shape."""
    return dy * y * (1 - y)


# The checks


def _cases(generator):
    y, dy = generator.random((4, 3)), generator.normal(size=(4, 3))
    return {
        "one neuron": (np.array([0.7]), np.array([0.25])),
        "4 pictures of 3 values": (dy, y),
        "a saturated neuron, and one that is not": (np.array([[5.0, 2.0]]), np.array([[1.0, 0.5]])),
    }


def _by_differences(functions, dy, y):
    return slope(lambda t: np.sum(dy * functions.get("sigmoid", sigmoid)(t)), np.log(y / (1 - y)))


EXERCISE = Exercise(
    (
        Part(
            sigmoid_backward,
            _cases,
            {
                "you forgot dy: the error at y has to be multiplied by the derivative": lambda dy, y: y * (1 - y),
                "you took y for t: y is the output already, and needs no sigmoid": lambda dy, y: (
                    dy * sigmoid(y) * (1 - sigmoid(y))
                ),
                "the sign is wrong: e^-t falls as t grows, and y grows": lambda dy, y: -dy * y * (1 - y),
                "that is the derivative of tanh": lambda dy, y: dy * (1 - y * y),
            },
            _by_differences,
        ),
    )
)
