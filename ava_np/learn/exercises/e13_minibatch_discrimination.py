"""13. Minibatch discrimination: every pair of pictures.

A generative adversarial network (GAN) makes pictures that a discriminator should take for real. If it always makes the
same picture, a discriminator that sees one at a time cannot notice. So this layer gives each picture one number: how
similar it is to the others of its batch (Salimans et al. 2016). Picture b has a row M[b] of numbers, and gets

    o[b] = Σ over c ≠ b of exp(-‖M[b] - M[c]‖₁)

where ‖·‖₁ is the sum of absolute values. A row is in the terms of its own o and in those of everybody else's. So
the error at M[b] has both do[b] and do[c] in it. (Where two numbers are equal, take 0 for the slope of |·|.)
"""

import numpy as np

from ava_np.learn.exercise import Exercise, Part, slope, yours


def similarity(M):
    """Return o (batch,) of M (batch, numbers)."""
    distances = np.abs(M[:, None] - M[None]).sum(2)
    return np.exp(-distances).sum(1) - 1


@yours
def similarity_backward(do, M):
    """Return the error at M (batch, numbers), from the error do (batch,) at o."""
    difference = M[:, None] - M[None]
    pairs = np.exp(-np.abs(difference).sum(2)) * (do[:, None] + do[None])
    return -(pairs[:, :, None] * np.sign(difference)).sum(1)


# The checks


def _cases(generator):
    normal = generator.normal
    return {
        "two pictures, one number": (np.array([1.0, 0.5]), np.array([[0.0], [0.25]])),
        "5 pictures, 3 numbers": (normal(size=5), normal(size=(5, 3))),
        "alone in its batch": (np.array([2.0]), normal(size=(1, 3))),
        "far apart": (normal(size=3), np.array([[0.0, 0.0], [500.0, 0.0], [0.0, 900.0]])),
    }


def _own_only(do, M):
    difference = M[:, None] - M[None]
    pairs = np.exp(-np.abs(difference).sum(2)) * do[:, None]
    return -(pairs[:, :, None] * np.sign(difference)).sum(1)


def _others_only(do, M):
    difference = M[:, None] - M[None]
    pairs = np.exp(-np.abs(difference).sum(2)) * do[None]
    return -(pairs[:, :, None] * np.sign(difference)).sum(1)


def _no_sign(do, M):
    difference = M[:, None] - M[None]
    pairs = np.exp(-np.abs(difference).sum(2)) * (do[:, None] + do[None])
    return -(pairs[:, :, None] * difference).sum(1)


EXERCISE = Exercise(
    (
        Part(
            similarity_backward,
            _cases,
            {
                "you forgot that a picture is in the others' sums as well: do[c] belongs to the pair, too": _own_only,
                "you forgot a picture's own sum: do[b] belongs to the pair, too": _others_only,
                "the derivative of |a| is its sign": _no_sign,
                "the sign is wrong: moving away makes two pictures less alike": lambda do, M: (
                    -similarity_backward(do, M)
                ),
            },
            lambda functions, do, M: slope(lambda a: np.sum(do * functions.get("similarity", similarity)(a)), M),
        ),
    )
)
