"""What codes know of the classes of pictures, which no one told the model: by nearest neighbours, and by a linear map.

Shapes: N training and M test codes of L values, as ``model.encode`` returns them, and a label for each.
"""

import numpy as np

from ava_np.data.pictures import Progress
from ava_np.evaluation.arrays import Floats, squared_distances
from ava_np.network.blas import single_threaded_blas


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


def linear_probe(
    training: Floats,
    training_labels: np.ndarray,
    test: Floats,
    test_labels: np.ndarray,
    *,
    ridge: float = 1.0,
) -> float:
    """Return the share of test codes that a linear map of the codes gives their label.

    The map is the ridge regression of +1 for the label of a code and -1 for all others, on codes of mean 0 and variance
    1 over the training set; the largest output wins. It has a closed form, so nothing is to be tuned.

    Parameters
    ----------
    training, training_labels, test, test_labels
        As for ``knn_accuracy``.
    ridge : float
        Weight of the squared norm of the map, positive.

    Returns
    -------
    float
        0 to 1; higher is better. Compare with the pixels themselves as codes.

    Raises
    ------
    ValueError
        If the shapes do not fit, a set is empty, or ``ridge`` is not positive.

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
    if not ridge > 0:
        raise ValueError(f"ridge must be positive, not {ridge}")
    names, classes = np.unique(training_labels, return_inverse=True)
    mean, deviation = training.mean(axis=0, dtype=np.float64), training.std(axis=0, dtype=np.float64)
    deviation[deviation == 0] = 1  # a value that is always the same says nothing
    targets = np.where(classes[:, None] == np.arange(len(names)), 1.0, -1.0)
    offset = targets.mean(axis=0)
    with single_threaded_blas:
        x = (training - mean) / deviation
        weights = _ridge_regression(x, targets - offset, ridge)
        outputs = ((test - mean) / deviation) @ weights + offset
    return float(np.mean(names[outputs.argmax(axis=1)] == test_labels))


def _ridge_regression(x: Floats, targets: Floats, ridge: float) -> Floats:
    """Return W (L, K) with the least ‖x W - targets‖² + ridge ‖W‖², from the smaller of two systems, L x L or N x N."""
    N, L = x.shape
    if L <= N:
        return np.asarray(np.linalg.solve(x.T @ x + ridge * np.eye(L), x.T @ targets))
    return np.asarray(x.T @ np.linalg.solve(x @ x.T + ridge * np.eye(N), targets))


def _check(training: Floats, training_labels: np.ndarray, test: Floats, test_labels: np.ndarray) -> None:
    if not len(training) or not len(test):
        raise ValueError("there must be at least one training and one test code")
    if training.ndim != 2 or test.shape[1:] != training.shape[1:]:
        raise ValueError(f"codes of shapes {training.shape} and {test.shape}; both must be rows of as many values")
    if len(training_labels) != len(training) or len(test_labels) != len(test):
        raise ValueError("there must be a label for each code")
