"""12. Convolution, and its transpose.

A convolution slides a window W over a picture x: y[i, j] = Σ_ab x[i + a, j + b] W[a, b]. It is linear, y = A x,
with a large matrix A that nobody writes down. Its error goes back by the transpose, dx = Aᵀ dy, and a decoder that
enlarges pictures uses Aᵀ as a layer.

What is Aᵀ y, without A? The output at (i, j) has read x[i + a, j + b] with the weight W[a, b]. So it gives back
y[i, j] W[a, b] to that place. All of it together is a stamp: W, times y[i, j], is put onto the picture at (i, j).
Stamps that overlap are added.

The test of a transpose is ⟨A x, y⟩ = ⟨x, Aᵀ y⟩ for every x and y, where ⟨u, v⟩ is the sum of all products u v.
"""

import numpy as np

from ava_np.learn.exercise import Exercise, Part, slope, yours


def convolve(x, W):
    """Return y (rows - k + 1, columns - k + 1) of a picture x (rows, columns) and a window W (k, k)."""
    k = len(W)
    y = np.zeros((x.shape[0] - k + 1, x.shape[1] - k + 1))
    for a in range(k):
        for b in range(k):
            y += W[a, b] * x[a : a + y.shape[0], b : b + y.shape[1]]
    return y


@yours
def convolve_transposed(y, W):
    """Return Aᵀ y, a picture (rows, columns), from y (rows - k + 1, columns - k + 1) and W (k, k)."""
    k = len(W)
    x = np.zeros((y.shape[0] + k - 1, y.shape[1] + k - 1))
    for a in range(k):
        for b in range(k):
            x[a : a + y.shape[0], b : b + y.shape[1]] += W[a, b] * y
    return x


@yours
def convolve_backward_window(dy, x, k):
    """Return the gradient of W (k, k): each weight has met x at many places."""
    dW = np.zeros((k, k))
    for a in range(k):
        for b in range(k):
            dW[a, b] = np.sum(dy * x[a : a + dy.shape[0], b : b + dy.shape[1]])
    return dW


# The checks


def _cases(generator):
    normal = generator.normal
    return {
        "one value, a window of 2x2": (np.ones((1, 1)), normal(size=(2, 2))),
        "3x4 values, a window of 2x2": (normal(size=(3, 4)), normal(size=(2, 2))),
        "a window of 3x3": (normal(size=(4, 2)), normal(size=(3, 3))),
    }


def _window_cases(generator):
    normal = generator.normal
    return {
        "a picture of 3x3": (normal(size=(2, 2)), normal(size=(3, 3)), 2),
        "a picture of 5x4": (normal(size=(3, 2)), normal(size=(5, 4)), 3),
        "a window of 1x1": (normal(size=(3, 3)), normal(size=(3, 3)), 1),
    }


def _adjoint(functions):
    generator = np.random.default_rng(4)
    x, y, W = (generator.normal(size=shape) for shape in ((6, 5), (4, 3), (3, 3)))
    left = float(np.sum(functions.get("convolve", convolve)(x, W) * y))
    right = float(np.sum(x * functions["convolve_transposed"](y, W)))
    same = abs(left - right) < 1e-9 * abs(left)
    return same, "right" if same else f"⟨A x, y⟩ is {left:.6g}, and ⟨x, Aᵀ y⟩ is {right:.6g}"


def _overwritten(y, W):
    k = len(W)
    x = np.zeros((y.shape[0] + k - 1, y.shape[1] + k - 1))
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            x[i : i + k, j : j + k] = W * y[i, j]
    return x


def _overwritten_by_shifts(y, W):
    k = len(W)
    x = np.zeros((y.shape[0] + k - 1, y.shape[1] + k - 1))
    for a in range(k):
        for b in range(k):
            x[a : a + y.shape[0], b : b + y.shape[1]] = W[a, b] * y
    return x


def _last_place(dy, x, k):
    return dy[-1, -1] * x[dy.shape[0] - 1 :, dy.shape[1] - 1 :]


def _by_differences(functions, y, W):
    x = np.zeros((y.shape[0] + len(W) - 1, y.shape[1] + len(W) - 1))
    return slope(lambda a: np.sum(y * functions.get("convolve", convolve)(a, W)), x)


EXERCISE = Exercise(
    (
        Part(
            convolve_transposed,
            _cases,
            {
                "you turned the window round: the stamp is W itself": lambda y, W: convolve_transposed(
                    y, W[::-1, ::-1]
                ),
                "you transposed the window: the transpose is that of A": lambda y, W: convolve_transposed(y, W.T),
                "stamps that overlap are added: each of yours replaces what is there": _overwritten,
                "what comes to the same place is added: yours replaces what is there": _overwritten_by_shifts,
            },
            _by_differences,
        ),
        Part(
            convolve_backward_window,
            _window_cases,
            {
                "you averaged over the places: they are added": lambda dy, x, k: (
                    convolve_backward_window(dy, x, k) / dy.size
                ),
                "only the last place is there: the contributions of all places are added": _last_place,
                "you turned the window round": lambda dy, x, k: convolve_backward_window(dy, x, k)[::-1, ::-1],
                "you transposed the window": lambda dy, x, k: convolve_backward_window(dy, x, k).T,
            },
        ),
    ),
    _adjoint,
    "⟨A x, y⟩ = ⟨x, Aᵀ y⟩",
)
