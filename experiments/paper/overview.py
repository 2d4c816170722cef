"""VAE, GAN, VAE with GAN costs and BiGAN on digits: the sample grids of *An Overview of Variational Autoencoders and
Generative Adversarial Networks*, and its claim that samples of a GAN are sharper, as a number.

    ava experiment overview MNIST

The printed grids are of 2 million, 700,000, 270,000 and 400,000 iterations. Here each model has a five-hundredth of its
own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Any

import ava_np
from ava_np.experiments.attempt import attempt
from ava_np.experiments.paper.judge import Judge
from ava_np.experiments.paper.pictures import Pictures, read_parts
from ava_np.experiments.study import Finding, Key, Measure, Result, Row, Study, less, picture_name
from ava_np.images import grid, to_png

ITERATIONS = {"vae": 2_000_000, "gan": 700_000, "vae-gan-costs": 270_000, "bigan": 400_000}
TITLES = {"vae": "VAE", "gan": "GAN", "vae-gan-costs": "VAE with GAN costs", "bigan": "BiGAN"}
BATCH, LATENT, HIDDEN, SHOWN = 64, 16, (32, 64), 48


@dataclass(frozen=True)
class Plan:
    """What every result depends on, apart from the code and its ``Key``.

    Attributes
    ----------
    divisor : int
        By which the printed iterations are divided; the steps are rounded up to whole epochs.
    pictures : str
        SHA-256 of the pictures.
    """

    divisor: int
    pictures: str

    def epochs(self, model: str, each: int) -> int:
        """Return the epochs of a model, with ``each`` steps in one."""
        return -(-ITERATIONS[model] // (self.divisor * each))


@dataclass(frozen=True)
class Samples(Result):
    """Measures of samples from the prior.

    Attributes
    ----------
    sharpness, distance : float
        Sharpness, and how far it is from that of test pictures.
    frechet_distance : float
        From test pictures.
    """

    sharpness: float = nan
    distance: float = nan
    frechet_distance: float = nan


def study(folder: Path | None, *, seeds: int, quick: bool) -> Study:
    """Return the experiment on a folder of pictures, or on the built-in ones."""
    pictures = read_parts(folder, training=640 if quick else 6400, test=2000)
    judge, plan = Judge.of(pictures), Plan(100_000 if quick else 500, pictures.sha256)
    real = judge.of_samples(judge.test)["sharpness"]
    each = -(-len(pictures.training) // BATCH)
    steps = ", ".join(f"{TITLES[model]} {plan.epochs(model, each) * each}" for model in TITLES)
    return Study(
        name="overview",
        title="VAE, GAN, VAE with GAN costs and BiGAN on digits",
        claimed="The source shows samples of the four, and says that those of a GAN are much sharper than those of a "
        "VAE, and that those of a VAE with GAN costs look similar to a VAE's.",
        protocol=f"A {plan.divisor}th of the printed iterations, rounded up to whole epochs: {steps} steps of {BATCH} "
        f"of {len(pictures.training)} pictures of {pictures.name}. The source prints no networks: dcgan with 32 and 64 "
        f"channels, codes of {LATENT} values, squared error. Sharpness is compared with that of the test pictures; as "
        f"many samples from the prior as there are of these, {len(judge.test)}.",
        cases=TITLES,
        measures={
            "sharpness": Measure("sharpness"),
            "distance": Measure("its distance from that of real pictures", "less"),
            "frechet_distance": Measure("Fréchet distance", "less"),
        },
        result=Samples,
        trial=train,
        shared=[pictures, judge, real, plan],
        plan=plan,
        keys=[Key(case, seed) for seed in range(seeds) for case in TITLES],
        findings=findings,
        references={
            "training pictures as samples": {
                name: value for name, value in judge.floor(pictures.training).items() if name != "error"
            }
        },
        picture="Samples of the first seed",
    )


def train(pictures: Pictures, judge: Judge, real: float, plan: Plan, key: Key) -> tuple[Samples, Mapping[str, bytes]]:
    """Train one model, and measure its samples."""
    options: dict[str, Any] = {} if key.case in ("gan", "bigan") else {"likelihood": "gaussian"}
    options |= {"architecture": "dcgan", "hidden": HIDDEN, "latent": LATENT}
    model = ava_np.build(key.case, pictures.training.shape[1:], seed=key.seed, **options)
    epochs = plan.epochs(key.case, -(-len(pictures.training) // BATCH))
    ended = attempt(model, pictures.training, epochs=epochs, batch_size=BATCH, seed=key.seed)
    samples = model.sample(max(len(judge.test), SHOWN), key.seed, from_prior=True)
    measures = judge.of_samples(samples)
    result = Samples(key.case, key.seed, ended, distance=abs(measures["sharpness"] - real), **measures)
    return result, {picture_name(key): to_png(grid(samples[:SHOWN], columns=8))}


def findings(rows: Mapping[str, Row]) -> list[Finding]:
    """Return whether samples of a GAN are sharper, and nearer to real ones."""
    vae, gan, costs, bigan = (rows.get(model) for model in TITLES)
    return [
        less("Samples of the GAN are sharper than those of the VAE", "sharpness", vae, gan),
        less("Their sharpness is nearer to that of real pictures", "distance", gan, vae),
        less("Samples of BiGAN are sharper than those of the VAE", "sharpness", vae, bigan),
        less(
            "Samples of a VAE with GAN costs are less sharp than those of the GAN, as a VAE's", "sharpness", costs, gan
        ),
    ]
