"""14. Rule (6) of the AVA paper, and why it is no gradient.

In the paper "Adversarial Variational Autoencoders" (AVA) a decoder makes x'. It should be like x, and a discriminator d
should call it real: the objective is ½ ‖x - x'‖² + log(1 - d(x')). The paper moves the decoder's parameters Φ by

    Φ ← Φ + γ ( (x[i] - x'[i]) + slope_d / (1 - d(x')) ) slope_g[i]

Here γ is the size of a step, slope_d the slope of the discriminator's sigmoid, d (1 - d), and slope_g that of the
decoder's output neurons. So the discriminator's error comes to every pixel as it is, without its weights, as if they
were all 1. (The paper writes a_d' and a_g' for the slopes. docs/paper/ava.md goes through it equation by equation.)

1. The bracket is added, so it ascends. Write the error at x' that is descended: minus the bracket, simplified, from
the logit t of d(x'). slope_g stands outside of the bracket, and does not belong to it.

2. Is that the gradient of some function? Then its Jacobian would be symmetric: the derivative of v[i] by x'[j] would
be that of v[j] by x'[i]. Take a discriminator whose logit is t = Σ w[i] x'[i], and v[i] = d(x'), which is what the
rule adds at pixel i, the same for every i. Write its Jacobian minus the transpose. For which w is it 0?
"""

import numpy as np

from ava_np.learn.exercise import Exercise, Part, slope, yours


@yours
def decoder_error(x, x_, t):
    """Return the error at x' by rule (6), (batch, values); t (batch, 1) is the discriminator's logit."""
    return x_ - x - 1 / (1 + np.exp(-t))


@yours
def asymmetry(x_, w):
    """Return J - Jᵀ (values, values), with J[i, j] the derivative of v[i] = d(x') by x'[j], for one x' (values,)."""
    d = 1 / (1 + np.exp(-(x_ @ w)))
    J = np.tile(d * (1 - d) * w, (len(w), 1))
    return J - J.T  # d (1 - d) (w[j] - w[i]): 0 if all weights are equal, so in general no gradient


# The checks


def _cases(generator):
    random = generator.random
    return {
        "one picture": (random((1, 3)), random((1, 3)), np.array([[0.4]])),
        "3 pictures": (random((3, 4)), random((3, 4)), generator.normal(size=(3, 1))),
        "a discriminator that is sure": (random((1, 2)), random((1, 2)), np.array([[-700.0]])),
    }


def _fields(generator):
    return {
        "2 values": (generator.random(2), generator.normal(size=2)),
        "4 values": (generator.random(4), generator.normal(size=4)),
        "all weights equal, where it is a gradient": (generator.random(3), np.full(3, 0.5)),
    }


def _d(t):
    return 1 / (1 + np.exp(-t))


def _by_differences(functions, x_, w):
    J = np.array([slope(lambda a: 1 / (1 + np.exp(-(a @ w))), x_) for _ in w])
    return J - J.T


EXERCISE = Exercise(
    (
        Part(
            decoder_error,
            _cases,
            {
                "that is the bracket, which ascends: the error that is descended is minus it": lambda x, x_, t: (
                    x - x_ + _d(t)
                ),
                "you multiplied by the slope of the pixels, which stands outside of the bracket": lambda x, x_, t: (
                    (x_ - x - _d(t)) * x_ * (1 - x_)
                ),
                "you kept slope_d = d (1 - d): divide it by 1 - d": lambda x, x_, t: x_ - x - _d(t) * (1 - _d(t)),
                "the discriminator's part has the other sign: it makes pixels brighter": lambda x, x_, t: (
                    x_ - x + _d(t)
                ),
                "you divided by d, as for a real picture": lambda x, x_, t: x_ - x - (1 - _d(t)),
            },
        ),
        Part(
            asymmetry,
            _fields,
            {
                "you forgot the slope of the sigmoid, d (1 - d)": lambda x_, w: (
                    np.tile(w, (len(w), 1)) - np.tile(w, (len(w), 1)).T
                ),
                "that is the transpose minus the Jacobian": lambda x_, w: -asymmetry(x_, w),
            },
            _by_differences,
        ),
    )
)
