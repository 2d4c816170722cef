"""How many modes of a ring and of a grid does a GAN find? The protocol of PacGAN (Lin et al. 2018, section 4.1).

    ava experiment modes

The ring has 8 Gaussians, the grid 25. 2500 samples are judged: a sample is good within three standard deviations of a
centre, and a mode is found if a good sample is nearest to it. Ten trainings differ by the seed alone.

"like PacGAN" has its sizes: a generator of 4 x 128 rectifiers with batch norm and a discriminator of 3 x 128, on
100,000 points. Its discriminator has maxout units, and this one leaky rectifiers. "manual" is the command of
docs/manual/family.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np

import ava_np
from ava_np.data.toys import draw_toy, mixture, mode_coverage
from ava_np.experiments.attempt import attempt
from ava_np.experiments.study import Finding, Key, Measure, Printed, Result, Row, Study, agreement, picture_name
from ava_np.models import Model
from ava_np.report.charts import to_png, toy_points

SAMPLES = 2500
POINTS = {"pacgan": 100_000, "manual": 10_000}
WAYS = {"pacgan": "like PacGAN", "manual": "the manual's command"}
TRAINING: dict[str, dict[str, Any]] = {
    "pacgan": {"batch_size": 100, "learning_rate": 0.0002},
    "manual": {"batch_size": 256, "learning_rate": 0.002, "momentum": 0.9, "schedule": "linear"},
}
DISTRIBUTIONS = ("ring", "grid")
PRINTED = {
    ("ring-pacgan", "modes"): Printed("6.3", 0.5),
    ("ring-pacgan", "good"): Printed("0.982"),
    ("grid-pacgan", "modes"): Printed("17.3", 3.6),
    ("grid-pacgan", "good"): Printed("0.948"),
}


@dataclass(frozen=True)
class Plan:
    """What every result depends on, apart from the code and its ``Key``.

    Attributes
    ----------
    pacgan, manual : int
        Steps of each way, rounded up to whole epochs.
    """

    pacgan: int
    manual: int


FULL, QUICK = Plan(pacgan=25_000, manual=6000), Plan(pacgan=1000, manual=400)


@dataclass(frozen=True)
class Modes(Result):
    """Measures of one GAN.

    Attributes
    ----------
    modes : float
        Number of modes that are found.
    good : float
        Share of good samples, 0 to 1.
    """

    modes: float = nan
    good: float = nan


def study(*, seeds: int, quick: bool) -> Study:
    """Return the experiment."""
    plan = QUICK if quick else FULL
    cases = {f"{name}-{way}": f"{name}, {title}" for way, title in WAYS.items() for name in DISTRIBUTIONS}
    return Study(
        name="modes",
        title="How many modes does a GAN find?",
        claimed="Published for a GAN: 6.3 ± .5 of 8 modes of the ring with 98.2 % good samples, and 17.3 ± 3.6 of 25 "
        "modes of the grid with 94.8 % (Lin et al. 2018, tables 1 and 2; the grid's as Srivastava et al. 2017).",
        protocol=f"{SAMPLES} samples of each GAN. Like PacGAN: {plan.pacgan} steps of 100 of 100,000 points, published "
        f"400,000; rectifiers in place of maxout. The manual's command: {plan.manual} steps of 256 of 10,000 points, "
        "two hidden layers of 128, smoothed labels. "
        "The floor is the share of good samples among points of the distribution.",
        cases=cases,
        measures={"modes": Measure("modes found", "more"), "good": Measure("share of good samples", "more")},
        result=Modes,
        trial=train,
        shared=[plan],
        plan=plan,
        keys=[Key(case, seed) for seed in range(seeds) for case in cases],
        printed=PRINTED,
        findings=findings,
        references={f"points of the {name}": _measures(name, _points(name, SAMPLES, 1)) for name in DISTRIBUTIONS},
        picture="Samples of the first seed, over the points",
        chart=True,
    )


def train(plan: Plan, key: Key) -> tuple[Modes, Mapping[str, bytes]]:
    """Train one GAN on points, and measure its samples."""
    name, _, way = key.case.partition("-")
    points = _points(name, POINTS[way], 0)
    model, options = _build(way, key.seed), TRAINING[way]
    steps_each = -(-len(points) // options["batch_size"])
    ended = attempt(model, points, epochs=-(-getattr(plan, way) // steps_each), seed=key.seed, **options)
    samples = model.sample(SAMPLES, key.seed)
    picture = to_png(toy_points(points[:1000], samples[:1000], "samples"))
    return Modes(key.case, key.seed, ended, **_measures(name, samples)), {picture_name(key): picture}


def findings(rows: Mapping[str, Row]) -> list[Finding]:
    """Return how the published figures compare."""
    found = []
    for (case, measure), printed in PRINTED.items():
        if case in rows:
            spread = rows[case].spread(measure)
            what = "share of good samples" if measure == "good" else "modes found"
            claim = f"{what[0].upper()}{what[1:]} of the {case.partition('-')[0]}: {printed}"
            found.append(Finding(claim, agreement(spread, printed), f"Measured {spread}, at these steps"))
    return found


def _points(name: str, count: int, seed: int) -> np.ndarray:
    return draw_toy(name, count, np.random.default_rng(seed))


def _measures(name: str, points: np.ndarray) -> dict[str, float]:
    coverage = mode_coverage(name, points)
    return {"modes": float(coverage.modes_found), "good": coverage.good_fraction}


def _build(way: str, seed: int) -> Model:
    shape = (1, mixture("ring")[0].shape[1], 1)
    if way == "manual":
        return ava_np.build("gan", shape, latent=2, hidden=(128, 128), smoothing=0.1, output="linear", seed=seed)
    dense = {"layer": "dense", "width": 128, "initialiser": "he_normal"}
    generator = [dense, {"layer": "batch_norm"}, {"layer": "activation", "function": "relu"}] * 4
    discriminator = [dense, {"layer": "activation", "function": "leaky_relu"}] * 3
    architecture = {
        "decoder": (*generator, {"layer": "dense", "width": shape[1]}),
        "discriminator": ({"layer": "flatten"}, *discriminator),
    }
    return ava_np.build("gan", shape, latent=2, architecture=architecture, output="linear", seed=seed)
