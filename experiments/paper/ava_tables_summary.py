"""What the paper printed, what was measured, and a verdict on each of its claims."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean, pstdev
from typing import get_args

from ava_np.specification import PaperModel, Propagation


@dataclass(frozen=True)
class Result:
    """One training.

    Attributes
    ----------
    rmse, rmse_mean : float
        RMSE (17) of imageBest, and its mean over which picture is decoded.
    reconstruction_error : float
        Each picture against its own reconstruction, at the zoomed size.
    brightness : float
        Mean of imageBest over pixels and channels.
    ended : str
        "trained", or how it diverged.
    """

    propagation: str
    model: str
    rate: float
    rmse: float
    rmse_mean: float
    reconstruction_error: float
    brightness: float
    ended: str


@dataclass(frozen=True)
class Figures:
    """Mean, minimum and standard deviation of RMSE (17) over the learning rates, as in Table 3 and Figure 5."""

    mean: float
    minimum: float
    deviation: float


ZOOM = 3  # the paper's

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
    """A statement of the paper and whether it holds in the measured figures of a propagation."""

    text: str
    holds: dict[str, bool]
    """Under "printed", "paper" and "exact"."""


@dataclass(frozen=True)
class Summary:
    """Everything that the page shows."""

    results: list[Result]
    measured: dict[tuple[str, str], Figures]
    """By (propagation, model)."""
    diverged: dict[tuple[str, str], int]
    claims: list[Claim]
    baselines: dict[str, float]

    def verdict(self, propagation: str, model: str) -> str:
        """Whether the measured mean is within two printed standard deviations of the printed one, or how far off."""
        printed, measured = PRINTED[model], self.measured[propagation, model]
        distance = (measured.mean - printed.mean) / printed.deviation
        if abs(distance) <= 2:
            return "agrees"
        return f"{measured.mean - printed.mean:+.4f}"


def summarise(results: list[Result], baselines: dict[str, float]) -> Summary:
    """Figures per propagation and model, over all learning rates, and the claims held against them."""
    measured, diverged = {}, {}
    for propagation in get_args(Propagation):
        for model in get_args(PaperModel):
            own = [one for one in results if (one.propagation, one.model) == (propagation, model)]
            values = [one.rmse for one in own]
            measured[propagation, model] = Figures(fmean(values), min(values), pstdev(values))
            diverged[propagation, model] = sum(one.ended != "trained" for one in own)
    tables = {"printed": PRINTED} | {
        propagation: {model: measured[propagation, model] for model in PRINTED} for propagation in ("paper", "exact")
    }
    return Summary(results, measured, diverged, _claims(tables, baselines), baselines)


def _claims(tables: dict[str, dict[str, Figures]], baselines: dict[str, float]) -> list[Claim]:
    def hold(text: str, test: Callable[[dict[str, Figures]], bool]) -> Claim:
        return Claim(text, {name: test(table) for name, table in tables.items()})

    avas = [model for model in PRINTED if model != "vae"]
    return [
        hold("Every AVA has a smaller mean than the VAE", lambda t: all(t[a].mean < t["vae"].mean for a in avas)),
        hold(
            "Every AVA has a smaller minimum than the VAE",
            lambda t: all(t[a].minimum < t["vae"].minimum for a in avas),
        ),
        hold(
            "Every AVA has a smaller standard deviation than the VAE",
            lambda t: all(t[a].deviation < t["vae"].deviation for a in avas),
        ),
        hold(
            "An encoder discriminator does as well as a decoder discriminator: AVA3's mean is at most AVA1's",
            lambda t: t["ava3"].mean <= t["ava1"].mean,
        ),
        hold("AVA3 reaches the smallest minimum", lambda t: min(t, key=lambda m: t[m].minimum) == "ava3"),
        hold("AVA4 is the steadiest", lambda t: min(t, key=lambda m: t[m].deviation) == "ava4"),
        hold(
            f"Not claimed: some model beats one flat colour ({baselines['single_colour']:.4f}) in the mean",
            lambda t: min(t[m].mean for m in t) < baselines["single_colour"],
        ),
        hold(
            f"Not claimed: some model beats the mean image ({baselines['mean_image']:.4f}) in the mean",
            lambda t: min(t[m].mean for m in t) < baselines["mean_image"],
        ),
    ]
