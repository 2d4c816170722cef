"""The geometric median: the point with the least sum of distances to given points, and so the floor of AVA (17)."""

import warnings

import numpy as np
from numpy.typing import NDArray

from ava_np.evaluation.arrays import Floats, chunks

_MAX_ITERATIONS = 500


def geometric_median(points: Floats, tolerance: float = 1e-7) -> Floats:
    """Return the point with the least sum of Euclidean distances to K points, for each of P sets of K points.

    For one channel, the ordinary median is the exact answer. Otherwise, each iteration makes one step of

        ((1 - s) H + s W I)⁻¹ R,   R = Σ_k u_k,   W = Σ_k 1/d_k,   H = Σ_k (I - u_k u_kᵀ)/d_k,

    where d_k is the distance from the current point y to x_k, and u_k is the unit vector from y towards x_k. s = 1
    is the step of Weiszfeld (1937). It cannot increase the sum of distances, but is slow if the points lie almost on
    a line, as the colours of palette pictures often do. s = 0 is Newton's step. s is a power of 1/8: the exponent
    increases by one after a step that decreases the sum, and decreases by one after any other step, which is undone.
    If y coincides with one of the x_k, u_k is undefined and the step is that of Vardi & Zhang (2000). Every fourth
    iteration also tries the x_k nearest to y in place of y, so a median that coincides with a point is found exactly.

    Convergence criterion: with g the shortest subgradient of the sum F at y, 2‖g‖/K ≤ ``tolerance``. This guarantees
    F - F* ≤ ``tolerance`` · F: by convexity F - F* ≤ ‖g‖ ‖y - y*‖, and by the triangle inequality
    K ‖y - y*‖ ≤ F + F* ≤ 2F. ‖g‖ is ‖R‖ minus the number of x_k that coincide with y, and at least 0. y is also final
    if rounding errors hide the remaining decrease, so that not even Weiszfeld's step decreases the sum. A median that
    has not converged after 500 iterations is returned as it is, with a ``RuntimeWarning``.

    Parameters
    ----------
    points : ndarray, (K, P, C)
        K points with C coordinates for each of P medians. The computation is in float64, in chunks over P.
    tolerance : float
        Largest relative excess of the sum of distances over its minimum.

    Returns
    -------
    ndarray, (P, C) float64
        The medians.

    Raises
    ------
    ValueError
        If ``points`` is not three-dimensional, is empty, or is not finite.

    References
    ----------
    E. Weiszfeld, Sur le point pour lequel la somme des distances de n points donnés est minimum, Tohoku Mathematical
    Journal 43, 1937.
    Y. Vardi and C.-H. Zhang, The multivariate L1-median and associated data depth, Proceedings of the National Academy
    of Sciences 97(4), 2000.

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.evaluation.geometric_median import geometric_median
    >>> points = np.array([[0.0, 0.0], [0.0, 1.0], [0.0, 10.0]])  # on a line, where the middle point is the median
    >>> geometric_median(points[:, None])
    array([[0., 1.]])
    """
    if points.ndim != 3 or 0 in points.shape or not np.isfinite(points).all():
        raise ValueError(f"points must be finite, not empty and of shape (K, P, C), not {points.shape}")
    K, P, C = points.shape
    medians = np.empty((P, C))
    for chunk in chunks(P, values_each=K):
        if C == 1:
            medians[chunk] = np.median(points[:, chunk].astype(np.float64), axis=0)
        else:
            medians[chunk] = _descend(points[:, chunk], tolerance)
    return medians


def _descend(points: Floats, tolerance: float) -> Floats:
    """Compute ``geometric_median`` of one chunk, C > 1."""
    # With the coordinates first, sums over C or K are sums of long contiguous rows.
    x: Floats = np.ascontiguousarray(points.transpose(2, 0, 1), dtype=np.float64)
    C, K, P = x.shape
    medians = np.empty((C, P))
    active = np.arange(P)  # indices of the medians that have not converged: the columns of x and y
    y: Floats = x.mean(axis=1)
    difference, d = _differences(x, y)
    exponent = np.full(P, 7)  # s = 8^-exponent
    rounding = 8 * np.finfo(np.float64).eps * np.abs(x).max(axis=(0, 1))  # points closer than this coincide
    for iteration in range(_MAX_ITERATIONS):
        if iteration % 4 == 0:
            nearest = x[:, d.argmin(axis=0), np.arange(len(active))]
            y, difference, d, _ = _better((y, difference, d), (nearest, *_differences(x, nearest)))
        on_point = d <= rounding
        coinciding = on_point.sum(axis=0)
        inverse = np.divide(1.0, d, out=np.zeros_like(d), where=~on_point)
        u = difference * inverse
        R = u.sum(axis=1)
        length = np.sqrt((R * R).sum(axis=0))
        gradient = np.maximum(length - coinciding, 0)

        medians[:, active] = y
        unconverged = (2 * gradient > tolerance * K) & (exponent >= 0)
        if not unconverged.all():
            if not unconverged.any():
                return medians.T
            active, exponent, rounding, coinciding, length, gradient = (
                a[unconverged] for a in (active, exponent, rounding, coinciding, length, gradient)
            )
            x, y, difference, d, inverse, u, R = (a[..., unconverged] for a in (x, y, difference, d, inverse, u, R))

        W = inverse.sum(axis=0)
        matrix = np.einsum("ikp,jkp->pij", u * inverse, u) * (8.0**-exponent - 1)[:, None, None]
        matrix[:, range(C), range(C)] += W[:, None]
        newton = np.linalg.solve(matrix, R.T[..., None])[..., 0].T
        vardi_zhang = R * (gradient / (length * W))
        stepped = y + np.where(coinciding == 0, newton, vardi_zhang)
        y, difference, d, decreased = _better((y, difference, d), (stepped, *_differences(x, stepped)))
        exponent = np.where(decreased, np.minimum(exponent + 1, 10), exponent - 1)
    warnings.warn(f"{len(active)} geometric medians have not converged", RuntimeWarning, stacklevel=3)
    return medians.T


def _differences(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return the vectors (C, K, P) from y (C, P) to each of its points x (C, K, P), and their lengths (K, P)."""
    difference = x - y[:, None]
    return difference, np.sqrt(np.einsum("ckp,ckp->kp", difference, difference))


_Iterate = tuple[Floats, Floats, Floats]
"""y, and the vectors and distances from it to its points."""


def _better(old: _Iterate, new: _Iterate) -> tuple[Floats, Floats, Floats, NDArray[np.bool_]]:
    """For each median, return the new iterate if its sum of distances is less, else the old one; and which are new."""
    decreased = new[2].sum(axis=0) < old[2].sum(axis=0)
    y, difference, d = (np.where(decreased, b, a) for a, b in zip(old, new, strict=True))
    return y, difference, d, decreased
