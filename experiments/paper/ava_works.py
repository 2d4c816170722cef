"""Does AVA work? VAE and AVA1 to AVA5, as printed and with what was added, by measures of samples and reconstructions.

    ava experiment ava-works --data MNIST --data COIL

Each training has as many steps of Adam on 64 pictures, whatever the data; only architecture, model, way and seed
differ. Up to 20,000 pictures are for training, and up to 2000 others, drawn at random, are held out: reconstructed, and
compared with as many samples. Each finished training is a line of ``results.csv`` and a picture of its samples. If the
experiment is stopped, the next start continues after the last line, and it may name other models, seeds or data.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from math import nan
from pathlib import Path
from typing import Any, get_args

import msgspec
import numpy as np

from ava_np.console import say
from ava_np.data.labels import read_labels
from ava_np.data.sources import read_pictures
from ava_np.errors import AvaError
from ava_np.evaluation.features import FeatureFunction, feature_function
from ava_np.evaluation.linear import mean_image_error, pca_error
from ava_np.evaluation.metrics import reconstruction_error
from ava_np.evaluation.samples import sample_measures
from ava_np.evaluation.sharpness import grey_share, sharpness
from ava_np.experiments.attempt import attempt
from ava_np.experiments.paper.ava_works_summary import BUILT_IN, Key, Reference, Result
from ava_np.experiments.trials import Trials
from ava_np.files import write_atomically
from ava_np.images import grid, to_png
from ava_np.models import build
from ava_np.specification import PaperModel

WAYS: dict[str, dict[str, Any]] = {
    "paper": {"propagation": "paper"},
    "printed": {"likelihood": "gaussian", "saturating": True},
    "non-saturating": {"likelihood": "gaussian"},
    "defaults": {},
}
"""The options of each way; a VAE has no discriminator that could saturate."""

HIDDEN = {"mlp": (), "conv28": (), "dcgan": (32, 64)}
LATENT, BATCH, SHOWN = 16, 64, 32
TRAINING, HELD_OUT, FEWEST = 20_000, 2000, 100  # FEWEST held-out pictures to measure samples with
BUILT_IN_SIZE = (36, 50)


@dataclass(frozen=True)
class Plan:
    """What every result depends on, apart from the code, the pictures and its ``Key``.

    Attributes
    ----------
    steps : int
        Steps per training, rounded up to whole epochs.
    """

    steps: int


FULL, QUICK = Plan(1250), Plan(60)


@dataclass(frozen=True, eq=False)
class Data:
    """A set of pictures, in two random parts.

    Attributes
    ----------
    name : str
        Of the folder.
    training, held_out : ndarray, (N, H, W, C) float32
        In [0, 1].
    labelled : bool
        Whether the features are those of a classifier, and not principal components.
    features : callable or None
        What to compare samples by; None if too few pictures are held out.
    sha256 : str
        Of all pictures that were read.
    """

    name: str
    training: np.ndarray
    held_out: np.ndarray
    labelled: bool
    features: FeatureFunction | None
    sha256: str


def run(
    folders: Sequence[Path] = (),
    *,
    models: Sequence[str] = tuple(get_args(PaperModel)),
    ways: Sequence[str] = tuple(WAYS),
    architectures: Sequence[str] = ("dcgan",),
    weights: Sequence[float] = (),
    seeds: int = 3,
    quick: bool = False,
    out: Path | None = None,
    jobs: int | None = None,
    scheduler: str | None = None,
) -> Path:
    """Do the trainings that are still missing, in parallel, and write the page about all that are done.

    Parameters
    ----------
    folders : sequence of Path
        Folders of pictures; none for the built-in ones.
    models, ways, architectures : sequence of str
        What to train, each with each.
    weights : sequence of float
        Other adversarial weights for AVA1, trained with one seed by the ways "non-saturating" and "defaults".
    seeds : int
        Trainings that differ by the seed alone, from seed 0.
    quick : bool
        Only 60 steps, the first architecture and one seed.
    out : Path or None
        Folder for the results; None uses runs/ava-works or runs/ava-works-quick.
    jobs : int or None
        Number of trainings in parallel; None uses one per core.
    scheduler : str or None
        Address of a Dask scheduler, whose workers train.

    Returns
    -------
    Path
        The page, report.html.

    Raises
    ------
    AvaError
        If pictures cannot be read, two folders have the same name, ``out`` cannot be written or holds other results, or
        the scheduler cannot be reached.
    """
    from ava_np.experiments.paper.ava_works_page import write_page

    plan = QUICK if quick else FULL
    out = out or Path("runs") / ("ava-works-quick" if quick else "ava-works")
    sources: Sequence[Path | None] = folders or [None]
    trials = Trials(out, plan, Key, Result)
    say("reading pictures and training the classifiers that compare them")
    sets = {data.name: data for data in (read_data(source, out / "features") for source in sources)}
    if len(sets) < len(folders):
        raise AvaError("two folders of pictures have the same name: rename one")
    references = _references(out, [refer(data) for data in sets.values()])
    if quick:
        architectures, seeds = architectures[:1], 1
    keys = [
        Key(name, architecture, model, way, 1.0, seed)
        for seed, name, architecture, model, way in product(range(seeds), sets, architectures, models, ways)
        if not (model == "vae" and way == "non-saturating")
    ]
    keys += [
        Key(name, architecture, "ava1", way, weight, 0)
        for name, architecture, weight, way in product(sets, architectures, weights, ("non-saturating", "defaults"))
        if weight != 1
    ]
    trials.run(train, [sets, plan.steps], keys, jobs=jobs, scheduler=scheduler)
    return write_page(out, plan.steps, references, sorted(trials.results.values(), key=_place))


def read_data(folder: Path | None, cache: Path | None = None) -> Data:
    """Read a folder of pictures, or the built-in ones, and hold out a sixth, at most 2000, drawn with seed 0."""
    read = read_pictures(folder, size=BUILT_IN_SIZE if folder is None else None)
    labels = None if folder is None else read_labels(folder, read.names)
    order = np.random.default_rng(0).permutation(len(read.array))
    held = min(HELD_OUT, max(1, len(order) // 6))
    rows = order[held : held + TRAINING]
    if not len(rows):
        raise AvaError(f"{folder}: one picture is too few: some are for training, others are held out")
    name = BUILT_IN if folder is None else folder.resolve().name
    training, held_out = read.array[rows], read.array[order[:held]]
    labels = None if labels is None else labels[rows]
    features = None if held < FEWEST else feature_function(training, labels, cache=cache)
    return Data(name, training, held_out, labels is not None, features, read.sha256)


def train(sets: Mapping[str, Data], steps: int, key: Key) -> tuple[Result, dict[str, bytes]]:
    """Train one model, and measure it.

    Parameters
    ----------
    sets : mapping of str to Data
        The pictures by name.
    steps : int
        Steps of Adam, rounded up to whole epochs.
    key : Key
        Data, architecture, model, way, adversarial weight and seed.

    Returns
    -------
    Result, dict of str to bytes
        The measures, of the last finite parameters if the training diverged; and a picture of samples by its file.
    """
    data = sets[key.data]
    options = dict(WAYS[key.way])
    if key.model == "vae":
        options.pop("saturating", None)
    elif key.weight != 1:
        options["adversarial_weight"] = key.weight
    network = build(
        key.model, data.training.shape[1:], architecture=key.architecture, hidden=HIDDEN[key.architecture],
        latent=LATENT, seed=key.seed, **options,
    )  # fmt: skip
    epochs = math.ceil(steps / math.ceil(len(data.training) / BATCH))
    rate = 0.001 if key.model == "vae" else 0.0005
    batch = min(BATCH, len(data.training))
    ended = attempt(
        network, data.training, epochs=epochs, batch_size=batch, learning_rate=rate, seed=key.seed
    )  # fmt: skip
    count = len(data.held_out)
    samples = network.sample(max(count, SHOWN), key.seed, from_prior=True)  # as the paper draws them
    fitted = _of_samples(network.sample(count, key.seed), data)  # as users draw them
    result = Result(
        **asdict(key),
        error=reconstruction_error(data.held_out, network.reconstruct(data.held_out)),
        **_of_samples(samples[:count], data),
        fitted_frechet_distance=fitted.get("frechet_distance", nan),
        ended=ended,
    )
    return result, {f"samples/{key.name}.png": to_png(grid(samples[:SHOWN], columns=SHOWN // 4))}


def refer(data: Data) -> Reference:
    """Return what real pictures, the mean picture and PCA score; as samples, held-out against training pictures."""
    count = min(len(data.held_out), len(data.training))
    real = _of_samples(data.training[:count], data)
    return Reference(
        data=data.name,
        sha256=data.sha256,
        training=len(data.training),
        held_out=len(data.held_out),
        labelled=data.labelled,
        mean_error=mean_image_error(data.training, data.held_out),
        pca_error=pca_error(data.training, data.held_out, LATENT),
        **real,
    )


def _of_samples(samples: np.ndarray, data: Data) -> dict[str, Any]:
    """Return the measures of samples by name; NaN are those for which there are too few pictures."""
    found = {"sharpness": sharpness(samples), "grey_share": grey_share(samples)}
    if data.features is None:
        return found
    measures = sample_measures(data.features(data.held_out), data.features(samples)).as_dict()
    return found | {name: measures[name] for name in Reference.SAMPLE_MEASURES}


def _place(one: Result) -> tuple[object, ...]:
    """Return what results are sorted by on the page: the VAE first, and the ways in their order."""
    models = get_args(PaperModel)
    return one.data, one.architecture, models.index(one.model), [*WAYS].index(one.way), one.weight, one.seed


def _references(out: Path, new: list[Reference]) -> dict[str, Reference]:
    """Add new references to those in ``out``, and return all by name; pictures that changed are refused."""
    path = out / "references.json"
    known: list[dict[str, Any]] = msgspec.json.decode(path.read_bytes()) if path.exists() else []
    references = {}
    for row in known:
        values: dict[str, Any] = {name: nan if value is None else value for name, value in row.items()}
        references[row["data"]] = Reference(**values)
    for one in new:
        if one.data in references and one.sha256 != references[one.data].sha256:
            raise AvaError(f"{out} holds results of other pictures named {one.data}: choose another --out")
        references[one.data] = one
    write_atomically(path, msgspec.json.format(msgspec.json.encode(list(references.values())), indent=2))
    return references
