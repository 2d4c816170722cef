"""How probable are test digits to a VAE? Two published protocols, with PyTorch as a control where it is installed.

    ava experiment vae-likelihood MNIST

784-400-40: one hidden layer of 400 rectifiers, as Chadebec et al. 2022 (pythae) reproduce the VAE of Rezende and
Mohamed 2015. 2x200-50: two hidden layers of 200 tanh, as Burda et al. 2016. The digits are binarised once (static):
each pixel is 1 with its grey as probability. That draw is ours; published figures are of other draws.

The control starts from the same weights and is measured by the same function: its weights are copied back.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from math import nan, sqrt
from pathlib import Path

import numpy as np

import ava_np
from ava_np.experiments.attempt import attempt
from ava_np.experiments.paper.pictures import read_parts
from ava_np.experiments.study import Finding, Key, Measure, Printed, Result, Row, Study, agreement, picture_name
from ava_np.images import grid, to_png
from ava_np.models import VAE
from ava_np.models.likelihood import bits_per_dimension, elbos, log_likelihoods

BATCH, RATE = 100, 0.001
NETWORKS = {"400-40": ((400,), "relu", 40), "2x200-50": ((200, 200), "tanh", 50)}
PRINTED = {("ava-400-40", "nll"): Printed("89.78", 0.01), ("ava-2x200-50", "nll"): Printed("88.71")}
SHOWN = 32


@dataclass(frozen=True)
class Plan:
    """What every result depends on, apart from the code and its ``Key``."""

    epochs: int
    samples: int
    pictures: str


@dataclass(frozen=True)
class Likelihood(Result):
    """Measures of one VAE.

    Attributes
    ----------
    nll, error : float
        Mean of -log p(x) of the test pictures in nats, by importance sampling, and its standard error over them.
    bound : float
        Mean of the negative evidence lower bound.
    bits : float
        ``nll`` in bits for each pixel.
    """

    nll: float = nan
    error: float = nan
    bound: float = nan
    bits: float = nan


def study(folder: Path | None, *, seeds: int, quick: bool) -> Study:
    """Return the experiment on a folder of pictures, or on the built-in ones."""
    pictures = read_parts(folder, training=2000 if quick else 50_000, test=200 if quick else 10_000)
    plan = Plan(epochs=2 if quick else 60, samples=20 if quick else 200, pictures=pictures.sha256)
    engines = {"ava": "ava-np"} | ({"torch": "PyTorch"} if find_spec("torch") else {})
    cases = {f"{engine}-{name}": f"784-{name}, {title}" for name in NETWORKS for engine, title in engines.items()}
    return Study(
        name="vae-likelihood",
        title="How probable are test digits to a VAE?",
        claimed="Published: a negative log-likelihood of 89.78 ± .01 nats with one hidden layer of 400 and a code of "
        "40 (Chadebec et al. 2022, who reproduce the 89.9 of Rezende and Mohamed 2015), and of 88.71 with 2x200 tanh "
        "and a code of 50 (Burda et al. 2016, k = 1).",
        protocol=f"{len(pictures.training)} training and {len(pictures.test)} test pictures of {pictures.name}, each "
        f"binarised once. {plan.epochs} epochs of Adam on {BATCH} pictures, with a learning rate that falls from "
        f"{RATE} to 0 along a cosine; published: 500 epochs at .0001, and 3280 of Burda et al. Negative "
        f"log-likelihood of the test pictures with {plan.samples} importance samples; Burda et al. take 5000, with "
        "which the estimate is lower.",
        cases=cases,
        measures={
            "nll": Measure("-log p(x), nats", "less"),
            "error": Measure("its standard error"),
            "bound": Measure("-ELBO, nats", "less"),
            "bits": Measure("bits per pixel", "less"),
        },
        result=Likelihood,
        trial=train,
        shared=[binarised(pictures.training, 0), binarised(pictures.test, 1), plan],
        plan=plan,
        keys=[Key(case, seed) for seed in range(seeds) for case in cases],
        printed=PRINTED,
        findings=findings,
        picture="Samples of the first seed, as probabilities",
    )


def binarised(pictures: np.ndarray, seed: int) -> np.ndarray:
    """Return pictures of zeros and ones, with the greys as probabilities of a 1."""
    return (np.random.default_rng(seed).random(pictures.shape) < pictures).astype(np.float32)


def build(network: str, shape: tuple[int, int, int], seed: int) -> VAE:
    """Return an untrained VAE of one of ``NETWORKS``."""
    widths, function, latent = NETWORKS[network]
    initialiser = "he_normal" if function == "relu" else "glorot_uniform"
    hidden = [
        [{"layer": "dense", "width": width, "initialiser": initialiser}, {"layer": "activation", "function": function}]
        for width in widths
    ]
    neurons = int(np.prod(shape))
    encoder = ({"layer": "flatten"}, *(layer for one in hidden for layer in one))
    decoder = (*(layer for one in hidden[::-1] for layer in one), {"layer": "dense", "width": neurons})
    model = ava_np.build(
        "vae", shape, latent=latent, seed=seed, likelihood="bernoulli",
        architecture={"encoder": encoder, "decoder": decoder},
    )  # fmt: skip
    assert isinstance(model, VAE)
    return model


def train(training: np.ndarray, test: np.ndarray, plan: Plan, key: Key) -> tuple[Likelihood, Mapping[str, bytes]]:
    """Train one VAE with either engine, and measure it."""
    engine, _, network = key.case.partition("-")
    model = build(network, training.shape[1:], key.seed)
    ended = "trained"
    if engine == "torch":
        from ava_np.experiments.paper.vae_torch import train_with_torch

        train_with_torch(model, training, NETWORKS[network][1], plan.epochs, BATCH, RATE, key.seed)
    else:
        ended = attempt(
            model, training, epochs=plan.epochs, batch_size=BATCH, learning_rate=RATE, schedule="cosine", seed=key.seed
        )
    estimates = log_likelihoods(model, test, samples=plan.samples)
    nll = -float(estimates.mean())
    result = Likelihood(
        key.case,
        key.seed,
        ended,
        nll=nll,
        error=float(estimates.std() / sqrt(len(estimates))),
        bound=-float(elbos(model, test, samples=10).mean()),
        bits=bits_per_dimension(-nll, model.neurons),
    )
    samples = model.sample(SHOWN, key.seed, from_prior=True)
    return result, {picture_name(key): to_png(grid(samples, columns=8))}


def findings(rows: Mapping[str, Row]) -> list[Finding]:
    """Return the distance from the control and from the published figures."""
    found = []
    for (case, measure), printed in PRINTED.items():
        network = case.partition("-")[2]
        ours, control = rows.get(case), rows.get(f"torch-{network}")
        if ours is None or not ours.measured(measure):
            continue
        nll = ours.spread(measure)
        if control is not None and control.measured(measure):
            other = control.spread(measure)
            claim = f"784-{network} is within half a nat of PyTorch in the same epochs, on average over the seeds"
            held = "holds" if abs(nll.mean - other.mean) <= 0.5 else "does not hold"
            found.append(Finding(claim, held, f"{nll.mean - other.mean:+.2f} nats: {nll} against {other}"))
        claim = f"784-{network} has the published {printed}"
        found.append(Finding(claim, agreement(nll, printed), f"{nll}, {nll.mean - printed.value:+.2f} nats from it"))
    return found
