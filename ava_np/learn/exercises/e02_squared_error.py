"""2. Where an error is born: half the squared distance.

A network's output x' should be like the picture x. (The prime is a part of the name. It does not mean a derivative.)
Half the squared distance, ½ ‖x - x'‖², says how far it is. Its derivative by x' is the first error: from there all
others come.

The sum goes over all values of all pictures of the batch, and is not divided by their number.
"""

import numpy as np

from ava_np.learn.exercise import Exercise, Part, slope, yours


@yours
def squared_error(x_, x):
    """Return ½ ‖x - x'‖² as a number, summed over everything. x_ is x'; both are (batch, values)."""
    return 0.5 * np.sum((x - x_) ** 2)


@yours
def squared_error_backward(x_, x):
    """Return the error at x', (batch, values)."""
    return x_ - x


# The checks


def _cases(generator):
    return {
        "one value": (np.array([[0.75]]), np.array([[0.5]])),
        "2 pictures of 4 values": (generator.random((2, 4)), generator.random((2, 4))),
        "no difference in one of two": (np.array([[0.5, 1.0]]), np.array([[0.5, 0.0]])),
    }


EXERCISE = Exercise(
    (
        Part(
            squared_error,
            _cases,
            {
                "you forgot the half": lambda x_, x: np.sum((x - x_) ** 2),
                "you divided by the number of values: it is a plain sum": lambda x_, x: 0.5 * np.mean((x - x_) ** 2),
                "you divided by the number of pictures: it is a plain sum": lambda x_, x: (
                    0.5 * np.sum((x - x_) ** 2) / len(x)
                ),
                "square each difference before you add them up": lambda x_, x: 0.5 * np.sum(x - x_) ** 2,
            },
        ),
        Part(
            squared_error_backward,
            _cases,
            {
                "the sign is wrong: if x' is above x, more of it makes the error larger": lambda x_, x: x - x_,
                "you forgot the half, which the 2 of the derivative cancels": lambda x_, x: 2 * (x_ - x),
                "you divided by the number of values": lambda x_, x: (x_ - x) / x.size,
                "you divided by the number of pictures": lambda x_, x: (x_ - x) / len(x),
            },
            lambda functions, x_, x: slope(lambda a: functions["squared_error"](a, x), x_),
        ),
    )
)
