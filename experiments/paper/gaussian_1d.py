"""A GAN on N(4, 0.5²): does it collapse, and does minibatch discrimination keep the width? After Glover 2016.

    ava experiment gaussian-1d

"printed" has the networks of the source: a generator of one hidden layer of 4 softplus, and a discriminator of three
layers of 8 tanh; minibatch discrimination has 5 features of width 3. "default" has the networks of ``ava train
toy:gaussian --model gan --latent 1 --hidden 16``. The source prints no optimiser: Adam here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan

import numpy as np

import ava_np
from ava_np.data.toys import draw_toy, mixture
from ava_np.experiments.attempt import attempt
from ava_np.experiments.study import Finding, Key, Measure, Result, Row, Study, picture_name
from ava_np.models import Model
from ava_np.report.charts import to_png, toy_points

POINTS, SAMPLES, BATCH, RATE = 10_000, 10_000, 64, 0.001
CASES = {
    "printed": "networks as printed",
    "printed-minibatch": "networks as printed, minibatch discrimination",
    "default": "one hidden layer of 16",
    "default-minibatch": "one hidden layer of 16, minibatch discrimination",
}
COLLAPSED, CLOSE = 0.5, 0.1  # of the width of the data: narrower is a collapse; as near is "most of the width"


@dataclass(frozen=True)
class Plan:
    """What every result depends on, apart from the code and its ``Key``."""

    epochs: int


FULL, QUICK = Plan(40), Plan(2)


@dataclass(frozen=True)
class Width(Result):
    """Measures of one GAN.

    Attributes
    ----------
    mean, width : float
        Mean and standard deviation of 10,000 samples.
    distance : float
        How far ``width`` is from that of the data, 0.5.
    """

    mean: float = nan
    width: float = nan
    distance: float = nan


def study(*, seeds: int, quick: bool) -> Study:
    """Return the experiment."""
    plan = QUICK if quick else FULL
    steps = plan.epochs * -(-POINTS // BATCH)
    return Study(
        name="gaussian-1d",
        title="Does a GAN of one number collapse?",
        claimed="The source: collapsing to a point is a common failure of a GAN, which in this example can fool the "
        "discriminator with the mean of the data; with minibatch discrimination the generator maintains most of the "
        "width of the original data.",
        protocol=f"{POINTS} points of N(4, 0.5²), {steps} steps of Adam ({RATE}) on {BATCH} of them, codes from "
        f"N(0, 1). Mean and standard deviation of {SAMPLES} samples. The source prints neither optimiser nor steps. "
        "A training has collapsed if its width is below 0.25.",
        cases=CASES,
        measures={
            "mean": Measure("mean"),
            "width": Measure("width"),
            "distance": Measure("distance of the width from 0.5", "less"),
        },
        result=Width,
        trial=train,
        shared=[plan],
        plan=plan,
        keys=[Key(case, seed) for seed in range(seeds) for case in CASES],
        findings=findings,
        references={"points of N(4, 0.5²)": _measures(draw_toy("gaussian", SAMPLES, np.random.default_rng(1)))},
        picture="Samples of the first seed, over the points",
        chart=True,
    )


def build(case: str, seed: int) -> Model:
    """Return the untrained GAN of a case."""
    networks, _, minibatch = case.partition("-")
    if networks == "default":
        return ava_np.build(
            "gan",
            (1, 1, 1),
            latent=1,
            hidden=(16,),
            output="linear",
            minibatch_discrimination=bool(minibatch),
            seed=seed,
        )
    tanh = [{"layer": "dense", "width": 8}, {"layer": "activation", "function": "tanh"}]
    similarity = [{"layer": "minibatch_discrimination", "features": 5, "width": 3}] if minibatch else []
    generator = (
        {"layer": "dense", "width": 4},
        {"layer": "activation", "function": "softplus"},
        {"layer": "dense", "width": 1},
    )
    architecture = {"decoder": generator, "discriminator": ({"layer": "flatten"}, *tanh * 3, *similarity)}
    return ava_np.build("gan", (1, 1, 1), latent=1, architecture=architecture, output="linear", seed=seed)


def train(plan: Plan, key: Key) -> tuple[Width, Mapping[str, bytes]]:
    """Train one GAN, and measure its samples."""
    points = draw_toy("gaussian", POINTS, np.random.default_rng(0))
    model = build(key.case, key.seed)
    ended = attempt(model, points, epochs=plan.epochs, batch_size=BATCH, learning_rate=RATE, seed=key.seed)
    samples = model.sample(SAMPLES, key.seed)
    picture = to_png(toy_points(points, samples, "samples"))
    return Width(key.case, key.seed, ended, **_measures(samples)), {picture_name(key): picture}


def findings(rows: Mapping[str, Row]) -> list[Finding]:
    """Return how many trainings collapse, and whether minibatch discrimination keeps the width."""
    width, found = mixture("gaussian")[1], []
    for networks in ("printed", "default"):
        plain, minibatch = rows.get(networks), rows.get(f"{networks}-minibatch")
        for row, title in ((plain, "Without"), (minibatch, "With")):
            if row is not None:
                widths = row.measured("width")
                narrow = sum(one < COLLAPSED * width for one in widths)
                claim = f"{title} minibatch discrimination, {CASES[networks]}: collapsed"
                found.append(Finding(claim, f"{narrow} of {len(widths)}", f"Width {row.spread('width')}"))
        if plain is not None and minibatch is not None:
            claim = f"Minibatch discrimination keeps the width, {CASES[networks]}"
            close, without = (_close(row.measured("distance"), CLOSE * width) for row in (minibatch, plain))
            found.append(Finding(claim, f"{close} are within a tenth of it", f"Without it, {without}"))
    return found


def _close(distances: list[float], most: float) -> str:
    return f"{sum(one < most for one in distances)} of {len(distances)}"


def _measures(points: np.ndarray) -> dict[str, float]:
    values = points.astype(np.float64)
    width = float(values.std())
    return {"mean": float(values.mean()), "width": width, "distance": abs(width - mixture("gaussian")[1])}
