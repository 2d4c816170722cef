"""Compare the paper's printed figures with the measured ones, and check each of its claims against both."""

from collections.abc import Callable
from dataclasses import dataclass
from math import isnan, nan
from statistics import fmean, pstdev
from typing import get_args

from ava_np.specification import PaperModel, Propagation


@dataclass(frozen=True)
class Key:
    """What tells one training run from another.

    Attributes
    ----------
    propagation, model : str
        For example "paper", "ava1".
    rate : float
        Learning rate γ.
    """

    propagation: str
    model: str
    rate: float


@dataclass(frozen=True)
class Result:
    """Result of one training run; the first fields are those of its ``Key``.

    Attributes
    ----------
    rmse, rmse_mean : float
        RMSE (17) of imageBest, and the mean of (17) over all decoded pictures.
    reconstruction_error : float
        Mean distance of each picture from its own reconstruction, at the zoomed size.
    brightness : float
        Mean of imageBest over pixels and channels, 0 to 1.
    ended : str
        "trained", or a description of the divergence.
    """

    propagation: str
    model: str
    rate: float
    rmse: float = nan
    rmse_mean: float = nan
    reconstruction_error: float = nan
    brightness: float = nan
    ended: str = "trained"


@dataclass(frozen=True)
class Figures:
    """Mean, minimum and standard deviation of RMSE (17) over the learning rates, as in Table 3 and Figure 5."""

    mean: float
    minimum: float
    deviation: float


ZOOM = 3  # of the paper

# The paper's Table 3.
PRINTED = {
    "vae": Figures(0.2454, 0.2366, 0.0054),
    "ava1": Figures(0.1787, 0.1769, 0.0028),
    "ava2": Figures(0.1786, 0.1770, 0.0017),
    "ava3": Figures(0.1783, 0.1765, 0.0019),
    "ava4": Figures(0.1783, 0.1770, 0.0011),
    "ava5": Figures(0.1783, 0.1768, 0.0012),
}


@dataclass(frozen=True)
class Claim:
    """A statement of the paper, and whether it is true of the printed and of the measured figures.

    Attributes
    ----------
    text : str
        The statement.
    holds : dict of str to bool
        Whether it is true, under "printed", "paper" and "exact".
    """

    text: str
    holds: dict[str, bool]


@dataclass(frozen=True)
class Summary:
    """Content of the page.

    Attributes
    ----------
    results : list of Result
        All training runs.
    measured : dict of (propagation, model) to Figures
        Figures over the learning rates.
    diverged : dict of (propagation, model) to int
        Number of training runs that diverged.
    claims : list of Claim
        The paper's statements.
    baselines : dict of str to float
        (17) of trivial images, from ``metrics.baselines``.
    """

    results: list[Result]
    measured: dict[tuple[str, str], Figures]
    diverged: dict[tuple[str, str], int]
    claims: list[Claim]
    baselines: dict[str, float]

    def verdict(self, propagation: str, model: str) -> str:
        """Return "agrees" if the measured mean is within two printed standard deviations of the printed mean.

        Otherwise, return the difference of the means.
        """
        printed, measured = PRINTED[model], self.measured[propagation, model]
        distance = (measured.mean - printed.mean) / printed.deviation
        if abs(distance) <= 2:
            return "agrees"
        return f"{measured.mean - printed.mean:+.4f}"


def runs_of(results: list[Result], propagation: str, model: str) -> list[Result]:
    """Return the training runs of one model with one propagation."""
    return [one for one in results if (one.propagation, one.model) == (propagation, model)]


def summarise(results: list[Result], baselines: dict[str, float]) -> Summary:
    """Compute the figures of each model and propagation over the learning rates, and check the paper's claims.

    Parameters
    ----------
    results : list of Result
        At least one training run for each model and propagation.
    baselines : dict of str to float
        Result of ``metrics.baselines`` for the pictures.

    Returns
    -------
    Summary
        Content of the page.
    """
    measured, diverged = {}, {}
    for propagation in get_args(Propagation):
        for model in get_args(PaperModel):
            runs = runs_of(results, propagation, model)
            values = [one.rmse for one in runs if not isnan(one.rmse)] or [nan]  # without those that failed
            measured[propagation, model] = Figures(fmean(values), min(values), pstdev(values))
            diverged[propagation, model] = sum(one.ended != "trained" for one in runs)
    tables = {"printed": PRINTED} | {
        propagation: {model: measured[propagation, model] for model in PRINTED} for propagation in ("paper", "exact")
    }
    return Summary(results, measured, diverged, _claims(tables, baselines), baselines)


def _claims(tables: dict[str, dict[str, Figures]], baselines: dict[str, float]) -> list[Claim]:
    """Check each statement on every table of figures: "printed", "paper" and "exact"."""

    def claim(text: str, test: Callable[[dict[str, Figures]], bool]) -> Claim:
        return Claim(text, {name: test(table) for name, table in tables.items()})

    avas = [model for model in PRINTED if model != "vae"]
    return [
        claim("Every AVA has a smaller mean than the VAE", lambda t: all(t[a].mean < t["vae"].mean for a in avas)),
        claim(
            "Every AVA has a smaller minimum than the VAE",
            lambda t: all(t[a].minimum < t["vae"].minimum for a in avas),
        ),
        claim(
            "Every AVA has a smaller standard deviation than the VAE",
            lambda t: all(t[a].deviation < t["vae"].deviation for a in avas),
        ),
        claim(
            "An encoder discriminator does as well as a decoder discriminator: AVA3's mean is at most AVA1's",
            lambda t: t["ava3"].mean <= t["ava1"].mean,
        ),
        claim("AVA3 reaches the smallest minimum", lambda t: min(t, key=lambda m: t[m].minimum) == "ava3"),
        claim("AVA4 has the smallest standard deviation", lambda t: min(t, key=lambda m: t[m].deviation) == "ava4"),
        claim(
            f"Not claimed: the smallest mean is below the best single colour ({baselines['single_colour']:.4f})",
            lambda t: min(t[m].mean for m in t) < baselines["single_colour"],
        ),
        claim(
            f"Not claimed: the smallest mean is below the mean image ({baselines['mean_image']:.4f})",
            lambda t: min(t[m].mean for m in t) < baselines["mean_image"],
        ),
    ]
