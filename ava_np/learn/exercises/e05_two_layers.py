"""5. A network of two layers.

Now put it together. The network is y = tanh(x V + a) W + c, and the objective ½ ‖y - target‖². Backpropagation goes
through it from the end: the error at y; with it the gradients of W and c, and the error at the hidden neurons h;
the slope of tanh, which is 1 - h²; with that the gradients of V and a.

Each error is computed once, and used twice: for the gradients of its layer, and for the error below.
"""

import numpy as np

from ava_np.learn.exercise import Exercise, Part, slopes, yours


def objective(x, target, V, a, W, c):
    """Return ½ ‖tanh(x V + a) W + c - target‖²."""
    return 0.5 * np.sum((np.tanh(x @ V + a) @ W + c - target) ** 2)


@yours
def gradients(x, target, V, a, W, c):
    """Return the gradients of V (inputs, hidden), a (hidden,), W (hidden, outputs) and c (outputs,), in this order."""
    h = np.tanh(x @ V + a)
    dy = h @ W + c - target
    dt = dy @ W.T * (1 - h * h)
    return x.T @ dt, dt.sum(0), h.T @ dy, dy.sum(0)


# The checks


def _cases(generator):
    normal = generator.normal

    def case(batch, inputs, hidden, outputs):
        shapes = (batch, inputs), (batch, outputs), (inputs, hidden), (hidden,), (hidden, outputs), (outputs,)
        return tuple(normal(size=shape) for shape in shapes)

    return {
        "one picture": case(1, 3, 2, 2),
        "5 pictures": case(5, 2, 4, 3),
        "one hidden neuron": case(3, 3, 1, 2),
    }


def _no_slope(x, target, V, a, W, c):
    h = np.tanh(x @ V + a)
    dy = h @ W + c - target
    dt = dy @ W.T
    return x.T @ dt, dt.sum(0), h.T @ dy, dy.sum(0)


def _slope_of_t(x, target, V, a, W, c):
    t = x @ V + a
    h = np.tanh(t)
    dy = h @ W + c - target
    dt = dy @ W.T * (1 - t * t)
    return x.T @ dt, dt.sum(0), h.T @ dy, dy.sum(0)


def _slope_of_sigmoid(x, target, V, a, W, c):
    h = np.tanh(x @ V + a)
    dy = h @ W + c - target
    dt = dy @ W.T * h * (1 - h)
    return x.T @ dt, dt.sum(0), h.T @ dy, dy.sum(0)


def _tanh_twice(x, target, V, a, W, c):
    h = np.tanh(x @ V + a)
    dy = h @ W + c - target
    dt = dy @ W.T * (1 - np.tanh(h) ** 2)
    return x.T @ dt, dt.sum(0), h.T @ dy, dy.sum(0)


def _updated_first(x, target, V, a, W, c):
    h = np.tanh(x @ V + a)
    dy = h @ W + c - target
    moved = W - h.T @ dy
    dt = dy @ moved.T * (1 - h * h)
    return x.T @ dt, dt.sum(0), h.T @ dy, dy.sum(0)


def _by_differences(functions, x, target, *parameters):
    return slopes(lambda *p: functions.get("objective", objective)(x, target, *p), parameters)


EXERCISE = Exercise(
    (
        Part(
            gradients,
            _cases,
            {
                "you forgot the slope of tanh": _no_slope,
                "the slope of tanh is 1 - h², of its output: you took its input": _slope_of_t,
                "that is the slope of a sigmoid: that of tanh is 1 - h²": _slope_of_sigmoid,
                "you took the tanh of h once more: h is its output already": _tanh_twice,
                "you moved W before its error was passed on: use the W of the forward pass": _updated_first,
            },
            _by_differences,
            returns=("dV", "da", "dW", "dc"),
        ),
    )
)
