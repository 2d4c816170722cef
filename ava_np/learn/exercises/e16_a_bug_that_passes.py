"""16. A bug that the gradient check passes.

A gradient check proves that a gradient belongs to its objective. It does not prove that the objective is the right
one. If the same mistake is in both, every check by finite differences passes, and the model learns something else.

Take the divergence of exercise 8, and build a mistake of that kind into both functions: your gradient must agree
with your objective, and your objective must not be the divergence of N(μ, e^s) from N(0, 1). People have published
such programs. Then ask which test would have found yours: this exercise tells you one.
"""

import numpy as np

from ava_np.learn.exercise import Exercise, slope, yours


@yours
def objective(mu, s):
    """Return a number that looks like the divergence, and is not."""
    return 0.5 * np.sum(np.expm1(s) + mu**2 - s) / mu.shape[1]


@yours
def gradient(mu, s):
    """Return the errors at mu and at s, of your objective."""
    return mu / mu.shape[1], 0.5 * np.expm1(s) / mu.shape[1]


# The checks


def _divergence(mu, s):
    """Return the divergence by its definition: the mean of log q(z) - log p(z) over z from q, by quadrature."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    z = mu[..., None] + np.exp(s / 2)[..., None] * nodes
    log_ratio = -(nodes**2) / 2 - s[..., None] / 2 + z**2 / 2
    return float(np.sum(log_ratio * weights / weights.sum()))


def _test(functions):
    objective, gradient = functions.get("objective"), functions.get("gradient")
    if not callable(objective) or not callable(gradient):
        return "objective and gradient are to be written"
    generator, distances = np.random.default_rng(6), []
    for shape in ((1, 1), (3, 2), (2, 4)):
        mu, s = generator.normal(size=shape), generator.normal(size=shape)
        found = gradient(mu, s)
        if found is None or found is Ellipsis:
            return "it does nothing yet"
        by_mu = slope(lambda a: objective(a, s), mu)  # noqa: B023
        by_s = slope(lambda a: objective(mu, a), s)  # noqa: B023
        if not all(
            np.allclose(one, other, rtol=1e-5, atol=1e-7) for one, other in zip(found, (by_mu, by_s), strict=True)
        ):
            return "the gradient check finds it: the gradient is not that of your objective"
        distances.append(abs(objective(mu, s) - _divergence(mu, s)) / _divergence(mu, s))
    return "" if max(distances) > 1e-6 else "there is no bug: that is the divergence"


EXERCISE = Exercise((), _test)
