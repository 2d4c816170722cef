"""Parzen window log-likelihood of test digits under GAN and AAE, as Goodfellow et al. 2014 and Makhzani et al. 2015.

    ava experiment parzen MNIST

The measure is historical (``ava_np.evaluation.parzen`` says why): a VAE and the training digits themselves are measured
beside the two. 10,000 samples; the width of the windows is chosen on training digits that no model saw.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Any

import numpy as np

import ava_np
from ava_np.evaluation.parzen import parzen_log_likelihood
from ava_np.experiments.attempt import attempt
from ava_np.experiments.paper.pictures import read_parts
from ava_np.experiments.study import Finding, Key, Measure, Printed, Result, Row, Study, agreement, picture_name
from ava_np.images import grid, to_png

CASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "gan": ("GAN", "gan", {"latent": 100}),
    "aae": ("AAE", "aae", {"latent": 8}),
    "vae": ("VAE", "vae", {"latent": 8}),
}
PUBLISHED = {"gan": Printed("225", 2), "aae": Printed("340", 2)}
BATCH, VALIDATION, SHOWN = 100, 1000, 32


@dataclass(frozen=True)
class Plan:
    """What every result depends on, apart from the code and its ``Key``."""

    epochs: int
    width: int
    samples: int
    pictures: str


@dataclass(frozen=True)
class Windows(Result):
    """Measures of one model.

    Attributes
    ----------
    nats, error : float
        Mean of log p(x) of the test pictures, and its standard error.
    width : float
        σ of the windows.
    """

    nats: float = nan
    error: float = nan
    width: float = nan


def study(folder: Path | None, *, seeds: int, quick: bool) -> Study:
    """Return the experiment on a folder of pictures, or on the built-in ones."""
    pictures = read_parts(folder, training=3000 if quick else 60_000, test=200 if quick else 10_000)
    plan = Plan(1 if quick else 20, 64 if quick else 512, 500 if quick else 10_000, pictures.sha256)
    count = min(VALIDATION, max(1, len(pictures.training) // 6))
    validation, training = pictures.training[:count], pictures.training[count:]
    real = parzen_log_likelihood(training[: plan.samples], pictures.test, validation)
    return Study(
        name="parzen",
        title="Parzen windows around samples",
        claimed="Published: a log-likelihood of test digits of 225 ± 2 nats for GAN (Goodfellow et al. 2014) and of "
        "340 ± 2 for AAE (Makhzani et al. 2015). The measure is historical, and may rank models wrongly (Theis et al. "
        "2016).",
        protocol=f"{len(training)} training and {len(pictures.test)} test pictures of {pictures.name}. Dense networks "
        f"with two hidden layers of {plan.width}; codes of 8 values, 100 for GAN; {plan.epochs} epochs of {BATCH} "
        f"pictures; {plan.samples} samples from the prior. The width of the windows is chosen on {count} other "
        "training pictures. Published: maxout and dropout (GAN), layers of 1000 (AAE), more epochs.",
        cases={case: title for case, (title, _, _) in CASES.items()},
        measures={
            "nats": Measure("log p(x), nats", "more"),
            "error": Measure("its standard error"),
            "width": Measure("width of the windows"),
        },
        result=Windows,
        trial=train,
        shared=[training, validation, pictures.test, plan],
        plan=plan,
        keys=[Key(case, seed) for seed in range(seeds) for case in CASES],
        printed={(case, "nats"): value for case, value in PUBLISHED.items()},
        findings=findings,
        references={
            "training pictures as samples": {"nats": real.value, "error": real.standard_error, "width": real.width}
        },
        picture="Samples of the first seed",
    )


def train(
    training: np.ndarray, validation: np.ndarray, test: np.ndarray, plan: Plan, key: Key
) -> tuple[Windows, Mapping[str, bytes]]:
    """Train one model, and measure its samples."""
    _, name, options = CASES[key.case]
    hidden = (plan.width, plan.width)
    model = ava_np.build(name, training.shape[1:], hidden=hidden, seed=key.seed, **options)
    ended = attempt(model, training, epochs=plan.epochs, batch_size=BATCH, seed=key.seed)
    samples = model.sample(max(plan.samples, SHOWN), key.seed, from_prior=True)
    found = parzen_log_likelihood(samples[: plan.samples], test, validation)
    result = Windows(key.case, key.seed, ended, nats=found.value, error=found.standard_error, width=found.width)
    return result, {picture_name(key): to_png(grid(samples[:SHOWN], columns=8))}


def findings(rows: Mapping[str, Row]) -> list[Finding]:
    """Return how the published figures compare."""
    found = []
    for case, printed in PUBLISHED.items():
        if case in rows:
            spread = rows[case].spread("nats")
            claim = f"{CASES[case][0]} has {printed} nats"
            found.append(Finding(claim, agreement(spread, printed), f"Measured {spread}"))
    return found
