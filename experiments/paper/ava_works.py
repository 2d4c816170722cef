"""Does AVA work? A VAE and AVA1 to AVA5, with the paper's rules and with true gradients, on any pictures.

The paper hopes that discriminators improve what a VAE draws. Each model is trained in up to four ways:

    paper           the printed rules (5) to (16)
    printed         true gradients of the printed objectives (3) and (12)
    non-saturating  the same with -log d in place of log(1 - d)
    default         the same with a calibrated variance

    ava experiment ava-works FOLDER

Each finished training run is a line of ``results.csv``. If the experiment is stopped, the next start continues after
the last line.
"""

import csv
import os
import time
from dataclasses import asdict, dataclass, fields
from math import nan
from pathlib import Path
from typing import Any, get_args

import joblib
import msgspec
import numpy as np
from joblib.externals.loky.process_executor import TerminatedWorkerError

from ava_np.console import progress_counter, say
from ava_np.data.labels import read_labels
from ava_np.data.sources import read_pictures
from ava_np.errors import AvaError, NotFiniteError
from ava_np.evaluation import linear
from ava_np.evaluation.features import feature_function
from ava_np.evaluation.metrics import reconstruction_error
from ava_np.evaluation.samples import sample_measures
from ava_np.evaluation.sharpness import sharpness
from ava_np.files import write_atomically
from ava_np.images import grid, to_png
from ava_np.models import build
from ava_np.specification import PaperModel
from ava_np.specification.defaults import default_adaptive_rate, default_batch_size
from ava_np.training.fit import fit

WAYS: dict[str, dict[str, Any]] = {
    "paper": {"propagation": "paper"},
    "printed": {"likelihood": "gaussian", "saturating": True},
    "non-saturating": {"likelihood": "gaussian"},
    "default": {},
}
HELD_OUT = 0.1  # share of the pictures
MAX_SAMPLES = 1000  # of a model, and real pictures that they are compared with
LEAST_SAMPLES = 40  # held-out pictures, for which samples are compared
CODE = 16
HIDDEN = {"mlp": (256,), "conv28": (32, 64), "dcgan": (32, 64)}


@dataclass(frozen=True)
class Plan:
    """Settings that the results depend on, apart from the code.

    Attributes
    ----------
    architectures, models : tuple of str
        What is trained.
    seeds : int
        Number of seeds, from 0.
    epochs : int
        Passes over the training pictures.
    pictures : str
        SHA-256 of the pictures.
    """

    architectures: tuple[str, ...]
    models: tuple[str, ...]
    seeds: int
    epochs: int
    pictures: str


@dataclass(frozen=True)
class Result:
    """A finished training run; what cannot be measured is NaN."""

    architecture: str
    model: str
    way: str
    seed: int
    error: float
    sharpness: float
    frechet: float
    frechet_fitted: float
    kernel: float
    precision: float
    recall: float
    density: float
    coverage: float
    kl: float
    log_d_real: float
    log_d_fake: float
    seconds: float


Key = tuple[str, str, str, int]


@dataclass(frozen=True)
class Pictures:
    """Training and held-out pictures, and the features of the latter."""

    training: np.ndarray
    held_out: np.ndarray
    features: Any
    real: np.ndarray | None


