"""What the trainings of ``ava_works`` show: mean and range over the seeds, and a sentence for each claim."""

from dataclasses import dataclass
from math import isnan, nan
from statistics import fmean
from typing import ClassVar

BUILT_IN = "built-in"


@dataclass(frozen=True)
class Key:
    """What tells one training from another.

    Attributes
    ----------
    data, architecture, model : str
        For example "mnist", "dcgan", "ava1".
    way : str
        "paper", "printed", "non-saturating" or "defaults".
    weight : float
        The adversarial weight of Ψ.
    seed : int
        Of the weights, the order of the pictures and the noise.
    """

    data: str
    architecture: str
    model: str
    way: str
    weight: float
    seed: int

    @property
    def name(self) -> str:
        """The name of its picture, without suffix."""
        return f"{self.data}-{self.architecture}-{self.model}-{self.way}-{self.weight:g}-{self.seed}"


@dataclass(frozen=True, kw_only=True)
class _Measured:
    """Measures of samples; NaN if there are too few pictures.

    Attributes
    ----------
    sharpness, grey_share, frechet_distance, kernel_distance, precision, recall, density, coverage : float
        As in ``evaluation``.
    """

    SAMPLE_MEASURES: ClassVar = ("frechet_distance", "kernel_distance", "precision", "recall", "density", "coverage")

    sharpness: float = nan
    grey_share: float = nan
    frechet_distance: float = nan
    kernel_distance: float = nan
    precision: float = nan
    recall: float = nan
    density: float = nan
    coverage: float = nan


@dataclass(frozen=True, kw_only=True)
class Reference(_Measured):
    """What needs no model: real pictures as samples, and the errors of the mean picture and of PCA.

    Attributes
    ----------
    data : str
        Name of the pictures.
    training, held_out : int
        Their numbers.
    labelled : bool
        Whether the features are those of a classifier, and not principal components.
    mean_error, pca_error : float
        Errors of held-out pictures.
    """

    data: str
    training: int
    held_out: int
    labelled: bool
    mean_error: float
    pca_error: float


@dataclass(frozen=True, kw_only=True)
class Result(_Measured):
    """The measures of one training; the first fields are those of its ``Key``.

    Attributes
    ----------
    error : float
        Reconstruction error of held-out pictures.
    ended : str
        "trained", or a description of the divergence.
    """

    data: str
    architecture: str
    model: str
    way: str
    weight: float
    seed: int
    error: float
    ended: str

    @property
    def key(self) -> Key:
        """What tells it from the others."""
        return Key(self.data, self.architecture, self.model, self.way, self.weight, self.seed)
