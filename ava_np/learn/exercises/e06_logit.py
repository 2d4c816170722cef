"""6. A discriminator's two terms, alive at every logit.

A discriminator is a network that gives one number t for a picture, its logit. d = sigmoid(t) is its probability that
the picture is real. Its terms are log d for a real picture and log(1 - d) for a fake one.

At t = 800, d rounds to 1, and log(1 - d) would be the logarithm of 0: the formula is dead there, and no error comes
back. So compute both terms from t. log d = -log(1 + e^-t), and 1 - d = sigmoid(-t). np.logaddexp(0, a) is log(1 +
e^a) without overflow.

Their derivatives by t are simple. But write them so that they keep their digits: at t = 40, the derivative of log d is
4e-18, and 1 - d, if you compute d first, is 0. (What is the logarithm of the derivative?)
"""

import numpy as np

from ava_np.learn.exercise import Exercise, Part, slope, yours


@yours
def log_real(t):
    """Return log d of each logit."""
    return -np.logaddexp(0, -t)


@yours
def log_fake(t):
    """Return log(1 - d) of each logit."""
    return -np.logaddexp(0, t)


@yours
def log_real_slope(t):
    """Return the derivative of log d by t."""
    return np.exp(-np.logaddexp(0, t))  # 1 - d = 1 / (1 + e^t), and a / is e^-log


@yours
def log_fake_slope(t):
    """Return the derivative of log(1 - d) by t."""
    return -np.exp(-np.logaddexp(0, -t))


# The checks


def _cases(generator):
    return {
        "one logit": (np.array([0.3]),),
        "a batch": (generator.normal(size=(4, 1)) * 3,),
        "very sure, ±800": (np.array([800.0, -800.0]),),
    }


def _slope_cases(generator):
    return {**_cases(generator), "sure, ±40, where the answer is small": (np.array([40.0, -40.0]),)}


def _d(t):
    return 1 / (1 + np.exp(-t))


EXERCISE = Exercise(
    (
        Part(log_real, _cases, {"that is log(1 - d)": log_fake, "the sign is wrong": lambda t: -log_real(t)}),
        Part(log_fake, _cases, {"that is log d": log_real, "the sign is wrong": lambda t: -log_fake(t)}),
        Part(
            log_real_slope,
            _slope_cases,
            {
                "that is 1 / d, the derivative by d: the chain rule goes on to t": lambda t: 1 / _d(t),
                "that is d (1 - d), the slope of the sigmoid alone": lambda t: _d(t) * (1 - _d(t)),
                "that is d: the more real it looks already, the less there is to gain": _d,
                "1 - d loses its digits where d is nearly 1: it is sigmoid(-t)": lambda t: 1 - _d(t),
            },
            lambda functions, t: slope(lambda a: np.sum(functions["log_real"](a)), t),
            counts_small=True,
        ),
        Part(
            log_fake_slope,
            _slope_cases,
            {
                "the sign is wrong: log(1 - d) falls as t grows": lambda t: -log_fake_slope(t),
                "that is -d (1 - d), without the slope of the logarithm": lambda t: -_d(t) * (1 - _d(t)),
            },
            lambda functions, t: slope(lambda a: np.sum(functions["log_fake"](a)), t),
            counts_small=True,
        ),
    )
)
