"""8. The divergence that keeps codes together.

An autoencoder turns a picture into a few numbers, its code, and the code back into a picture. A variational
autoencoder (VAE) gives a picture not a code but a Gaussian of codes: for each number of the code a mean μ and a
variance σ² = e^s. It is drawn towards N(0, 1), the prior, by the Kullback-Leibler divergence, summed over the numbers
of the code and over the batch:

    KL = ½ Σ (e^s + μ² - 1 - s)

It is 0 for μ = 0, s = 0, and larger everywhere else. (s is the logarithm of the variance, not of the deviation.)
"""

import numpy as np

from ava_np.learn.exercise import Exercise, Part, slope, yours


@yours
def kl(mu, s):
    """Return the divergence as a number, from mu and s, both (batch, numbers)."""
    return 0.5 * np.sum(np.expm1(s) + mu**2 - s)  # expm1(s) is e^s - 1, with all digits near s = 0


@yours
def kl_backward(mu, s):
    """Return the errors at mu and at s."""
    return mu, 0.5 * np.expm1(s)


# The checks


def _cases(generator):
    return {
        "one number": (np.array([[0.5]]), np.array([[-1.0]])),
        "3 pictures, 2 numbers": (generator.normal(size=(3, 2)), generator.normal(size=(3, 2))),
        "the prior itself, and one beside it": (np.array([[0.0, 1.0]]), np.zeros((1, 2))),
    }


EXERCISE = Exercise(
    (
        Part(
            kl,
            _cases,
            {
                "you averaged over the numbers of the code: its weight would depend on their count": lambda mu, s: (
                    kl(mu, s) / mu.shape[1]
                ),
                "you averaged over the batch: it is a sum": lambda mu, s: kl(mu, s) / mu.shape[0],
                "you took s for the logarithm of the deviation": lambda mu, s: kl(mu, 2 * s),
                "you forgot the half": lambda mu, s: 2 * kl(mu, s),
            },
        ),
        Part(
            kl_backward,
            _cases,
            {
                "the error at s is half of that": lambda mu, s: (mu, np.expm1(s)),
                "that is the error at σ², which has to be multiplied by dσ²/ds = σ²": lambda mu, s: (
                    mu,
                    0.5 * (1 - np.exp(-s)),
                ),
                "you forgot the 1: at μ = 0, s = 0 nothing pulls": lambda mu, s: (mu, 0.5 * np.exp(s)),
                "the order is mu, s": lambda mu, s: (0.5 * np.expm1(s), mu),
            },
            lambda functions, mu, s: (
                slope(lambda a: functions["kl"](a, s), mu),
                slope(lambda a: functions["kl"](mu, a), s),
            ),
            returns=("dmu", "ds"),
        ),
    )
)
