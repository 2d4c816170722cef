"""The measures of ``ava evaluate --measures`` by name: each with what real pictures or a baseline score.

A ``Subject`` holds a model and the pictures that it is measured on. A measure returns one or more ``Measured`` values,
or says why it does not fit the model or the pictures.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import Literal, NamedTuple

import numpy as np

from ava_np.data.pictures import Progress
from ava_np.evaluation.arrays import Floats
from ava_np.evaluation.codes import knn_accuracy, linear_probe
from ava_np.evaluation.evaluate import MAX_COMPARED
from ava_np.evaluation.features import FeatureFunction
from ava_np.evaluation.fidelity import psnr, ssim
from ava_np.evaluation.linear import fit_pca, mean_image
from ava_np.evaluation.metrics import balance_metric, reconstruction_errors, rmse
from ava_np.evaluation.parzen import parzen_log_likelihood
from ava_np.evaluation.samples import sample_measures
from ava_np.evaluation.sharpness import grey_share, sharpness
from ava_np.indices import evenly_spaced
from ava_np.models import Model
from ava_np.models.likelihood import Probabilistic, bits_per_dimension, decoder_variance, elbos, log_likelihoods

FEWEST = 20  # pictures that samples are compared with
WINDOWS = 1000  # training pictures that choose the width of Parzen windows

Better = Literal["less", "more"] | None


class Measured(NamedTuple):
    """One value.

    Attributes
    ----------
    name : str
        In JSON.
    title : str
        With its unit.
    value : float
        Of the model.
    better : {"less", "more"} or None
        The better direction; None if the best value is that of real pictures, or for a standard error.
    baselines : dict of str to float
        What needs no model, such as real pictures or the mean picture.
    """

    name: str
    title: str
    value: float
    better: Better
    baselines: dict[str, float]


@dataclass(frozen=True, eq=False)
class Subject:
    """A model, and what it is measured on.

    Attributes
    ----------
    model : Model
        The model.
    pictures, training : ndarray, (N, H, W, C) and (M, H, W, C)
        The pictures to measure on, and training pictures, of the model's shape.
    labels, training_labels : ndarray of str, or None
        Their classes, where the source tells them.
    features : callable
        Returns the function from pictures to features, trained at the first call.
    importance_samples : int
        For the likelihood.
    seed : int
        Of all samples.
    """

    model: Model
    pictures: Floats
    training: Floats
    labels: np.ndarray | None
    training_labels: np.ndarray | None
    features: Callable[[], FeatureFunction]
    importance_samples: int
    seed: int

    def samples(self) -> Floats:
        """Return as many samples as there are pictures."""
        return self.model.sample(len(self.pictures), np.random.default_rng((self.seed, 3)))

    def real(self) -> Floats:
        """Return as many training pictures, drawn at random: samples that are as good as real ones."""
        order = np.random.default_rng((self.seed, 4)).permutation(len(self.training))
        return self.training[order[: len(self.pictures)]]


def _reconstruction(subject: Subject, progress: Progress) -> list[Measured]:
    """Return the reconstruction error, PSNR and SSIM, each beside the mean picture and PCA."""
    x, length = subject.pictures, min(subject.model.latent, len(subject.training))
    sets = {
        "model": subject.model.reconstruct(x),
        "mean picture": np.broadcast_to(mean_image(subject.training), x.shape),
        f"PCA of {subject.model.latent}": fit_pca(subject.training, length).reconstruct(x),
    }
    found = []
    measures: tuple[tuple[str, str, Better, Callable[[Floats, Floats], Floats]], ...] = (
        ("reconstruction_error", "reconstruction error", "less", reconstruction_errors),
        ("psnr", "PSNR, dB", "more", psnr),
        ("ssim", "SSIM", "more", ssim),
    )
    for name, title, better, measure in measures:
        values = {of: float(measure(x, decoded).mean()) for of, decoded in sets.items()}
        found.append(Measured(name, title, values.pop("model"), better, values))
    return found


def _one_image(subject: Subject, progress: Progress) -> list[Measured]:
    """Return (17) and the balance metric, at the model's size, of the best reconstruction or of 100 samples."""
    x, model = subject.pictures, subject.model
    tried = x[evenly_spaced(len(x), MAX_COMPARED)]
    if model.encoder_name is None:
        images = model.sample(MAX_COMPARED, np.random.default_rng((subject.seed, 3)))
    else:
        images = model.reconstruct(tried)
    best, mean = images[int(np.argmin([rmse(image, x) for image in images]))], mean_image(subject.training)
    return [
        Measured("rmse_at_model_size", "(17) of one image", rmse(best, x), "less", {"mean picture": rmse(mean, x)}),
        Measured("balance", "balance metric", balance_metric(best, x), None, {"mean picture": balance_metric(mean, x)}),
    ]


