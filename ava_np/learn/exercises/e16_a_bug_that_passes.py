"""16. A bug that the gradient check passes.

A gradient check proves that a gradient belongs to its objective. It does not prove that the objective is the right
one. If the same mistake is in both, every check by finite differences passes, and the model learns something else.

Take the divergence of exercise 8, and build a mistake of that kind into both functions: your gradient must agree
with your objective, and your objective must not be the divergence of N(μ, e^s) from N(0, 1). Programs with such
mistakes have been published; docs/manual/mistakes.md has some.

Then ask which test would have found yours. The checker answers with one.
"""

import numpy as np

from ava_np.learn.exercise import Exercise, slope, yours
from ava_np.learn.running import NOTHING, is_stub


@yours
def objective(mu, s):
    """Return a number that looks like the divergence, and is not."""
    return 0.5 * np.sum(np.expm1(s) + mu**2 - s) / mu.shape[1]


@yours
def gradient(mu, s):
    """Return the errors at mu and at s, of your objective."""
    return mu / mu.shape[1], 0.5 * np.expm1(s) / mu.shape[1]


# The checks


MU, S = np.array([[0.5, -1.0]]), np.array([[-1.0, 0.5]])


def _divergence(mu, s):
    """Return the divergence by its definition: the mean of log q(z) - log p(z) over z from q, by quadrature."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    z = mu[..., None] + np.exp(s / 2)[..., None] * nodes
    log_ratio = -(nodes**2) / 2 - s[..., None] / 2 + z**2 / 2
    return float(np.sum(log_ratio * weights / weights.sum()))


def _agree(one, other):
    return np.allclose(one, other, rtol=1e-5, atol=1e-7)


def _test(functions):
    objective, gradient = functions.get("objective"), functions.get("gradient")
    if not callable(objective) or not callable(gradient):
        return False, "objective and gradient are to be written"
    for function in (objective, gradient):
        if is_stub(function) and function(MU, S) is None:
            return False, f"{function.__name__}: {NOTHING}"
    generator, differs = np.random.default_rng(6), False
    for shape in ((1, 1), (3, 2), (2, 4)):
        mu, s = generator.normal(size=shape), generator.normal(size=shape)
        found = gradient(mu, s)
        by_mu, by_s = (slope(lambda a: objective(a, s), mu), slope(lambda a: objective(mu, a), s))  # noqa: B023
        if not isinstance(found, tuple | list) or len(found) != 2:
            return False, "gradient should return two arrays, the errors at mu and at s"
        if not all(_agree(one, other) for one, other in zip(found, (by_mu, by_s), strict=True)):
            return False, "the gradient check finds it: the gradient is not that of your objective"
        if not by_mu.any() or not by_s.any():
            return False, "that does not look like the divergence: it should depend on mu and on s"
        differs = differs or not (_agree(by_mu, mu) and _agree(by_s, 0.5 * np.expm1(s)))
    if not differs:
        constant = not _agree(objective(MU, S), _divergence(MU, S))
        return False, (
            "only a constant is added, and nothing else is learnt than before"
            if constant
            else "there is no bug: that is the divergence"
        )
    yours, divergence = float(objective(MU, S)), _divergence(MU, S)
    return True, (
        f"right, the gradient check passes. This test would have found it: at mu = {MU.tolist()}, s = {S.tolist()} the "
        f"mean of log q(z) - log p(z), which the divergence is, is {divergence:.4f}, and your objective {yours:.4f}"
    )


EXERCISE = Exercise((), _test)