def run(
    folder: Path | None,
    *,
    quick: bool = False,
    architectures: tuple[str, ...] = tuple(HIDDEN),
    models: tuple[str, ...] = get_args(PaperModel),
    seeds: int = 3,
    epochs: int | None = None,
    limit: int = 20_000,
    out: Path | None = None,
    jobs: int | None = None,
) -> Path:
    """Do the training runs that are still missing, and write the page.

    Parameters
    ----------
    folder : Path or None
        Pictures, at most ``limit``; None for the built-in ones.
    quick : bool
        A trial: dense layers, one seed, a tenth of the steps.
    architectures, models : tuple of str
        What to train.
    seeds : int
        Number of seeds.
    epochs : int, optional
        Passes over the pictures; by default enough for 1250 steps.
    limit : int
        Maximum number of pictures.
    out : Path, optional
        Folder for the results; by default runs/ava-works.
    jobs : int, optional
        Number of training runs in parallel; by default one per core.

    Returns
    -------
    Path
        The page, report.html.

    Raises
    ------
    AvaError
        If the pictures cannot be read, or ``out`` holds results of another plan.
    """
    from ava_np.experiments.paper.ava_works_page import write_page

    read = read_pictures(folder, zoom=3 if folder is None else 1, limit=limit)
    zoomed = read.array if folder is not None else read.array[:, ::3, ::3]
    steps = 125 if quick else 1250
    each = -(-len(zoomed) // default_batch_size(len(zoomed)))
    plan = Plan(
        architectures[:1] if quick else architectures,
        models,
        1 if quick else seeds,
        epochs or -(-steps // each),
        str(read.sha256),
    )
    out = out or Path("runs") / "ava-works"
    results = _open(out, plan)
    keys = [
        (architecture, model, way, seed)
        for seed in range(plan.seeds)
        for architecture in plan.architectures
        for model in plan.models
        for way in WAYS
        if not (model == "vae" and way == "non-saturating")  # it has no discriminator
    ]
    pictures = _split(zoomed, None if folder is None else read_labels(folder, read.names), out)
    missing = [key for key in keys if key not in results]
    say(f"{len(keys) - len(missing)} of {len(keys)} training runs of {plan.epochs} epochs are done; results in {out}")
    jobs = min(jobs or os.cpu_count() or 1, max(1, len(missing)))
    trainings = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered")(
        joblib.delayed(train)(pictures, plan.epochs, key) for key in missing
    )
    with progress_counter("training", len(results), jobs) as show, (out / "results.csv").open("a") as file:
        try:
            for result, samples in trainings:
                key = (result.architecture, result.model, result.way, result.seed)
                write_atomically(out / f"{'-'.join(map(str, key))}.png", samples)
                results[key] = result
                csv.writer(file, lineterminator="\n").writerow(asdict(result).values())
                file.flush()
                show(len(results), len(keys))
        except TerminatedWorkerError:
            raise AvaError(f"a training run was killed: start again to continue in {out}") from None
    return write_page(out, plan.epochs, pictures, [results[key] for key in keys])


def train(pictures: Pictures, epochs: int, key: Key) -> tuple[Result, bytes]:
    """Train one model; return what was measured, and a sheet of samples as a PNG file."""
    architecture, name, way, seed = key
    options = {name: value for name, value in WAYS[way].items() if name != "saturating" or key[1] != "vae"}
    shape = pictures.training.shape[1:]
    options |= {"architecture": architecture, "hidden": HIDDEN[architecture], "latent": CODE}
    model, begun = build(name, shape, seed=seed, **options), time.perf_counter()
    nats: dict[str, float] = {}
    try:
        metrics = fit(
            model,
            pictures.training,
            epochs=epochs,
            batch_size=default_batch_size(len(pictures.training)),
            learning_rate=default_adaptive_rate(model.specification),
            seed=seed,
        )
        nats = metrics[-1]["nats"]
    except NotFiniteError as error:
        say(f"{' '.join(map(str, key))} diverged: {error}")
    seconds = time.perf_counter() - begun
    samples, fitted = (model.sample(MAX_SAMPLES, 0, from_prior=prior) for prior in (True, False))
    measured = dict.fromkeys(("frechet_distance", "kernel_distance", "precision", "recall", "density", "coverage"), nan)
    frechet_fitted = nan
    if pictures.real is not None:
        measured = sample_measures(pictures.real, pictures.features(samples)).as_dict()
        frechet_fitted = sample_measures(pictures.real, pictures.features(fitted)).frechet_distance
    result = Result(
        *key,
        error=reconstruction_error(pictures.held_out, model.reconstruct(pictures.held_out)),
        sharpness=float(sharpness(samples)),
        frechet=measured["frechet_distance"],
        frechet_fitted=frechet_fitted,
        kernel=measured["kernel_distance"],
        precision=measured["precision"],
        recall=measured["recall"],
        density=measured["density"],
        coverage=measured["coverage"],
        kl=nats.get("kl", nan),
        log_d_real=nats.get("log_d_real", nan),
        log_d_fake=nats.get("log_d_fake", nan),
        seconds=seconds,
    )
    return result, to_png(grid(samples[:32], 8, 1))


def _split(array: np.ndarray, labels: np.ndarray | None, out: Path) -> Pictures:
    """Hold out a share of the pictures; of too few, none, and samples are then not compared."""
    order = np.random.default_rng(0).permutation(len(array))
    count = min(MAX_SAMPLES, int(HELD_OUT * len(array)))
    if count < LEAST_SAMPLES:
        return Pictures(array, array, None, None)
    held_out, training = np.sort(order[:count]), np.sort(order[count:])
    known = None if labels is None else np.asarray(labels)[training]
    features = feature_function(array[training], known, seed=0, cache=out / "features", progress=None)
    return Pictures(array[training], array[held_out], features, features(array[held_out]))


def baselines(pictures: Pictures) -> dict[str, float]:
    """Return the measures of real training pictures beside the held-out ones, and errors that need no network."""
    chosen = np.random.default_rng(1).permutation(len(pictures.training))[:MAX_SAMPLES]
    as_good = pictures.training[chosen]
    values = {
        "mean image": linear.mean_image_error(pictures.training, pictures.held_out),
        "PCA": linear.pca_error(pictures.training, pictures.held_out, CODE),
        "sharpness": float(sharpness(pictures.held_out)),
    }
    if pictures.real is not None:
        values |= sample_measures(pictures.real, pictures.features(as_good)).as_dict()
    return values


def _open(out: Path, plan: Plan) -> dict[Key, Result]:
    """Create ``out`` if necessary, and return the results that it already holds."""
    plan_json = msgspec.json.format(msgspec.json.encode(plan), indent=2)
    try:
        out.mkdir(parents=True, exist_ok=True)
        if not (out / "plan.json").exists():
            if any(out.iterdir()):
                raise AvaError(f"{out} is already used: choose another --out")
            write_atomically(out / "results.csv", (",".join(field.name for field in fields(Result)) + "\n").encode())
            write_atomically(out / "plan.json", plan_json)
        if (out / "plan.json").read_bytes() != plan_json:
            raise AvaError(f"{out} holds results of other pictures or settings: choose another --out")
        text = (out / "results.csv").read_text()
    except OSError as error:
        raise AvaError(f"cannot write {out}: {error.strerror}") from error
    whole = text[: text.rfind("\n") + 1]  # the run of an incomplete line is done again
    write_atomically(out / "results.csv", whole.encode())
    try:
        rows = [msgspec.convert(row, Result, strict=False) for row in csv.DictReader(whole.splitlines())]
    except msgspec.ValidationError as error:
        raise AvaError(f"{out / 'results.csv'} is damaged ({error}): repair it, or choose another --out") from error
    return {(row.architecture, row.model, row.way, row.seed): row for row in rows}