def _likelihood(subject: Subject, progress: Progress) -> list[Measured]:
    """Return ELBO and importance-sampled log p(x), in nats and in bits."""
    model, x, k = subject.model, subject.pictures, subject.importance_samples
    calibrated = getattr(model.specification, "likelihood", None) == "calibrated"
    variance = decoder_variance(model, subject.training, seed=subject.seed) if calibrated else None
    bound = elbos(model, x, samples=10, seed=subject.seed, variance=variance)
    estimates = log_likelihoods(model, x, samples=k, seed=subject.seed, variance=variance, progress=progress)
    nll = -float(estimates.mean())
    return [
        Measured("negative_elbo", "-ELBO, nats", -float(bound.mean()), "less", {}),
        Measured("nll", f"-log p(x), nats, {k} samples", nll, "less", {}),
        Measured("nll_error", "standard error of -log p(x)", float(estimates.std() / sqrt(len(estimates))), None, {}),
        Measured("bits", "bits per value", bits_per_dimension(-nll, model.neurons), "less", {}),
    ]


def _parzen(subject: Subject, progress: Progress) -> list[Measured]:
    """Return the Parzen window estimate, beside that of training pictures as samples."""
    order = np.random.default_rng((subject.seed, 5)).permutation(len(subject.training))
    count = min(WINDOWS, len(order) // 2)
    validation, others = subject.training[order[:count]], subject.training[order[count:]]
    samples = subject.model.sample(len(others), np.random.default_rng((subject.seed, 3)))
    found = parzen_log_likelihood(samples, subject.pictures, validation, progress=progress)
    real = parzen_log_likelihood(others, subject.pictures, validation, progress=progress)
    return [
        Measured(
            "parzen",
            f"Parzen log p(x), nats, {len(samples)} samples",
            found.value,
            "more",
            {"real pictures": real.value},
        ),
        Measured("parzen_error", "standard error of Parzen", found.standard_error, None, {}),
    ]


def _codes(subject: Subject, progress: Progress) -> list[Measured]:
    """Return what codes know of classes, beside what pixels know."""
    assert subject.labels is not None
    assert subject.training_labels is not None
    labels = (subject.training_labels, subject.labels)
    sets = [subject.model.encode(x) for x in (subject.training, subject.pictures)]
    pixels = [x.reshape(len(x), -1) for x in (subject.training, subject.pictures)]
    nearest = [knn_accuracy(a, labels[0], b, labels[1], progress=progress) for a, b in (sets, pixels)]
    linear = [linear_probe(a, labels[0], b, labels[1]) for a, b in (sets, pixels)]
    return [
        Measured("knn", "class of the nearest code", nearest[0], "more", {"pixels": nearest[1]}),
        Measured("probe", "class by a linear map", linear[0], "more", {"pixels": linear[1]}),
    ]


def _sharpness(subject: Subject, progress: Progress) -> list[Measured]:
    """Return the sharpness and the grey share of samples, beside those of real pictures."""
    samples, real = subject.samples(), subject.pictures
    return [
        Measured("sharpness", "sharpness of samples", sharpness(samples), None, {"real pictures": sharpness(real)}),
        Measured("grey_share", "grey share of samples", grey_share(samples), None, {"real pictures": grey_share(real)}),
    ]


def _samples(subject: Subject, progress: Progress) -> list[Measured]:
    """Return the measures of samples on features, beside those of training pictures as samples."""
    features = subject.features()
    real = features(subject.pictures)
    found = sample_measures(real, features(subject.samples())).as_dict()
    floor = sample_measures(real, features(subject.real())).as_dict()
    titles: dict[str, tuple[str, Better]] = {
        "frechet_distance": ("Fréchet distance", "less"),
        "kernel_distance": ("kernel distance", "less"),
        "kernel_distance_error": ("standard error of kernel distance", None),
        "precision": ("precision", "more"),
        "recall": ("recall", "more"),
        "density": ("density", "more"),
        "coverage": ("coverage", "more"),
    }
    return [
        Measured(name, title, found[name], better, {"real pictures": floor[name]})
        for name, (title, better) in titles.items()
    ]


MEASURES: dict[str, Callable[[Subject, Progress], list[Measured]]] = {
    "reconstruction": _reconstruction,
    "image": _one_image,
    "likelihood": _likelihood,
    "parzen": _parzen,
    "codes": _codes,
    "sharpness": _sharpness,
    "samples": _samples,
}
"""Each measure by its name on the command line: from the subject, and a function that is told (done, total)."""


def why_not(name: str, subject: Subject) -> str | None:
    """Return why a measure does not fit a subject, in a few words, or None if it does.

    Parameters
    ----------
    name : str
        A key of ``MEASURES``.
    subject : Subject
        The model and the pictures.
    """
    model = subject.model
    if name in ("reconstruction", "codes") and model.encoder_name is None:
        return f"{model.specification.name} has no encoder"
    if name == "likelihood" and not isinstance(model, Probabilistic):
        return f"{model.specification.name} has no likelihood of pictures"
    if name == "codes" and (subject.labels is None or subject.training_labels is None):
        return "the source does not tell the classes of the pictures"
    if name == "sharpness" and min(model.shape[:2]) < 3:
        return "the pictures have less than 3 x 3 pixels"
    fewest = min(len(subject.pictures), len(subject.training))
    if name == "samples" and fewest < FEWEST:
        return f"{fewest} pictures are fewer than {FEWEST}"
    if name == "parzen" and len(subject.training) < 4:
        return "there are fewer than four training pictures"
    return None
