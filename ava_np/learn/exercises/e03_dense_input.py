"""3. The error at the input of a dense layer.

A dense layer is y = x W + b: output k is Σ_i x[i] W[i, k] + b[k]. So input i acts on every output, and the
derivative of output k by input i is W[i, k]. Where several ways lead from an input to the objective, their
contributions are added:

    dx[i] = Σ_k dy[k] W[i, k]

That is a matrix product. Which one?
"""

import numpy as np

from ava_np.learn.exercise import Exercise, Part, slope, yours


def dense(x, W, b):
    """Return y (batch, outputs) from x (batch, inputs), W (inputs, outputs) and b (outputs,)."""
    return x @ W + b


@yours
def dense_backward_input(dy, W):
    """Return dx (batch, inputs) from dy (batch, outputs) and W (inputs, outputs)."""
    return dy @ W.T


# The checks


def _cases(generator):
    normal = generator.normal
    return {
        "2 pictures, 3 inputs, 3 outputs": (normal(size=(2, 3)), normal(size=(3, 3))),
        "one picture, 3 inputs, 2 outputs": (normal(size=(1, 2)), normal(size=(3, 2))),
        "4 pictures, 2 inputs, 3 outputs": (normal(size=(4, 3)), normal(size=(2, 3))),
        "no error": (np.zeros((1, 2)), normal(size=(3, 2))),
    }


def _by_differences(functions, dy, W):
    x = np.linspace(-1, 1, len(dy) * len(W)).reshape(len(dy), len(W))
    return slope(lambda a: np.sum(dy * functions.get("dense", dense)(a, W, np.zeros(W.shape[1]))), x)


EXERCISE = Exercise(
    (
        Part(
            dense_backward_input,
            _cases,
            {
                "you forgot to transpose W: this sum goes over the inputs": lambda dy, W: dy @ W,
                "you averaged over the outputs: the ways are added": lambda dy, W: dy @ W.T / W.shape[1],
            },
            _by_differences,
        ),
    )
)
