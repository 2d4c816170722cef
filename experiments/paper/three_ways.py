"""VAE, GAN and VAE-GAN with the same networks, as *Combining Variational Autoencoders with Generative Adversarial
Networks* compares them: what they cost, their samples, and their reconstructions.

    ava experiment three-ways MNIST

The seconds of each training stand in ``seconds``, beside ``results.csv``: they are of one machine at one time, and all
else is the same bytes each time.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Any

import ava_np
from ava_np.evaluation.metrics import reconstruction_error
from ava_np.experiments.attempt import attempt
from ava_np.experiments.paper.judge import Judge
from ava_np.experiments.paper.pictures import Pictures, read_parts
from ava_np.experiments.study import Finding, Key, Measure, Result, Row, Study, less, picture_name
from ava_np.images import grid, to_png
from ava_np.training.trainer import Metrics

MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "vae": ("VAE", {"likelihood": "gaussian"}),
    "gan": ("GAN", {}),
    "vaegan": ("VAE-GAN", {}),
}
LATENT, HIDDEN, BATCH, RATE, SHOWN = 128, (32, 64), 64, 0.0003, 32


@dataclass(frozen=True)
class Plan:
    """What every result depends on, apart from the code and its ``Key``."""

    epochs: int
    pictures: str


@dataclass(frozen=True)
class Way(Result):
    """Measures of one model.

    Attributes
    ----------
    parameters : float
        Their number.
    frechet_distance, sharpness : float
        Of samples from N(0, I).
    error : float
        Reconstruction error of test pictures; NaN for GAN.
    loss : float
        Mean over the last epoch of the sum of the magnitudes of all terms, in nats for each picture.
    """

    parameters: float = nan
    frechet_distance: float = nan
    sharpness: float = nan
    error: float = nan
    loss: float = nan


def study(folder: Path | None, *, seeds: int, quick: bool) -> Study:
    """Return the experiment on a folder of pictures, or on the built-in ones."""
    pictures = read_parts(folder, training=640 if quick else 60_000, test=2000)
    judge, plan = Judge.of(pictures), Plan(1, pictures.sha256)
    return Study(
        name="three-ways",
        title="VAE, GAN and VAE-GAN with the same networks",
        claimed="The source trains the three with networks “as similar as possible” for one epoch, and finds VAE-GAN "
        "easier to train than GAN, and its pictures better than those of the VAE. It prints no figures.",
        protocol=f"{plan.epochs} epoch of {len(pictures.training)} pictures of {pictures.name}, {BATCH} a step, by "
        f"Adam at {RATE}; dcgan with 32 and 64 channels, codes of {LATENT} values. As many samples from N(0, I) as the "
        f"{len(judge.test)} test pictures. The losses are of different objectives, so only their size over seeds can "
        "be compared.",
        cases={model: title for model, (title, _) in MODELS.items()},
        measures={
            "parameters": Measure("parameters"),
            "loss": Measure("size of all terms, nats"),
            "frechet_distance": Measure("Fréchet distance", "less"),
            "sharpness": Measure("sharpness"),
            "error": Measure("error", "less"),
        },
        result=Way,
        trial=train,
        shared=[pictures, judge, plan],
        plan=plan,
        keys=[Key(case, seed) for seed in range(seeds) for case in MODELS],
        findings=findings,
        references={"training pictures as samples, the mean picture": judge.floor(pictures.training)},
        picture="Samples of the first seed",
    )


def train(pictures: Pictures, judge: Judge, plan: Plan, key: Key) -> tuple[Way, Mapping[str, bytes]]:
    """Train one model, and measure it."""
    _, options = MODELS[key.case]
    options = options | {"architecture": "dcgan", "hidden": HIDDEN, "latent": LATENT}
    model = ava_np.build(key.case, pictures.training.shape[1:], seed=key.seed, **options)
    history: list[Metrics] = []
    begin = time.process_time()
    ended = attempt(
        model, pictures.training, epochs=plan.epochs, batch_size=BATCH, learning_rate=RATE, seed=key.seed,
        callbacks=[lambda trainer, metrics: history.append(metrics)],
    )  # fmt: skip
    seconds = time.process_time() - begin
    loss = float(sum(abs(value) for value in history[-1]["nats"].values())) if history else nan
    samples = model.sample(max(len(judge.test), SHOWN), key.seed, from_prior=True)
    error = nan if model.encoder_name is None else reconstruction_error(judge.test, model.reconstruct(judge.test))
    count = float(sum(network.parameter_count for network in model.networks.values()))
    result = Way(key.case, key.seed, ended, parameters=count, error=error, loss=loss, **judge.of_samples(samples))
    return result, {
        picture_name(key): to_png(grid(samples[:SHOWN], columns=8)),
        f"seconds/{key.case}-{key.seed}.json": json.dumps({"processor_seconds": round(seconds, 1)}).encode(),
    }


def findings(rows: Mapping[str, Row]) -> list[Finding]:
    """Return whose samples are closer to real digits, and whose reconstructions have the least error."""
    vae, gan, vaegan = (rows.get(model) for model in MODELS)
    return [
        less("Samples of VAE-GAN are closer to real pictures than those of the VAE", "frechet_distance", vaegan, vae),
        less("Samples of VAE-GAN are closer to real pictures than those of GAN", "frechet_distance", vaegan, gan),
        less("VAE-GAN reconstructs with less error than the VAE", "error", vaegan, vae),
    ]
