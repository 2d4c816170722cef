"""Is VAE-GAN stable when the learning rate changes? Table 1 of *Combining Variational Autoencoders with Generative
Adversarial Networks*, and its comparison of Adam with RMSprop.

    ava experiment vaegan-sensitivity MNIST

The three losses are printed as the code behind the table divides them: L_GAN by the pictures, the divergence by the
code's values too, and the squared difference of the discriminator's features by the features. Here they are measured
after the training, on test pictures.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan
from pathlib import Path

import numpy as np

import ava_np
from ava_np.experiments.attempt import attempt
from ava_np.experiments.paper.pictures import Pictures, read_parts
from ava_np.experiments.spread import verdict
from ava_np.experiments.study import Finding, Key, Measure, Printed, Result, Row, Study, picture_name
from ava_np.images import grid, to_png
from ava_np.models import VAEGAN

RATES, OPTIMISERS = (0.00015, 0.0003, 0.0006), {"adam": "Adam", "rmsprop": "RMSprop"}
PRINTED = {
    0.00015: ("1.6904", "0.3349", "0.0930"),
    0.0003: ("1.5981", "0.3089", "0.0841"),
    0.0006: ("1.5820", "0.2772", "0.0986"),
}
MEASURES = {
    "gan": Measure("GAN loss"),
    "prior": Measure("prior loss"),
    "features": Measure("discriminator loss"),
}
LATENT, HIDDEN, BATCH, MEASURED, SHOWN = 128, (32, 64), 64, 1024, 16
STABLE = 2.0  # the largest ratio of a loss at two rates that is called stable: no source defines it


@dataclass(frozen=True)
class Plan:
    """What every result depends on, apart from the code and its ``Key``."""

    epochs: int
    pictures: str


@dataclass(frozen=True)
class Losses(Result):
    """The losses of one VAE-GAN on test pictures.

    Attributes
    ----------
    gan : float
        -(log Dis(x) + log(1 - Dis(x')) + log(1 - Dis(x_p))) for each picture; 3 log 2 if Dis says 1/2.
    prior : float
        KL(q(z|x) ‖ N(0, I)) for each value of the code.
    features : float
        Mean of (Dis_l(x) - Dis_l(x'))².
    """

    gan: float = nan
    prior: float = nan
    features: float = nan


def study(folder: Path | None, *, seeds: int, quick: bool) -> Study:
    """Return the experiment on a folder of pictures, or on the built-in ones."""
    pictures = read_parts(folder, training=640 if quick else 60_000, test=MEASURED)
    cases = {
        f"{optimiser}-{rate:g}": f"{title}, rate {rate:g}" for optimiser, title in OPTIMISERS.items() for rate in RATES
    }
    steps = -(-len(pictures.training) // BATCH)
    plan = Plan(1, pictures.sha256)
    return Study(
        name="vaegan-sensitivity",
        title="Is VAE-GAN stable when the learning rate changes?",
        claimed="The source's Table 1 has three losses at three learning rates, and finds VAE-GAN “quite stable”; it "
        "sees no significant difference between Adam and RMSprop, for which it prints no figures.",
        protocol=f"{steps} steps of {min(BATCH, len(pictures.training))} pictures of {pictures.name}: one epoch, as in "
        "the source. Convolutions with batch norm (dcgan, 32 and 64 channels), a code of 128 values; the source's "
        "networks and code are not printed. Losses of the trained model on "
        f"{len(pictures.test)} test pictures. Stable means here: no loss is more than twice that at another rate.",
        cases=cases,
        measures=MEASURES,
        result=Losses,
        trial=train,
        shared=[pictures, plan],
        plan=plan,
        keys=[Key(case, seed) for seed in range(seeds) for case in cases],
        printed={
            (f"adam-{rate:g}", loss): Printed(value)
            for rate, values in PRINTED.items()
            for loss, value in zip(MEASURES, values, strict=True)
        },
        findings=findings,
        picture="Test pictures, their reconstructions, and samples, of the first seed",
    )


def train(pictures: Pictures, plan: Plan, key: Key) -> tuple[Losses, Mapping[str, bytes]]:
    """Train one VAE-GAN, and measure its losses."""
    optimiser, _, rate = key.case.partition("-")
    model = build(pictures.training.shape[1:], key.seed)
    ended = attempt(
        model, pictures.training, epochs=plan.epochs, batch_size=BATCH, optimiser=optimiser,
        learning_rate=float(rate), seed=key.seed,
    )  # fmt: skip
    shown = pictures.test[:SHOWN]
    rows = [shown, model.reconstruct(shown), model.sample(SHOWN, key.seed, from_prior=True)]
    picture = to_png(grid(np.concatenate(rows), columns=len(shown)))
    return Losses(key.case, key.seed, ended, **losses(model, pictures.test)), {picture_name(key): picture}


def build(shape: tuple[int, int, int], seed: int) -> VAEGAN:
    """Return the untrained model."""
    model = ava_np.build("vaegan", shape, architecture="dcgan", hidden=HIDDEN, latent=LATENT, seed=seed)
    assert isinstance(model, VAEGAN)
    return model


def losses(model: VAEGAN, pictures: np.ndarray) -> dict[str, float]:
    """Return the three losses on pictures, in batches as in training."""
    x = pictures.reshape(len(pictures), -1)
    generator, batch = np.random.default_rng(0), min(BATCH, len(x))
    model.zero_gradients()
    terms = [
        model.gradients(x[i : i + batch], model.noise(generator, batch)) for i in range(0, len(x) - batch + 1, batch)
    ]
    mean = {name: float(np.mean([one[name] for one in terms])) / batch for name in terms[0]}
    return {
        "gan": -(mean["log_d_real"] + mean["log_d_reconstructed"] + mean["log_d_fake"]),
        "prior": mean["kl"] / model.latent,
        "features": 2 * mean["features"] / model.buffers(batch, model.noise(generator, batch)).Dis.intermediate[0].size,
    }


def findings(rows: Mapping[str, Row]) -> list[Finding]:
    """Return whether the losses are stable over the rates, and whether the optimisers differ."""
    found = []
    for optimiser, title in OPTIMISERS.items():
        mine = [row for case, row in rows.items() if case.startswith(optimiser)]
        for loss, measure in MEASURES.items():
            means = [row.spread(loss).mean for row in mine if row.measured(loss)]
            if len(means) == len(RATES):
                ratio = max(means) / min(means)
                claim = f"The {measure.title} is stable over the rates, {title}"
                found.append(Finding(claim, "holds" if ratio <= STABLE else "does not hold", f"Ratio {ratio:.2f}"))
    for loss, measure in MEASURES.items():
        apart, compared = [], 0
        for rate in RATES:
            sides = [rows[case].measured(loss) for name in OPTIMISERS if (case := f"{name}-{rate:g}") in rows]
            if len(sides) == 2 and min(map(len, sides)) > 1:
                compared += 1
                apart += [f"{rate:g}"] if verdict(*sides) in ("holds", "the opposite") else []
        claim = f"Adam and RMSprop have the same {measure.title}"
        if not compared:
            found.append(Finding(claim, "not measured", "The range of a loss needs two seeds"))
        elif apart:
            found.append(Finding(claim, "does not hold", f"The ranges of the seeds are apart at {', '.join(apart)}"))
        else:
            found.append(Finding(claim, "no difference seen", "All ranges overlap"))
    return found
