"""What the trainings of ``ava_works`` show: mean and range over the seeds, and a sentence for each claim."""

from dataclasses import dataclass
from math import nan
from typing import ClassVar

from ava_np.experiments.spread import Spread, verdict

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
        As in ``evaluation``; of codes from the prior.
    fitted_frechet_distance : float
        Of codes from the Gaussian that is fitted to those of the training pictures, as ``ava sample`` draws them.
    """

    SAMPLE_MEASURES: ClassVar = ("frechet_distance", "kernel_distance", "precision", "recall", "density", "coverage")

    sharpness: float = nan
    grey_share: float = nan
    frechet_distance: float = nan
    fitted_frechet_distance: float = nan
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
    sha256 : str
        Of the pictures.
    training, held_out : int
        Their numbers.
    labelled : bool
        Whether the features are those of a classifier, and not principal components.
    mean_error, pca_error : float
        Errors of held-out pictures.
    """

    data: str
    sha256: str
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
    error: float = nan
    ended: str

    @property
    def key(self) -> Key:
        """What tells it from the others."""
        return Key(self.data, self.architecture, self.model, self.way, self.weight, self.seed)


@dataclass(frozen=True)
class Group:
    """All seeds of a training.

    Attributes
    ----------
    key : Key
        Of the first of them.
    results : list of Result
        One or more, by seed.
    """

    key: Key
    results: list[Result]

    def spread(self, measure: str) -> Spread:
        """Return a measure over the seeds."""
        return Spread.of(getattr(one, measure) for one in self.results)


def group(results: list[Result]) -> list[Group]:
    """Put the seeds of each training together, in the order of the results."""
    groups: dict[tuple[object, ...], Group] = {}
    for one in results:
        kind = (one.data, one.architecture, one.model, one.way, one.weight)
        groups.setdefault(kind, Group(one.key, [])).results.append(one)
    return list(groups.values())


@dataclass(frozen=True)
class Claim:
    """A statement about an AVA and the VAE whose likelihood and propagation are the same.

    Attributes
    ----------
    text : str
        What AVA does.
    measure : str
        The name of the measure that decides.
    """

    text: str
    measure: str

    def distance(self, value: float, real: Reference) -> float:
        """Return how far a value is from the best, which is that of real pictures for sharpness."""
        if self.measure == "sharpness":
            return abs(value - real.sharpness)
        return -value if self.measure in ("recall", "coverage") else value

    def verdict(self, ava: Group, vae: Group, real: Reference) -> str:
        """Return what the seeds of both say (``spread.verdict``)."""
        of_ava, of_vae = (
            [self.distance(getattr(one, self.measure), real) for one in side.results] for side in (ava, vae)
        )
        return verdict(of_ava, of_vae)


CLAIMS = (
    Claim("Samples of N(0, I) are closer to real pictures", "frechet_distance"),
    Claim("Samples of the fitted codes are closer to real pictures", "fitted_frechet_distance"),
    Claim("The sharpness of samples is closer to that of real pictures", "sharpness"),
    Claim("Samples are more varied", "recall"),
    Claim("Samples cover more of the real pictures", "coverage"),
    Claim("Held-out pictures are reconstructed better", "error"),
)


@dataclass(frozen=True)
class Finding:
    """A claim about one AVA, and what the trainings say.

    Attributes
    ----------
    claim : Claim
        The statement.
    ava, vae : Group
        What is compared.
    verdict : str
        See ``Claim.verdict``.
    """

    claim: Claim
    ava: Group
    vae: Group
    verdict: str

    @property
    def sentence(self) -> str:
        """The verdict, with the numbers that it follows from."""
        ava, vae = self.ava.spread(self.claim.measure), self.vae.spread(self.claim.measure)
        measure = {
            "error": "reconstruction error",
            "frechet_distance": "Fréchet distance",
            "fitted_frechet_distance": "Fréchet distance with fitted codes",
        }
        name = measure.get(self.claim.measure, self.claim.measure)
        return f"{self.claim.text}: {self.verdict}. The {name} is {ava}, and {vae} for the VAE."


def findings(groups: list[Group], references: dict[str, Reference]) -> list[Finding]:
    """Check each claim for each AVA of weight 1, against the VAE of the same data, architecture and objective."""
    vaes = {(one.key.data, one.key.architecture, one.key.way): one for one in groups if one.key.model == "vae"}
    found = []
    for ava in groups:
        key = ava.key
        way = "printed" if key.way == "non-saturating" else key.way
        vae = vaes.get((key.data, key.architecture, way))
        if key.model == "vae" or key.weight != 1 or vae is None:
            continue
        for claim in CLAIMS:
            verdict = claim.verdict(ava, vae, references[key.data])
            if verdict != "not measured":
                found.append(Finding(claim, ava, vae, verdict))
    return found
