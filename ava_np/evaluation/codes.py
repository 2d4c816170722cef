"""What codes know of the classes of pictures, which no one told the model: by nearest neighbours, and by a linear map.

Shapes: N training and M test codes of L values, as ``model.encode`` returns them, and a label for each.
"""

import numpy as np

from ava_np.data.pictures import Progress
from ava_np.evaluation.arrays import Floats, squared_distances
from ava_np.network.blas import single_threaded_blas

RIDGES = tuple(10.0**exponent for exponent in range(-1, 6))
"""The weights of the ridge that are tried."""

_SMALLEST = 1e-12
"""Relative to the largest eigenvalue: below, it is rounding."""


def knn_accuracy(
    training: Floats,
    training_labels: np.ndarray,
    test: Floats,
    test_labels: np.ndarray,
    *,
    k: int = 1,
    progress: Progress | None = None,
) -> float:
    """Return the share of test codes whose k nearest training codes vote for their label.

    Distances are Euclidean. Of labels with as many votes, the smallest wins.

    Parameters
    ----------
    training : ndarray, (N, L)
        Codes of training pictures.
    training_labels : ndarray, (N,)
        Their labels.
    test : ndarray, (M, L)
        Codes of other pictures.
    test_labels : ndarray, (M,)
        Their labels.
    k : int
        Number of neighbours, 1 to N; Donahue et al. 2017 take 1.
    progress : callable, optional
        Called as ``progress(done, M)``.

    Returns
    -------
    float
        0 to 1; higher is better. Compare with the pixels themselves as codes.

    Raises
    ------
    ValueError
        If the shapes do not fit, a set is empty, or there are fewer than ``k`` training codes.

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.evaluation.codes import knn_accuracy
    >>> training, labels = np.array([[0.0], [1.0], [5.0]]), np.array(["a", "a", "b"])
    >>> knn_accuracy(training, labels, np.array([[0.2], [4.0], [4.5]]), np.array(["a", "b", "a"]))
    0.6666666666666666
    """
    _check(training, training_labels, test, test_labels)
    if not 1 <= k <= len(training):
        raise ValueError(f"k must be from 1 to {len(training)}, the number of training codes, not {k}")
    names, classes = np.unique(training_labels, return_inverse=True)
    centre = training.mean(axis=0, dtype=np.float64)
    right = 0
    with single_threaded_blas:
        for rows, squares in squared_distances(test - centre, training - centre):
            nearest = np.argpartition(squares, k - 1, axis=1)[:, :k]
            votes = np.apply_along_axis(np.bincount, 1, classes[nearest], minlength=len(names))
            right += int(np.count_nonzero(names[votes.argmax(axis=1)] == test_labels[rows]))
            if progress is not None:
                progress(min(rows.stop, len(test)), len(test))
    return right / len(test)


def linear_probe(training: Floats, training_labels: np.ndarray, test: Floats, test_labels: np.ndarray) -> float:
    """Return the share of test codes that a linear map of the codes gives their label.

    The map is the ridge regression of +1 for the label of a code and -1 for all others, on codes of mean 0 and variance
    1 over the training set; the largest output wins. The weight of the ridge is the one of ``RIDGES`` with the smallest
    leave-one-out error over the training codes (Allen 1974), which has a closed form as the map has. Linear probes are
    often logistic regressions (Alain and Bengio 2017); those find a little more.

    Parameters
    ----------
    training, training_labels, test, test_labels
        As for ``knn_accuracy``.

    Returns
    -------
    float
        0 to 1; higher is better. Compare with the pixels themselves as codes.

    Raises
    ------
    ValueError
        If the shapes do not fit, or a set is empty.

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.evaluation.codes import linear_probe
    >>> codes = np.random.default_rng(0).normal(size=(1000, 3))
    >>> labels = np.where(codes @ [1, -2, 0.5] > 0, "above", "below")
    >>> linear_probe(codes[:800], labels[:800], codes[800:], labels[800:]) > 0.95
    True
    """
    _check(training, training_labels, test, test_labels)
    names, classes = np.unique(training_labels, return_inverse=True)
    mean, deviation = training.mean(axis=0, dtype=np.float64), training.std(axis=0, dtype=np.float64)
    deviation[deviation == 0] = 1  # a value that is always the same says nothing
    targets = np.where(classes[:, None] == np.arange(len(names)), 1.0, -1.0)
    offset = targets.mean(axis=0)
    with single_threaded_blas:
        weights = _ridge_regression((training - mean) / deviation, targets - offset)
        outputs = ((test - mean) / deviation) @ weights + offset
    return float(np.mean(names[outputs.argmax(axis=1)] == test_labels))


def _ridge_regression(x: Floats, targets: Floats) -> Floats:
    """Return W (L, K) with the least ‖x W - targets‖² + λ ‖W‖², where both have mean 0, and λ the best of ``RIDGES``.

    With the eigenvectors V of xᵀx and its eigenvalues s, W = V (s + λ)⁻¹ (x V)ᵀ targets. The error at a code that is
    left out is its residual divided by 1 - h, with h the diagonal of x V (s + λ)⁻¹ (x V)ᵀ, and 1/N for the mean.
    """
    N, L = x.shape
    if L <= N:
        s, V = np.linalg.eigh(x.T @ x)
    else:  # the same from the smaller matrix: x xᵀ has these eigenvalues too
        s, V = np.linalg.eigh(x @ x.T)
    kept = s > _SMALLEST * max(s.max(), _SMALLEST)
    s, V = s[kept], V[:, kept]
    if L > N:
        V = x.T @ (V / np.sqrt(s))
    scores = x @ V
    projected = scores.T @ targets

    def left_out(ridge: float) -> float:
        residuals = targets - scores @ (projected / (s + ridge)[:, None])
        rest = 1 - 1 / N - np.square(scores) @ (1 / (s + ridge))
        return float(np.square(residuals / np.maximum(rest, _SMALLEST)[:, None]).sum())

    best = min(RIDGES, key=left_out)
    return np.asarray(V @ (projected / (s + best)[:, None]))


def _check(training: Floats, training_labels: np.ndarray, test: Floats, test_labels: np.ndarray) -> None:
    if not len(training) or not len(test):
        raise ValueError("there must be at least one training and one test code")
    if training.ndim != 2 or test.shape[1:] != training.shape[1:]:
        raise ValueError(f"codes of shapes {training.shape} and {test.shape}; both must be rows of as many values")
    if len(training_labels) != len(training) or len(test_labels) != len(test):
        raise ValueError("there must be a label for each code")
