"""Do the codes of a BiGAN know digits? Nearest neighbours, as Donahue et al. 2017 measure it on permutation MNIST.

    ava experiment bigan-knn MNIST

Permutation MNIST: nothing uses that pixels have neighbours, so all networks are dense. The published networks have two
hidden layers of 1024 with batch norm and a code of 50, and 400 epochs; codes come from N(0, I) here, from a uniform
distribution there. Each test digit takes the class of its nearest training digit by the code E(x), or by the last
hidden layer of E, with the distance of features scaled to length 1 (cosine).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Any

import numpy as np

import ava_np
from ava_np.evaluation.codes import knn_accuracy, linear_probe
from ava_np.experiments.attempt import attempt
from ava_np.experiments.paper.pictures import Pictures, read_parts
from ava_np.experiments.study import Finding, Key, Measure, Printed, Result, Row, Study, agreement, less, picture_name
from ava_np.images import grid, to_png
from ava_np.models import Model

CASES = {"bigan": "BiGAN", "untrained": "the same encoder, untrained", "vae": "VAE", "ae": "autoencoder"}
PRINTED = {("bigan", "hidden"): Printed("0.9739"), ("untrained", "hidden"): Printed("0.9684")}
LATENT, BATCH, SHOWN = 50, 128, 32


@dataclass(frozen=True)
class Plan:
    """What every result depends on, apart from the code and its ``Key``."""

    epochs: int
    width: int
    pictures: str


@dataclass(frozen=True)
class Accuracy(Result):
    """Shares of test pictures whose class is found, 0 to 1.

    Attributes
    ----------
    code, hidden : float
        By the nearest neighbour of E(x), and of the last hidden layer.
    linear : float
        By a linear map of E(x).
    """

    code: float = nan
    hidden: float = nan
    linear: float = nan


def study(folder: Path | None, *, seeds: int, quick: bool) -> Study:
    """Return the experiment on a folder of pictures, or on the built-in ones."""
    pictures = read_parts(folder, training=2000 if quick else 60_000, test=500 if quick else 10_000)
    plan = Plan(1 if quick else 15, 64 if quick else 512, pictures.sha256)
    references = {}
    if pictures.has_labels:
        training, test = (rows.reshape(len(rows), -1) for rows in (pictures.training, pictures.test))
        labels, test_labels = pictures.labels
        references["the pixels themselves"] = {
            "code": knn_accuracy(training, labels, test, test_labels),
            "linear": linear_probe(training, labels, test, test_labels),
        }
    return Study(
        name="bigan-knn",
        title="Do the codes of a BiGAN know digits?",
        claimed="Published: the nearest neighbour finds 97.39 % of the test digits of permutation MNIST by features of "
        "a BiGAN's encoder, 96.84 % by those of an encoder with random weights (Donahue et al. 2017, table 1).",
        protocol=f"{len(pictures.training)} training and {len(pictures.test)} test pictures of {pictures.name}. Dense "
        f"networks with two hidden layers of {plan.width}, published 1024; codes of {LATENT} values; {plan.epochs} "
        f"epochs of {BATCH} pictures, published 400. The features are E(x), and the last hidden layer "
        "of E.",
        cases=CASES,
        measures={
            "code": Measure("nearest neighbour of E(x)", "more"),
            "hidden": Measure("of the last hidden layer", "more"),
            "linear": Measure("linear map of E(x)", "more"),
        },
        result=Accuracy,
        trial=train,
        shared=[pictures, plan],
        plan=plan,
        keys=[Key(case, seed) for seed in range(seeds) for case in CASES],
        printed=PRINTED,
        findings=findings,
        references=references,
        picture="Samples of the first seed",
    )


def build(case: str, shape: tuple[int, int, int], width: int, seed: int) -> Model:
    """Return an untrained model of dense layers with batch norm."""
    hidden: list[dict[str, Any]] = [
        {"layer": "dense", "width": width, "initialiser": "he_normal"},
        {"layer": "batch_norm"},
        {"layer": "activation", "function": "leaky_relu"},
    ] * 2
    outputs = {"layer": "dense", "width": int(np.prod(shape))}
    architecture = {"encoder": ({"layer": "flatten"}, *hidden), "decoder": (*hidden, outputs)}
    if case in ("bigan", "untrained"):
        plain = [layer for layer in hidden if layer["layer"] != "batch_norm"]
        architecture["discriminator"] = ({"layer": "flatten"}, *plain)
    name = "bigan" if case == "untrained" else case
    return ava_np.build(name, shape, latent=LATENT, architecture=architecture, seed=seed)


def train(pictures: Pictures, plan: Plan, key: Key) -> tuple[Accuracy, Mapping[str, bytes]]:
    """Train one model, and see what its codes know."""
    model, ended = build(key.case, pictures.training.shape[1:], plan.width, key.seed), "trained"
    if key.case != "untrained":
        ended = attempt(model, pictures.training, epochs=plan.epochs, batch_size=BATCH, seed=key.seed)
    found = {}
    if pictures.has_labels:
        (labels, test_labels), sets = pictures.labels, (pictures.training, pictures.test)
        codes = [model.encode(one) for one in sets]
        features = [_unit_features(model, one) for one in sets]
        found = {
            "code": knn_accuracy(codes[0], labels, codes[1], test_labels),
            "hidden": knn_accuracy(features[0], labels, features[1], test_labels),
            "linear": linear_probe(codes[0], labels, codes[1], test_labels),
        }
    samples = model.sample(SHOWN, key.seed, from_prior=True) if key.case in ("bigan", "vae") else None
    files = {} if samples is None else {picture_name(key): to_png(grid(samples, columns=8))}
    return Accuracy(key.case, key.seed, ended, **found), files


def findings(rows: Mapping[str, Row]) -> list[Finding]:
    """Return how the published figures compare, and whether training adds to random features."""
    found = []
    for (case, measure), printed in PRINTED.items():
        if case in rows:
            spread = rows[case].spread(measure)
            claim = f"Share found by features of {CASES[case]}: {printed}"
            found.append(Finding(claim, agreement(spread, printed) or "not measured", f"Measured {spread}"))
    claim = "A trained BiGAN's features find more than those of random weights"
    found.append(less(claim, "hidden", rows.get("untrained"), rows.get("bigan")))
    return found


def _unit_features(model: Model, pictures: np.ndarray) -> np.ndarray:
    """Return the activations of the encoder's last hidden layer, each row scaled to length 1."""
    features = model.features(pictures).astype(np.float64)
    return np.asarray(features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12))
