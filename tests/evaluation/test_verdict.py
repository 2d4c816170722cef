"""The verdict in words: each finding where it is due, and nowhere else."""

import numpy as np
import pytest

from ava_np.evaluation import verdict
from ava_np.evaluation.evaluate import Evaluation
from ava_np.evaluation.verdict import Finding
from ava_np.specification import AAE, AVA1, AVB, DCGAN, GAN, VAE, VAEGAN, AnyModel


def evaluation(error: float, mean: float = 0.1, pca: float = 0.05) -> Evaluation:
    """Return an evaluation with this reconstruction error."""
    errors = np.full(3, error)
    return Evaluation(errors, errors, 0, {}, mean_image_error=mean, pca_error=pca)


@pytest.mark.parametrize(
    ("error", "mean", "pca", "words", "advised"),
    [
        (0.1, 0.1, 0.05, "no better than the mean picture", True),
        (0.2, 0.1, 0.05, "no better than the mean picture", True),
        (0.08, 0.1, 0.05, "0.80 of the mean picture's, and more than that of PCA with 10 values", True),
        (0.04, 0.1, 0.05, "0.40 of the mean picture's, and less than that of PCA with 10 values", False),
        (0.04, 0.1, 0.0, "0.40 of the mean picture's", False),  # PCA has as many components as there are pictures
        (0.0, 0.0, 0.0, "All pictures are the same", False),
    ],
)
def test_reconstructions_are_judged_beside_the_mean_and_pca(
    error: float, mean: float, pca: float, words: str, advised: bool
) -> None:
    (finding,) = verdict.of_reconstructions(evaluation(error, mean, pca), latent=10)
    assert finding.text.endswith(words) or words in finding.text
    assert bool(finding.advice) == advised
    if pca == 0:
        assert "PCA" not in finding.text


@pytest.mark.parametrize(
    ("model", "nats", "words", "advice"),
    [
        (VAE(likelihood="gaussian"), {"kl": 0.02}, "The codes say nothing", "--likelihood calibrated"),
        (VAE(), {"kl": 0.02}, "The codes say nothing", "--beta"),
        (VAE(propagation="paper"), {"kl": 0.02}, "The codes say nothing", "--propagation exact"),
        (AVA1(), {"kl": 9, "log_d_real": -0.01, "log_d_fake": -0.01}, "every picture from every fake", "--adversarial"),
        (
            AVA1(saturating=True),
            {"kl": 9, "log_d_real": -0.01, "log_d_fake": -0.01},
            "every picture from every fake",
            "Leave --saturating out",
        ),
        (GAN(), {"log_d_real": -0.01, "log_d_fake": -0.001}, "every picture from every fake", "--model dcgan"),
        (DCGAN(), {"log_d_real": -0.01, "log_d_fake": -0.001}, "every picture from every fake", "--smoothing 0.1"),
        (VAEGAN(), {"kl": 9, "log_d_real": -0.01, "log_d_fake": 0}, "every picture from every fake", "--gamma"),
    ],
)
def test_terms_are_judged_with_advice_for_the_model(
    model: AnyModel, nats: dict[str, float], words: str, advice: str
) -> None:
    (finding,) = verdict.of_terms(model, nats)
    assert words in finding.text
    assert advice in finding.advice


@pytest.mark.parametrize(
    ("model", "nats"),
    [
        (VAE(), {"kl": 5.0}),
        (GAN(), {"log_d_real": -0.01, "log_d_fake": -0.5}),
        (GAN(), {"log_d_real": -0.5, "log_d_fake": -0.01}),
        (AAE(), {"log_D_prior": -0.01, "log_D_code": -0.01}),
        (AVB(), {"log_d_real": -0.01, "log_d_fake": -0.01}),  # its discriminator measures a divergence
        (VAE(), {}),
    ],
)
def test_terms_that_are_well_give_no_finding(model: AnyModel, nats: dict[str, float]) -> None:
    assert verdict.of_terms(model, nats) == []


def test_samples_that_are_all_alike_are_found() -> None:
    pictures = np.random.default_rng(0).random((20, 4, 4, 1))
    alike = pictures[:1] + 0.1 * (pictures - pictures[:1])
    for model, advice in ((GAN(), "--minibatch-discrimination"), (VAE(), "--epochs")):
        (finding,) = verdict.of_samples(model, alike, pictures)
        assert advice in finding.advice
        assert verdict.of_samples(model, pictures[::-1], pictures) == []


def test_overfitting_is_found() -> None:
    assert "3.0 times" in verdict.of_held_out(0.01, 0.03)[0].text
    assert verdict.of_held_out(0.01, 0.0149) == []


def test_a_verdict_has_all_findings_the_reconstructions_first() -> None:
    pictures = np.random.default_rng(0).random((20, 4, 4, 1))
    found = verdict.verdict(
        VAE(),
        {"kl": 0.0},
        samples=pictures[:1].repeat(20, 0),
        pictures=pictures,
        evaluation=evaluation(0.1),
        held_out=0.3,
    )
    starts = ("Reconstructions", "The codes", "The samples", "Overfitted")
    assert [finding.text.startswith(start) for finding, start in zip(found, starts, strict=True)] == [True] * 4
    assert verdict.verdict(GAN(), {}, samples=pictures, pictures=pictures) == []
    assert str(Finding("It is so")) == "It is so."
    assert str(Finding("It is so", "Try this")) == "It is so. Try this."
