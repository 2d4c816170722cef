"""Mistakes in a loss: usually in its gradient too, so that the two agree."""

import numpy as np

from ava_np.experiments.mistakes.mistake import Mistake, differ
from ava_np.learn.exercise import slope
from ava_np.models.terms import kl_objective, log_sigmoid, sigmoid

GENERATOR = np.random.default_rng(3)
MU, S, R, DZ = (GENERATOR.normal(size=(4, 3)) for _ in range(4))
T_REAL, T_FAKE = GENERATOR.normal(size=(4, 1)), GENERATOR.normal(size=(4, 1))
X, X_ = GENERATOR.random((4, 3)), GENERATOR.random((4, 3))


def _variance_for_deviation() -> Mistake:
    def z(mu: np.ndarray, s: np.ndarray, r: np.ndarray) -> np.ndarray:
        return np.asarray(mu + np.exp(s) * r)

    def backward(dz: np.ndarray, s: np.ndarray, r: np.ndarray) -> np.ndarray:
        return np.asarray(dz * r * np.exp(s))

    def moments() -> bool:
        r = np.random.default_rng(0).normal(size=100_000)
        return abs(float(z(np.zeros(1), np.full(1, -1.0), r).var()) - np.exp(-1.0)) > 0.01

    return Mistake(
        "variance for deviation",
        "z = μ + e^(log σ²) r",
        "fchollet/deep-learning-with-python-notebooks #212",
        lambda: differ(backward(DZ, S, R), slope(lambda s: float(np.sum(DZ * z(MU, s, R))), S)),
        lambda: differ(backward(DZ, S, R), slope(lambda s: float(np.sum(DZ * (MU + np.exp(s / 2) * R))), S)),
        moments,
        "the variance of z is σ²",
    )


def _averaged_kl() -> Mistake:
    def kl(mu: np.ndarray) -> float:
        return kl_objective(mu, S) / mu.shape[1]

    def backward(mu: np.ndarray) -> np.ndarray:
        return mu / mu.shape[1]

    def integral() -> bool:
        nodes, weights = np.polynomial.hermite_e.hermegauss(40)
        z = MU[..., None] + np.exp(S / 2)[..., None] * nodes
        log_ratio = -(nodes**2) / 2 - S[..., None] / 2 + z**2 / 2
        return differ(np.array(kl(MU)), np.array(float(np.sum(log_ratio * weights / weights.sum()))))

    return Mistake(
        "averaged divergence",
        "KL is averaged over the numbers of the code",
        "mkusner/grammarVAE #2",
        lambda: differ(backward(MU), slope(kl, MU)),
        lambda: differ(backward(MU), slope(lambda mu: kl_objective(mu, S), MU)),
        integral,
        "KL is the integral that defines it",
    )


def _labels(name: str, wrong: str, source: str, fake_sign: int, real_sign: int, must: str) -> Mistake:
    """A discriminator that descends -(real_sign log d(x) + ...) in place of -log d(x) - log(1 - d(x'))."""

    def loss(t_real: np.ndarray, t_fake: np.ndarray) -> float:
        return -float(np.sum(real_sign * log_sigmoid(t_real) + real_sign * log_sigmoid(fake_sign * t_fake)))

    def backward(t_fake: np.ndarray) -> np.ndarray:
        return -real_sign * fake_sign * sigmoid(-fake_sign * t_fake)

    def right(t_fake: np.ndarray) -> float:
        return -float(np.sum(log_sigmoid(T_REAL) + log_sigmoid(-t_fake)))

    def learns() -> bool:
        w, b = 0.0, 0.0  # d = sigmoid(w x + b), with real at 1 and fake at -1
        for _ in range(200):
            real, fake = np.array([[w + b]]), np.array([[-w + b]])
            dreal, dfake = -real_sign * sigmoid(-real).item(), backward(fake).item()
            w, b = w - 0.1 * (dreal - dfake), b - 0.1 * (dreal + dfake)
        return not w + b > 0 > -w + b

    return Mistake(
        name,
        wrong,
        source,
        lambda: differ(backward(T_FAKE), slope(lambda t: loss(T_REAL, t), T_FAKE)),
        lambda: differ(backward(T_FAKE), slope(right, T_FAKE)),
        learns,
        must,
    )


def _sigmoid_twice() -> Mistake:
    def loss(t: np.ndarray) -> float:
        return -float(np.sum(log_sigmoid(sigmoid(t))))

    def backward(t: np.ndarray) -> np.ndarray:
        d = sigmoid(t)
        return np.asarray(-sigmoid(-d) * d * (1 - d))

    return Mistake(
        "sigmoid twice",
        "a loss that takes logits is given probabilities",
        "cvg/glue-factory #89",
        lambda: differ(backward(T_REAL), slope(loss, T_REAL)),
        lambda: differ(backward(T_REAL), slope(lambda t: -float(np.sum(log_sigmoid(t))), T_REAL)),
        lambda: loss(np.array([50.0])) > 0.01,
        "the loss of a sure and right answer is 0",
    )


def _pixel_for_verdict() -> Mistake:
    """Rule (6) with x'[i] where d(x') belongs; its surrogate holds d(x') constant."""
    error = X_ - X - X_
    d = sigmoid(T_FAKE)

    def surrogate(x_: np.ndarray) -> float:
        return float(np.sum((X - x_) ** 2) / 2 - np.sum(d * x_))

    return Mistake(
        "pixel for verdict",
        "rule (6) adds the pixel x'[i] in place of d(x')",
        "the program of the AVA paper's author",
        None,
        lambda: differ(error, slope(surrogate, X_)),
        lambda: differ(error - (X_ - X), np.tile(-d, (1, X.shape[1]))),
        "every pixel gets the same push, -d(x')",
    )


def _dropped_identity() -> Mistake:
    error = -0.5 * np.exp(-S) * np.exp(S)  # ½ (I - Σ⁻¹) a_f' without ½ I

    return Mistake(
        "dropped identity",
        "rule (5) without its ½ I",
        "the program of the AVA paper's author",
        None,
        lambda: differ(error, slope(lambda s: kl_objective(MU, s), S)),
        lambda: differ(-0.5 * np.exp(-np.zeros(3)) * np.exp(np.zeros(3)), np.zeros(3)),
        "the prior is a fixed point: at μ = 0, Σ = I nothing pulls",
    )


LOSSES = (
    _variance_for_deviation(),
    _averaged_kl(),
    _labels(
        "fake called real",
        "the discriminator ascends log d(x) + log d(x')",
        "SerezD/vqvae-vqgan-pytorch-lightning #3",
        +1,
        +1,
        "it learns to tell 1 from -1",
    ),
    _labels(
        "sign taken literally",
        "VAE-GAN's discriminator descends log d(x) + log(1 - d(x')), as Algorithm 1 prints it",
        "DL-IT/generative_zoo #1",
        -1,
        -1,
        "it learns to tell 1 from -1",
    ),
    _sigmoid_twice(),
    _pixel_for_verdict(),
    _dropped_identity(),
)
"""The mistakes in losses."""
