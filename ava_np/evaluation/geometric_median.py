"""The geometric median: the point with the least sum of distances to others, and so the floor of AVA (17)."""

import warnings
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

_CHUNK_VALUES = 1 << 16  # in one working array: enough to hide NumPy's overhead, few enough for the cache
_MAX_ROUNDS = 500


def geometric_median(points: Floats, tolerance: float = 1e-7) -> Floats:
    """The point with the least sum of Euclidean distances to K points, for P sets of K points at once.

    One channel has the ordinary median as its exact answer. Otherwise each round makes one step of

        ((1 - s) H + s W I)⁻¹ R,   R = Σ_k u_k,   W = Σ_k 1/d_k,   H = Σ_k (I - u_k u_kᵀ)/d_k,

    where d_k is the distance from the present point y to x_k, and u_k the unit vector towards it. s = 1 is
    the step of Weiszfeld (1937), which cannot raise the sum but crawls where the points lie almost on a
    line, as the colours of palette pictures often do; s = 0 is Newton's. s is a power of 1/8: one higher
    after a step that lowers the sum, one lower after a step that does not, which is undone. On one of the
    x_k, where u_k is undefined, the step is that of Vardi & Zhang (2000). Every fourth round tries the x_k
    nearest to y in place of y, so that a median that is one of the points is met exactly.

    Convergence rule: with g the shortest subgradient of the sum F at y, 2‖g‖/K ≤ `tolerance`. It certifies
    that F - F* ≤ `tolerance` · F, for convexity gives F - F* ≤ ‖g‖ ‖y - y*‖, and the triangle inequality
    K ‖y - y*‖ ≤ F + F* ≤ 2F. ‖g‖ is ‖R‖ less the number of x_k that coincide with y, and at least 0. Where
    rounding hides the last gains, so that not even Weiszfeld's step lowers the sum, y is final too. A
    median that is not final after 500 rounds is returned as it is, with a RuntimeWarning.

    Parameters
    ----------
    points : array (K, P, C)
        K points of C coordinates for each of P medians. Worked on in float64, in chunks over P.
    tolerance : float
        Greatest relative excess of the sum of distances over its least value.

    Returns
    -------
    array (P, C), float64

    Raises
    ------
    ValueError
        If the array is not three-dimensional, has no points, or is not finite.
    """
    if points.ndim != 3 or 0 in points.shape or not np.isfinite(points).all():
        raise ValueError(f"points must be finite, not empty and of shape (K, P, C), not {points.shape}")
    K, P, C = points.shape
    medians = np.empty((P, C))
    for part in chunks(P, values_each=K):
        if C == 1:
            medians[part] = np.median(points[:, part].astype(np.float64), axis=0)
        else:
            medians[part] = _descend(points[:, part], tolerance)
    return medians


def _descend(points: Floats, tolerance: float) -> Floats:
    """`geometric_median` of one chunk, C > 1."""
    # Coordinates first: a sum over C or K is then a sum of long contiguous rows.
    x: Floats = np.ascontiguousarray(points.transpose(2, 0, 1), dtype=np.float64)
    C, K, P = x.shape
    medians = np.empty((C, P))
    still = np.arange(P)  # which medians the columns of x and y belong to
    y: Floats = x.mean(axis=1)
    away, d = _apart(x, y)
    power = np.full(P, 7)  # s is 8 to the minus this
    rounding = 8 * np.finfo(np.float64).eps * np.abs(x).max(axis=(0, 1))  # closer than this, points coincide
    for rounds in range(_MAX_ROUNDS):
        if rounds % 4 == 0:
            nearest = x[:, d.argmin(axis=0), np.arange(len(still))]
            y, away, d, _ = _better((y, away, d), (nearest, *_apart(x, nearest)))
        on_point = d <= rounding
        coinciding = on_point.sum(axis=0)
        inverse = np.divide(1.0, d, out=np.zeros_like(d), where=~on_point)
        u = away * inverse
        R = u.sum(axis=1)
        pull = np.sqrt((R * R).sum(axis=0))
        gradient = np.maximum(pull - coinciding, 0)

        medians[:, still] = y
        going = (2 * gradient > tolerance * K) & (power >= 0)
        if not going.all():
            if not going.any():
                return medians.T
            still, power, rounding, coinciding, pull, gradient = (
                a[going] for a in (still, power, rounding, coinciding, pull, gradient)
            )
            x, y, away, d, inverse, u, R = (a[..., going] for a in (x, y, away, d, inverse, u, R))

        W = inverse.sum(axis=0)
        blend = np.einsum("ikp,jkp->pij", u * inverse, u) * (8.0**-power - 1)[:, None, None]
        blend[:, range(C), range(C)] += W[:, None]
        newton = np.linalg.solve(blend, R.T[..., None])[..., 0].T
        vardi_zhang = R * (gradient / (pull * W))
        stepped = y + np.where(coinciding == 0, newton, vardi_zhang)
        y, away, d, lower = _better((y, away, d), (stepped, *_apart(x, stepped)))
        power = np.where(lower, np.minimum(power + 1, 10), power - 1)
    warnings.warn(f"{len(still)} geometric medians have not converged", RuntimeWarning, stacklevel=3)
    return medians.T


def _apart(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Vectors (C, K, P) from y (C, P) to each of its points x (C, K, P), and their lengths (K, P)."""
    away = x - y[:, None]
    return away, np.sqrt(np.einsum("ckp,ckp->kp", away, away))


_Place = tuple[Floats, Floats, Floats]


def _better(old: _Place, new: _Place) -> tuple[Floats, Floats, Floats, NDArray[np.bool_]]:
    """For each median, the new (y, away, d) where its sum of distances is less, else the old; and where."""
    lower = new[2].sum(axis=0) < old[2].sum(axis=0)
    y, away, d = (np.where(lower, b, a) for a, b in zip(old, new, strict=True))
    return y, away, d, lower


def chunks(count: int, values_each: int) -> Iterator[slice]:
    """Slices that cover `count` items in order, each of about `_CHUNK_VALUES` values."""
    size = max(1, _CHUNK_VALUES // values_each)
    return (slice(start, start + size) for start in range(0, count, size))
