"""15. Rules (10) and (16), and the three ways into AVA5's encoder.

In AVA2 and AVA5 the paper treats the discriminator's output neuron d0 = d(x') as the cause of the decoded pixels.
It collects their biases x - x', as a hidden neuron collects the errors of the layer behind it, and adds to the rule
(7):

    Ψ ← Ψ + γ ( a_d'(d(x)) / d(x) - a_d'(d(x')) / (1 - d(x')) + a_d'(d0) Σ_i (x[i] - x'[i]) a_g'(x'[i]) )

Write the two errors at the logits t of d(x) and t_ of d(x'), for descent: minus the brackets, simplified. Rule (16)
is the same for Λ, with the linear neurons μ in place of the pixels: there a_f' = 1.

Then the encoder, with true gradients. The objective reaches it on three ways: from the divergence, at μ and s of x;
from the decoder's error dz, through z, at the same neurons; and from the encoding discriminator's logit T of μ(x'),
in the encoder's second application, where -log D is descended and the error goes through Λ's weights.
"""

import numpy as np

from ava_np.learn.exercise import Exercise, Part, slope, yours


@yours
def psi_errors(t, t_, x, x_):
    """Return the errors at t and t_ (batch, 1) by rule (10); the pixels x' are sigmoids."""
    d, d_ = 1 / (1 + np.exp(-t)), 1 / (1 + np.exp(-t_))
    collected = np.sum((x - x_) * x_ * (1 - x_), axis=1, keepdims=True)
    return d - 1, d_ - d_ * (1 - d_) * collected


@yours
def lambda_errors(T, T_, mu, mu_):
    """Return the errors at T and T_ (batch, 1) by rule (16), from the codes mu of x and mu_ of x'."""
    D, D_ = 1 / (1 + np.exp(-T)), 1 / (1 + np.exp(-T_))
    return D - 1, D_ - D_ * (1 - D_) * np.sum(mu - mu_, axis=1, keepdims=True)


@yours
def three_ways(mu, s, r, dz, T_, w):
    """Return errors at mu and s of x, and at mu of x'. Λ is one dense layer here, T_ = mu_ w + b, with w (numbers,)."""
    D_ = 1 / (1 + np.exp(-T_))
    return mu + dz, 0.5 * np.expm1(s) + 0.5 * dz * r * np.exp(s / 2), (D_ - 1) * w


# The checks


def _psi_cases(generator):
    normal, random = generator.normal, generator.random
    return {
        "one picture": (normal(size=(1, 1)), normal(size=(1, 1)), random((1, 3)), random((1, 3))),
        "4 pictures": (normal(size=(4, 1)), normal(size=(4, 1)), random((4, 5)), random((4, 5))),
        "a perfect copy, which leaves (7)": (
            normal(size=(1, 1)),
            normal(size=(1, 1)),
            np.full((1, 3), 0.5),
            np.full((1, 3), 0.5),
        ),
    }


def _lambda_cases(generator):
    normal = generator.normal
    return {
        "one picture": (normal(size=(1, 1)), normal(size=(1, 1)), normal(size=(1, 2)), normal(size=(1, 2))),
        "3 pictures": (normal(size=(3, 1)), normal(size=(3, 1)), normal(size=(3, 4)), normal(size=(3, 4))),
        "the same code, which leaves (13)": (
            normal(size=(1, 1)),
            normal(size=(1, 1)),
            np.ones((1, 2)),
            np.ones((1, 2)),
        ),
    }


def _encoder_cases(generator):
    normal = generator.normal

    def case(batch, numbers):
        return (*(normal(size=(batch, numbers)) for _ in range(4)), normal(size=(batch, 1)), normal(size=numbers))

    return {"one picture": case(1, 2), "3 pictures": case(3, 4), "a code of one number": case(2, 1)}


def _sigmoid(t):
    return 1 / (1 + np.exp(-t))


def _reverse(t, t_, collected):
    return _sigmoid(t) - 1, _sigmoid(t_) + _sigmoid(t_) * (1 - _sigmoid(t_)) * collected


def _by_differences(functions, mu, s, r, dz, T_, w):
    def kl_and_z(m, v):
        return 0.5 * np.sum(np.exp(v) + m**2 - 1 - v) + np.sum(dz * (m + np.exp(v / 2) * r))

    shift = np.zeros_like(mu)
    return (
        slope(lambda a: kl_and_z(a, s), mu),
        slope(lambda a: kl_and_z(mu, a), s),
        slope(lambda a: np.sum(np.logaddexp(0, -(T_ + (a @ w)[:, None]))), shift),
    )


EXERCISE = Exercise(
    (
        Part(
            psi_errors,
            _psi_cases,
            {
                "the collected errors have the other sign: the bracket ascends": lambda t, t_, x, x_: _reverse(
                    t, t_, np.sum((x - x_) * x_ * (1 - x_), axis=1, keepdims=True)
                ),
                "you forgot a_g', the slope of the pixels": lambda t, t_, x, x_: _reverse(
                    t, t_, -np.sum(x - x_, axis=1, keepdims=True)
                ),
                "that is rule (7), without the reverse-causal sum": lambda t, t_, x, x_: _reverse(t, t_, 0.0),
            },
        ),
        Part(
            lambda_errors,
            _lambda_cases,
            {
                "the collected errors have the other sign": lambda T, T_, mu, mu_: _reverse(
                    T, T_, np.sum(mu - mu_, axis=1, keepdims=True)
                ),
                "that is rule (13), without the reverse-causal sum": lambda T, T_, mu, mu_: _reverse(T, T_, 0.0),
                "μ is linear: it has no slope of a sigmoid": lambda T, T_, mu, mu_: _reverse(
                    T, T_, -np.sum((mu - mu_) * mu_ * (1 - mu_), axis=1, keepdims=True)
                ),
            },
        ),
        Part(
            three_ways,
            _encoder_cases,
            {
                "you dropped the way through z: that is rule (5)": lambda mu, s, r, dz, T_, w: (
                    mu,
                    0.5 * np.expm1(s),
                    (_sigmoid(T_) - 1) * w,
                ),
                "you passed Λ's error through weights of one, as (14) does": lambda mu, s, r, dz, T_, w: (
                    mu + dz,
                    0.5 * np.expm1(s) + 0.5 * dz * r * np.exp(s / 2),
                    np.tile(_sigmoid(T_) - 1, (1, len(w))),
                ),
                "that descends log(1 - D): -log D does not vanish where Λ is sure": lambda mu, s, r, dz, T_, w: (
                    mu + dz,
                    0.5 * np.expm1(s) + 0.5 * dz * r * np.exp(s / 2),
                    -_sigmoid(T_) * w,
                ),
            },
            _by_differences,
        ),
    )
)
