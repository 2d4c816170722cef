"""Measure real digits and spoilt ones with every measure of samples: the tables of docs/manual/measures.md.

    python -m ava_np.experiments.measures MNIST [CACHE]

MNIST is the folder with its four files; CACHE is a folder for the trained classifiers. For each of the seeds 0 to 2, a
new classifier, 2000 test digits as the real ones, and 2000 training digits, as they are and spoilt. The output is
Markdown tables of the means, and of half the range over the seeds. The last one has the reconstruction errors of the
test digits that need no network.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ava_np.data.labels import read_labels
from ava_np.data.sources import read_pictures
from ava_np.errors import PictureError
from ava_np.evaluation.features import feature_function
from ava_np.evaluation.linear import PCA, fit_pca
from ava_np.evaluation.metrics import reconstruction_error
from ava_np.evaluation.samples import sample_measures
from ava_np.evaluation.sharpness import grey_share, sharpness

SEEDS, COUNT = range(3), 2000
COLUMNS = {
    "frechet_distance": "Fréchet distance",
    "kernel_distance": "kernel distance",
    "precision": "precision",
    "recall": "recall",
    "density": "density",
    "coverage": "coverage",
}

Digits = np.ndarray


def blurred(x: Digits) -> Digits:
    """Return the mean of the 3 x 3 pixels around each; outside it is black."""
    H, W = x.shape[1:3]
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    return np.mean([padded[:, i : i + H, j : j + W] for i in range(3) for j in range(3)], axis=0)


def spoilt(training: Digits, labels: np.ndarray, pca: PCA, count: int, seed: int) -> Iterator[tuple[str, Digits]]:
    """Yield sets of ``count`` training digits: as they are, and spoilt in one way each."""
    generator = np.random.default_rng((seed, 0))
    order = generator.permutation(len(training))
    x = training[order[:count]]
    noise = generator.normal(0, 0.2, x.shape).astype(np.float32)
    yield "real digits: the floor", x
    yield "blurred, 3 x 3", blurred(x)
    yield "reconstructed by PCA of 32", pca.reconstruct(x)
    yield "with noise of 0.2", np.clip(x + noise, 0, 1)
    yield "moved by 1 pixel", np.roll(x, 1, axis=2)
    yield "classes 0, 1, 2 alone", training[order[np.isin(labels[order], ["0", "1", "2"])][:count]]
    yield "20 digits, 100 times each", x[np.arange(count) % 20]
    half = x.copy()
    half[::2] = generator.random(half[::2].shape)
    yield "every second one random pixels", half
    yield "the mean digit", np.repeat(pca.mean[None], count, axis=0)


def table(
    training: Digits, labels: np.ndarray, test: Digits, *, by_class: bool, count: int = COUNT, cache: Path | None = None
) -> Iterator[str]:
    """Yield the lines of the table, with features of classifiers or of the PCA of the pixels."""
    pca = fit_pca(training, 32)
    values: dict[str, list[list[float]]] = {}
    for seed in SEEDS:
        features = feature_function(training, labels if by_class else None, seed=seed, cache=cache)
        real = features(test[np.random.default_rng((seed, 1)).permutation(len(test))[:count]])
        for name, x in spoilt(training, labels, pca, count, seed):
            measures = sample_measures(real, features(x)).as_dict()
            values.setdefault(name, []).append([*(measures[column] for column in COLUMNS), sharpness(x), grey_share(x)])
    yield "| set | " + " | ".join([*COLUMNS.values(), "sharpness", "grey share"]) + " |"
    yield "|---|" + "---|" * (len(COLUMNS) + 2)
    for name, rows in values.items():
        means, ranges = np.mean(rows, axis=0), np.ptp(rows, axis=0) / 2
        yield f"| {name} | " + " | ".join(map(cell, means, ranges)) + " |"


def cell(mean: float, half_range: float) -> str:
    """Return a value with three digits, and half the range with one."""
    return f"{mean:.3g} ± {float(f'{half_range:.1g}'):g}"


def errors(training: Digits, test: Digits) -> Iterator[str]:
    """Yield the lines of the table of reconstruction errors."""
    pca = fit_pca(training, 64)
    yield "| mean | PCA of 2 | 10 | 32 | 64 |"
    yield "|---|---|---|---|---|"
    cuts = [PCA(pca.mean, pca.components[:length]) for length in (0, 2, 10, 32, 64)]
    yield "| " + " | ".join(f"{reconstruction_error(test, cut.reconstruct(test)):.4f}" for cut in cuts) + " |"


def main() -> None:
    """Print both tables for the folder given on the command line."""
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: python -m ava_np.experiments.measures MNIST [CACHE]")
    folder, cache = Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) == 3 else None
    try:
        training = read_pictures(folder)
        labels = read_labels(folder, training.names)
        (test_path,) = folder.glob("t10k-images-idx3-ubyte*")
        test = read_pictures(test_path).array
    except (PictureError, ValueError) as error:
        sys.exit(f"{folder}: not the four files of MNIST ({error})")
    if labels is None:
        sys.exit(f"{folder}: there is no file of labels")
    for by_class, features in ((True, "a classifier"), (False, "64 principal components")):
        print(f"\nFeatures of {features}:\n")
        for line in table(training.array, labels, test, by_class=by_class, cache=cache):
            print(line, flush=True)
    print("\nReconstruction errors of the test digits:\n")
    for line in errors(training.array, test):
        print(line)


if __name__ == "__main__":
    main()
