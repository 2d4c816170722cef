"""15. Rules (10) and (16), and three ways into AVA5's encoder.

The paper of exercise 14 has two discriminators: d with parameters Ψ judges pictures, and D with parameters Λ judges
codes, the means μ(x) of a picture and μ(x') of a decoded one. In AVA2 and AVA5 d learns more than a discriminator
does. The paper takes its output neuron d(x') for a cause of the decoded pixels: it collects their differences
x - x', as a hidden neuron collects the errors of the layer behind it. Rule (10):

    Ψ ← Ψ + γ ( slope_d(x) / d(x) - slope_d(x') / (1 - d(x')) + slope_d(x') Σ_i (x[i] - x'[i]) slope_g[i] )

Without its last term it is rule (7), that of any discriminator. slope_d(x) is d(x) (1 - d(x)), and slope_g[i] =
x'[i] (1 - x'[i]). Rule (16) is the same for the codes, whose neurons are linear: their slope is 1.

    Λ ← Λ + γ ( slope_D(x) / D(x) - slope_D(x') / (1 - D(x')) + slope_D(x') Σ_j (μ(x)[j] - μ(x')[j]) )

1. and 2. Write the errors at the logits, t and T for x, t_ and T_ for x'. They descend: minus the bracket,
simplified. The first term of a bracket belongs to the logit for x, the other two to that for x'.

3. The encoder, with true gradients. Three ways lead into it: from the divergence, at μ and s of x (exercise 8); from
the decoder's error dz, through z, at the same neurons (exercise 9), where the two are added; and from D. The encoder
is applied to x' as well, gives μ(x'), and wants D to call it real: -log D(x') is descended. That error goes back from
T_ through D's weights w.

docs/paper/ava.md has all equations, and docs/glossary.md all letters.
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
def encoder_errors(mu, s, r, dz, T_, w):
    """Return the errors at mu and s of x, and at mu_ of x'. D is one dense layer: T_ = mu_ w + b, w is (numbers,)."""
    D_ = 1 / (1 + np.exp(-T_))
    return mu + dz, 0.5 * np.expm1(s) + 0.5 * dz * r * np.exp(s / 2), (D_ - 1) * w


# The checks


def _psi_cases(generator):
    normal, random = generator.normal, generator.random
    return {
        "one picture": (normal(size=(1, 1)), normal(size=(1, 1)), random((1, 3)), random((1, 3))),
        "4 pictures": (normal(size=(4, 1)), normal(size=(4, 1)), random((4, 5)), random((4, 5))),
        "a perfect copy, which leaves rule (7)": (
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
        "the same code, which leaves no sum": (
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


def _encoder(at_code=None, at_T=None):
    """Return the encoder's errors with a mistake at mu and s, or at mu_."""

    def mistaken(mu, s, r, dz, T_, w):
        dmu, ds, dmu_ = encoder_errors(mu, s, r, dz, T_, w)
        if at_code is not None:
            dmu, ds = at_code(mu=mu, s=s, r=r, dz=dz, dmu=dmu, ds=ds)
        return dmu, ds, dmu_ if at_T is None else at_T(_sigmoid(T_), w)

    return mistaken


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
                "you forgot slope_d in the sum": lambda t, t_, x, x_: (
                    _sigmoid(t) - 1,
                    _sigmoid(t_) - np.sum((x - x_) * x_ * (1 - x_), axis=1, keepdims=True),
                ),
                "you forgot slope_g, the slope of the pixels": lambda t, t_, x, x_: _reverse(
                    t, t_, -np.sum(x - x_, axis=1, keepdims=True)
                ),
                "that is rule (7), without the sum": lambda t, t_, x, x_: _reverse(t, t_, 0.0),
            },
            returns=("dt", "dt_"),
        ),
        Part(
            lambda_errors,
            _lambda_cases,
            {
                "the collected errors have the other sign": lambda T, T_, mu, mu_: _reverse(
                    T, T_, np.sum(mu - mu_, axis=1, keepdims=True)
                ),
                "the sum is missing": lambda T, T_, mu, mu_: _reverse(T, T_, 0.0),
                "you forgot slope_D in the sum": lambda T, T_, mu, mu_: (
                    _sigmoid(T) - 1,
                    _sigmoid(T_) - np.sum(mu - mu_, axis=1, keepdims=True),
                ),
                "μ is linear: it has no slope of a sigmoid": lambda T, T_, mu, mu_: _reverse(
                    T, T_, -np.sum((mu - mu_) * mu_ * (1 - mu_), axis=1, keepdims=True)
                ),
            },
            returns=("dT", "dT_"),
        ),
        Part(
            encoder_errors,
            _encoder_cases,
            {
                "the way through z is missing at mu and at s": _encoder(lambda mu, s, **_: (mu, 0.5 * np.expm1(s))),
                "the way through z is missing at mu": _encoder(lambda mu, ds, **_: (mu, ds)),
                "the way through z is missing at s": _encoder(lambda dmu, s, **_: (dmu, 0.5 * np.expm1(s))),
                "the divergence is missing at mu": _encoder(lambda dz, ds, **_: (dz, ds)),
                "the divergence is missing at s": _encoder(
                    lambda dmu, dz, r, s, **_: (dmu, 0.5 * dz * r * np.exp(s / 2))
                ),
                "you passed D's error through weights of one, as the paper's rule (14) does": _encoder(
                    at_T=lambda D_, w: np.tile(D_ - 1, (1, len(w)))
                ),
                "that descends log(1 - D): -log D does not vanish where D is sure": _encoder(
                    at_T=lambda D_, w: -D_ * w
                ),
                "the sign is wrong at mu_: -log D falls as T_ grows": _encoder(at_T=lambda D_, w: (1 - D_) * w),
                "that descends -log(1 - D): the encoder wants D to say real": _encoder(at_T=lambda D_, w: D_ * w),
            },
            _by_differences,
            returns=("dmu", "ds", "dmu_"),
        ),
    )
)
