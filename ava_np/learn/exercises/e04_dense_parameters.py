"""4. The gradients of a dense layer's weights and biases, which are added.

The derivative of y[k] = Σ_i x[i] W[i, k] + b[k] by W[i, k] is x[i], and by b[k] it is 1. So one picture gives dW[i,
k] = x[i] dy[k] and db[k] = dy[k], and a batch gives the sum over its pictures.

A network may be applied several times before its parameters move: to x and to x', for example. Each application
adds to the same gradient. So this function does not return a gradient. It adds to the arrays that it is given, with
+=, and they may hold something already.
"""

import numpy as np

from ava_np.learn.exercise import Exercise, Part, slope, yours


@yours
def dense_backward_parameters(dW, db, x, dy):
    """Add to dW (inputs, outputs) and db (outputs,), in place, from x (batch, inputs) and dy (batch, outputs)."""
    dW += x.T @ dy
    db += dy.sum(0)


# The checks


def _cases(generator):
    normal = generator.normal
    return {
        "gradients that begin at 0": (np.zeros((3, 2)), np.zeros(2), normal(size=(1, 3)), normal(size=(1, 2))),
        "a second application": (normal(size=(3, 2)), normal(size=2), normal(size=(4, 3)), normal(size=(4, 2))),
        "one output": (normal(size=(2, 1)), normal(size=1), normal(size=(5, 2)), normal(size=(5, 1))),
    }


def _written(dW, db, x, dy):
    dW[:] = x.T @ dy
    db[:] = dy.sum(0)


def _averaged(dW, db, x, dy):
    dW += x.T @ dy / len(x)
    db += dy.mean(0)


def _no_sum(dW, db, x, dy):
    dW += x.T @ dy
    db += dy[0]


def _by_differences(functions, dW, db, x, dy):
    W, b = np.ones_like(dW), np.zeros_like(db)
    by_W = slope(lambda a: np.sum(dy * (x @ a + b)), W)
    return dW + by_W, db + slope(lambda a: np.sum(dy * (x @ W + a)), b)


EXERCISE = Exercise(
    (
        Part(
            dense_backward_parameters,
            _cases,
            {
                "you forgot that both applications add: the second one has overwritten the first": _written,
                "you took the mean over the batch: it is a sum": _averaged,
                "you forgot to sum the bias's gradient over the batch": _no_sum,
            },
            _by_differences,
            adds_to=(0, 1),
        ),
    )
)
