"""11. Batch normalisation: three ways back, and then one line.

Each column of x is normalised over the batch: x̂ = (x - m) / √(v + ε), with the column's mean m and variance v. An
x acts on the objective in three ways: directly, through the mean, and through the variance, which the whole batch
shares.

Write the three ways one after the other, from the error dy at y = x̂. On the way through the variance, note that m
drops out: Σ (x - m) = 0. Then simplify on paper until one line is left:

    dx = (dy - mean(dy) - x̂ mean(dy x̂)) / √(v + ε)

The means go over the batch, column by column. (docs/kernels/batch_norm.md has the derivation.)
"""

import numpy as np

from ava_np.learn.exercise import Exercise, Part, slope, yours

EPSILON = 1e-5


def normalise(x):
    """Return y = x̂ of x (batch, columns)."""
    return (x - x.mean(0)) / np.sqrt(x.var(0) + EPSILON)


@yours
def three_ways(dy, x):
    """Return three errors at x, (batch, columns) each: directly, through the mean, through the variance."""
    count, deviation = len(x), np.sqrt(x.var(0) + EPSILON)
    centred = x - x.mean(0)
    direct = dy / deviation
    through_mean = np.tile(-direct.sum(0) / count, (count, 1))
    dv = np.sum(dy * centred, axis=0) * -0.5 / deviation**3
    through_variance = dv * 2 * centred / count
    return direct, through_mean, through_variance


@yours
def one_line(dy, x):
    """Return the error at x, (batch, columns), from x̂."""
    deviation, x_hat = np.sqrt(x.var(0) + EPSILON), normalise(x)
    return (dy - dy.mean(0) - x_hat * np.mean(dy * x_hat, axis=0)) / deviation


# The checks


def _cases(generator):
    normal = generator.normal
    return {
        "4 pictures, 2 columns": (normal(size=(4, 2)), normal(size=(4, 2))),
        "2 pictures": (normal(size=(2, 3)), normal(size=(2, 3))),
        "far from 0": (normal(size=(5, 2)), normal(size=(5, 2)) + 100),
        "the same error everywhere, which changes nothing": (np.ones((4, 2)), normal(size=(4, 2))),
    }


def _changed(mistake):
    """Return the three ways with one of them changed."""

    def changed(dy, x):
        ways = dict(zip(("direct", "mean", "variance"), three_ways(dy, x), strict=True))
        return tuple({**ways, **mistake(dy, x, **ways)}.values())

    return changed


def _one_column(dy, x):
    deviation, x_hat = np.sqrt(x.var(0) + EPSILON), normalise(x)
    return (dy - dy.mean() - x_hat * np.mean(dy * x_hat)) / deviation


def _direct_only(dy, x):
    direct, mean, variance = three_ways(dy, x)
    return direct, np.zeros_like(mean), np.zeros_like(variance)


EXERCISE = Exercise(
    (
        Part(
            three_ways,
            _cases,
            {
                "only the direct way is there: mean and variance are not constants": _direct_only,
                "the way through the mean is divided by the batch": _changed(
                    lambda dy, x, mean, **_: {"mean": mean * len(x)}
                ),
                "give each way alone: you added each to those before it": _changed(
                    lambda dy, x, direct, mean, variance: {
                        "mean": direct + mean,
                        "variance": direct + mean + variance,
                    }
                ),
                "the variance divides by the batch, and not by one less": _changed(
                    lambda dy, x, variance, **_: {"variance": variance * len(x) / (len(x) - 1)}
                ),
            },
            returns=("direct", "through the mean", "through the variance"),
        ),
        Part(
            one_line,
            _cases,
            {
                "mean and variance are not constants: that is the direct way alone": lambda dy, x: three_ways(dy, x)[0],
                "the way through the variance is missing": lambda dy, x: sum(three_ways(dy, x)[:2]),
                "the way through the mean is missing": lambda dy, x: sum(three_ways(dy, x)[::2]),
                "the means go over the batch, column by column: .mean(0)": _one_column,
            },
            lambda functions, dy, x: slope(lambda a: np.sum(dy * functions.get("normalise", normalise)(a)), x),
        ),
    ),
)
