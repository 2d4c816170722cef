"""12. Convolution, and its transpose.

A convolution slides a window W over a picture x: y[i, j] = Σ_ab x[i + a, j + b] W[a, b]. It is linear, y = A x,
with a large matrix A that nobody writes down. Its error goes back by the transpose, dx = Aᵀ dy, and a decoder that
enlarges pictures uses Aᵀ as a layer.

What is Aᵀ y, without A? The output at (i, j) has read x[i + a, j + b] with the weight W[a, b], so it gives back
y[i, j] W[a, b] to that place: it stamps W, times y[i, j], onto the picture, and stamps that overlap are added. The
test of a transpose is ⟨A x, y⟩ = ⟨x, Aᵀ y⟩ for every x and y.
"""

import numpy as np

from ava_np.learn.exercise import Exercise, Part, slope, yours


def convolve(x, W):
    """Return y (H - k + 1, B - k + 1) of a picture x (H, B) and a window W (k, k)."""
    k = len(W)
    y = np.zeros((x.shape[0] - k + 1, x.shape[1] - k + 1))
    for a in range(k):
        for b in range(k):
            y += W[a, b] * x[a : a + y.shape[0], b : b + y.shape[1]]
    return y


@yours
def convolve_transposed(y, W):
    """Return Aᵀ y, a picture (H, B), from y (H - k + 1, B - k + 1) and W (k, k)."""
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
    return "" if abs(left - right) < 1e-9 * abs(left) else f"⟨A x, y⟩ is {left:.6g}, and ⟨x, Aᵀ y⟩ is {right:.6g}"


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
            },
        ),
    ),
    _adjoint,
)
