"""A verdict in words: what the numbers of a run say about it, and what to try.

The limits are those at which the samples and reconstructions of real runs begin to look wrong; they are not exact.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ava_np.evaluation.arrays import Floats
from ava_np.evaluation.evaluate import Evaluation
from ava_np.specification import AVA, AVB, GAN, VAEGAN, AlphaGAN, BiGAN, ModelSpecification, VAEGANSum

NO_BETTER = 0.97  # times the error of the mean picture
EMPTY_CODE = 0.1  # nats: a code that says less than this says nothing
SURE = -0.05  # mean log-probability of the right answer, above which a discriminator is sure
ALIKE = 0.25  # spread of samples, relative to that of pictures
OVERFITTED = 1.5  # error of pictures held out, relative to that of training pictures
LONGER = "Train longer, with more --epochs"


class Finding(NamedTuple):
    """One sentence of a verdict.

    Attributes
    ----------
    text : str
        What is the case, a sentence without its full stop.
    advice : str
        What to try, a sentence without its full stop; empty if all is well.
    """

    text: str
    advice: str = ""

    def __str__(self) -> str:
        return f"{self.text}. {self.advice}." if self.advice else f"{self.text}."


def verdict(
    model: ModelSpecification,
    nats: Mapping[str, float],
    *,
    samples: Floats,
    pictures: Floats,
    evaluation: Evaluation | None = None,
    held_out: float | None = None,
) -> list[Finding]:
    """Judge a run by everything that is known of it: the other functions of this module, one after the other.

    Parameters
    ----------
    model : ModelSpecification
        The model of the run.
    nats : mapping of str to float
        Its terms by name, per picture, as in a line of ``metrics.jsonl``; empty before the first epoch.
    samples, pictures : ndarray, (N, H, W, C)
        Samples and training pictures, zoomed out.
    evaluation : Evaluation, optional
        Of training pictures; None for a model without an encoder.
    held_out : float, optional
        Reconstruction error of pictures that were held out.

    Returns
    -------
    list of Finding
        The reconstructions first.

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.evaluation.verdict import verdict
    >>> from ava_np.specification import GAN
    >>> pictures = np.random.default_rng(0).random((20, 4, 4, 1))
    >>> print(*verdict(GAN(), {}, samples=np.full((20, 4, 4, 1), 0.5), pictures=pictures))
    The samples are all alike. Try --minibatch-discrimination.
    """
    findings = []
    if evaluation is not None:
        findings += of_reconstructions(evaluation, model.latent)
    findings += of_terms(model, nats)
    if len(pictures) > 1:
        findings += of_samples(model, samples, pictures)
    if evaluation is not None and held_out is not None:
        findings += of_held_out(evaluation.reconstruction_error, held_out)
    return findings


def of_reconstructions(evaluation: Evaluation, latent: int) -> list[Finding]:
    """Judge a reconstruction error beside two that need no network.

    Parameters
    ----------
    evaluation : Evaluation
        The errors of the model, of the mean picture, and of as many principal components as the code has values.
    latent : int
        Number of values in a code.

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.evaluation.evaluate import Evaluation
    >>> from ava_np.evaluation.verdict import of_reconstructions
    >>> errors = np.array([0.01, 0.03])
    >>> result = Evaluation(errors, errors, best=0, baselines={}, mean_image_error=0.06, pca_error=0.03)
    >>> print(*of_reconstructions(result, latent=10))
    The reconstruction error is 0.33 of the mean picture's, and less than that of PCA with 10 values.
    """
    error, mean = evaluation.reconstruction_error, evaluation.mean_image_error
    if mean == 0:
        return [Finding("All pictures are the same, so there is nothing to learn")]
    if error > NO_BETTER * mean:
        return [Finding("Reconstructions are no better than the mean picture", LONGER)]
    share = f"The reconstruction error is {error / mean:.2f} of the mean picture's"
    if evaluation.pca_is_perfect:
        return [Finding(share)]
    pca = f"that of PCA with {latent} value{'' if latent == 1 else 's'}"
    if error > evaluation.pca_error:
        return [Finding(f"{share}, and more than {pca}", LONGER)]
    return [Finding(f"{share}, and less than {pca}")]


def of_terms(model: ModelSpecification, nats: Mapping[str, float]) -> list[Finding]:
    """Judge the terms of the last epoch: codes that say nothing, and discriminators that are sure.

    Parameters
    ----------
    model : ModelSpecification
        The model of the run.
    nats : mapping of str to float
        Its terms by name, per picture, as in a line of ``metrics.jsonl``.

    Examples
    --------
    >>> from ava_np.evaluation.verdict import of_terms
    >>> from ava_np.specification import VAE
    >>> print(*of_terms(VAE(), {"reconstruction": 20.0, "kl": 0.02}))
    The codes say nothing about the pictures (KL 0.02 nats). Try a smaller --beta, or more --epochs.
    """
    findings = []
    if nats.get("kl", EMPTY_CODE) < EMPTY_CODE:
        if getattr(model, "propagation", "exact") == "paper":
            advice = "The paper's rules lead there: try --propagation exact"
        elif getattr(model, "likelihood", None) == "gaussian":
            advice = "Try --likelihood calibrated"
        else:
            advice = "Try a smaller --beta, or more --epochs"
        findings.append(Finding(f"The codes say nothing about the pictures (KL {nats['kl']:.2f} nats)", advice))
    if isinstance(model, AVB):  # whose discriminator measures a divergence
        return findings
    sure = [nats.get(name, -1.0) > SURE for name in ("log_d_real", "log_d_fake")]
    if all(sure):
        text = "The discriminator tells every picture from every fake, so little can be learnt from it"
        findings.append(Finding(text, _against_a_sure_discriminator(model)))
    return findings


def _against_a_sure_discriminator(model: ModelSpecification) -> str:
    if isinstance(model, AVA | VAEGANSum):
        return "Try a larger --adversarial-weight" if not model.saturating else "Leave --saturating out"
    if isinstance(model, GAN | BiGAN):
        return "Try --smoothing 0.1" if model.architecture == "dcgan" else "Try --smoothing 0.1, or --model dcgan"
    if isinstance(model, AlphaGAN):
        return "Try a smaller --reconstruction-weight, or --architecture dcgan"
    return "Try a smaller --gamma" if isinstance(model, VAEGAN) else LONGER


def of_samples(model: ModelSpecification, samples: Floats, pictures: Floats) -> list[Finding]:
    """Judge whether samples are all alike.

    Parameters
    ----------
    model : ModelSpecification
        The model of the run.
    samples, pictures : ndarray, (N, H, W, C)
        Samples and real pictures, at least two of each.

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.evaluation.verdict import of_samples
    >>> from ava_np.specification import GAN
    >>> pictures = np.random.default_rng(0).random((20, 4, 4, 1))
    >>> print(*of_samples(GAN(), np.full((20, 4, 4, 1), 0.5), pictures))
    The samples are all alike. Try --minibatch-discrimination.
    """
    spread, real = (float(np.std(array, axis=0, dtype=np.float64).mean()) for array in (samples, pictures))
    if spread > ALIKE * real:
        return []
    adversarial = hasattr(model, "minibatch_discrimination") and not hasattr(model, "likelihood")
    return [
        Finding("The samples are all alike", f"Try {'--minibatch-discrimination' if adversarial else 'more --epochs'}")
    ]


def of_held_out(training: float, held_out: float) -> list[Finding]:
    """Judge the reconstruction error of pictures held out, beside that of training pictures.

    Examples
    --------
    >>> from ava_np.evaluation.verdict import of_held_out
    >>> print(*of_held_out(0.01, 0.03))
    Overfitted: pictures held out have 3.0 times the error of training pictures. Try --patience, or more pictures.
    """
    if held_out < OVERFITTED * training:
        return []
    text = f"Overfitted: pictures held out have {held_out / training:.1f} times the error of training pictures"
    return [Finding(text, "Try --patience, or more pictures")]
