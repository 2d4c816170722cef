"""How probable pictures are to a VAE: the evidence lower bound, and log p(x) by importance sampling.

    ELBO(x)   = E log p(x|z) - KL(q(z|x) ‖ N(0, I)),  z ~ q(z|x)                            Kingma and Welling 2014, (3)
    log p(x) ≈ log 1/k Σ_i w_i,  w_i = p(x|z_i) p(z_i) / q(z_i|x),  z_i ~ q(z|x)            Burda et al. 2016, (8)

q(z|x) = N(μ(x), Σ(x)) is the encoder's. The second is a lower bound on average too, which rises to log p(x) with k:
values can be compared only for the same k. β plays no part: it belongs to training.

log p(x|z) is -½ D log 2πσ² - ½ ‖x - x'‖²/σ² of a Gaussian decoder: a density, which may be above 1, so its nats depend
on the scale of the values. σ² is 1, or, for a calibrated decoder, ``decoder_variance`` of the training pictures. Of a
Bernoulli decoder it is -Σ (softplus(t) - x t), the probability of pictures of zeros and ones; for greys between them it
is no probability (Loaiza-Ganem and Cunningham 2019).

Shapes: N pictures of D values, codes of L values, k samples for each picture.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ava_np.errors import AvaError
from ava_np.models.base import Model
from ava_np.models.terms import LEAST_VARIANCE
from ava_np.network.blas import single_threaded_blas

ROWS = 1024  # codes that are decoded at once
LOG_2PI = math.log(2 * math.pi)

Floats = NDArray[np.floating[Any]]
Progress = Callable[[int, int], object]


class Probabilistic:
    """The part of a model that has q(z|x) and p(x|z): a VAE, AVA1 to AVA5 and the weighted sum."""

    def log_likelihood(
        self, pictures: ArrayLike, samples: int = 100, *, seed: int = 0, variance: float | None = None
    ) -> np.ndarray:
        """Return log p(x) of each picture in nats, estimated by importance sampling (``ava_np.models.likelihood``).

        Parameters
        ----------
        pictures : array_like, (pictures, height, width, channels)
            As for ``encode``.
        samples : int
            k, codes for each picture. The estimate rises to log p(x) with k: compare only values of the same k.
        seed : int
            Of the codes.
        variance : float, optional
            σ² of a Gaussian decoder; needed if it is calibrated (``ava_np.models.likelihood.decoder_variance``),
            otherwise 1.

        Returns
        -------
        ndarray, (pictures,) float64
            More is better.

        Raises
        ------
        AvaError
            If the model is calibrated and there is no ``variance``.
        ValueError
            If the pictures do not fit the model, or ``samples`` or ``variance`` is not positive.

        Examples
        --------
        >>> import ava_np
        >>> model = ava_np.build("vae", (4, 4, 1), latent=2, likelihood="bernoulli")  # whose output is 0.5 at first
        >>> x = np.ones((1, 4, 4, 1))
        >>> (model.log_likelihood(x, 20_000) / np.log(2)).round(1)  # so each pixel is one bit
        array([-16.])
        """
        assert isinstance(self, Model)
        return log_likelihoods(self, np.asarray(pictures), samples=samples, seed=seed, variance=variance)


def log_likelihoods(
    model: Model,
    pictures: Floats,
    *,
    samples: int,
    seed: int = 0,
    variance: float | None = None,
    progress: Progress | None = None,
) -> Floats:
    """Return the importance-sampled estimate of log p(x) for each picture, in nats.

    Parameters
    ----------
    model : VAE, AVA1 to AVA5 or weighted sum
        Its encoder is q(z|x), its decoder p(x|z).
    pictures : ndarray, (N, H, W, C) float
        As for ``model.encode``.
    samples : int
        k, from 1 on. More is closer to log p(x), in proportion slower.
    seed : int
        Of the samples.
    variance : float, optional
        σ² of a Gaussian decoder; needed if it is calibrated (``decoder_variance``), otherwise 1.
    progress : callable, optional
        Called as ``progress(done, N)``.

    Returns
    -------
    ndarray, (N,) float64
        Higher is better. Negate for NLL.

    Raises
    ------
    AvaError
        If the model has no q(z|x) and p(x|z), or is calibrated and there is no ``variance``.
    ValueError
        If the pictures do not fit the model, or ``samples`` or ``variance`` is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> import ava_np
    >>> from ava_np.models.likelihood import elbos, log_likelihoods
    >>> model = ava_np.build("vae", (4, 4, 1), latent=2, likelihood="bernoulli")  # whose output is 0.5 at first
    >>> x = np.ones((3, 4, 4, 1), np.float32)
    >>> (log_likelihoods(model, x, samples=20_000) / np.log(2)).round(1)  # so each pixel is one bit
    array([-16., -16., -16.])
    """
    estimates = []
    for log_weights in _log_weights(model, pictures, samples, seed, variance, progress):
        largest = log_weights.max(axis=1)
        estimates.append(largest + np.log(np.exp(log_weights - largest[:, None]).mean(axis=1)))
    return np.concatenate([np.zeros(0), *estimates])


def elbos(
    model: Model,
    pictures: Floats,
    *,
    samples: int = 1,
    seed: int = 0,
    variance: float | None = None,
    progress: Progress | None = None,
) -> Floats:
    """Return the evidence lower bound of each picture, in nats: the mean of log w over the samples.

    Parameters
    ----------
    model, pictures, seed, variance, progress
        As for ``log_likelihoods``, which also says which errors are raised.
    samples : int
        k; the value is right on average for any k, and more have less noise.

    Returns
    -------
    ndarray, (N,) float64
        At most log p(x) on average; higher is better.

    Examples
    --------
    >>> import numpy as np
    >>> import ava_np
    >>> from ava_np.models.likelihood import elbos, log_likelihoods
    >>> model = ava_np.build("vae", (4, 4, 1), latent=2, likelihood="gaussian")
    >>> x = np.random.default_rng(0).random((3, 4, 4, 1), np.float32)
    >>> bool((elbos(model, x, samples=50) <= log_likelihoods(model, x, samples=50)).all())
    True
    """
    means = [weights.mean(axis=1) for weights in _log_weights(model, pictures, samples, seed, variance, progress)]
    return np.concatenate([np.zeros(0), *means])


def bits_per_dimension(nats: float, dimensions: int) -> float:
    """Return a negative log-likelihood in bits for each value of a picture, as it is compared across sizes.

    Parameters
    ----------
    nats : float
        log p(x).
    dimensions : int
        D, the number of values in a picture.

    Returns
    -------
    float
        -nats / (D log 2); lower is better, and negative for a density that is above 1. A density of values in [0, 1]
        that were 8-bit numbers is compared with codes of 8 bits after adding 8.

    Examples
    --------
    >>> import math
    >>> from ava_np.models.likelihood import bits_per_dimension
    >>> bits_per_dimension(784 * math.log(0.5), 784)  # a fair coin for each pixel
    1.0
    """
    return -nats / (dimensions * math.log(2))


def decoder_variance(model: Model, pictures: Floats, *, seed: int = 0) -> float:
    """Return the σ² that makes pictures most probable: the mean of (x - x')², Rybkin et al. 2021.

    Parameters
    ----------
    model : VAE, AVA1 to AVA5 or weighted sum
        With a calibrated or Gaussian likelihood.
    pictures : ndarray, (N, H, W, C) float
        Those that the model was trained on, or some of them.
    seed : int
        Of the one code that is drawn for each picture.

    Returns
    -------
    float
        At least that of rounding to 8 bits.

    Raises
    ------
    AvaError
        If the model has no q(z|x) and p(x|z).
    ValueError
        If the pictures do not fit the model.

    Examples
    --------
    >>> import numpy as np
    >>> import ava_np
    >>> from ava_np.models.likelihood import decoder_variance
    >>> model = ava_np.build("vae", (4, 4, 1))  # whose output is 0.5 at first
    >>> decoder_variance(model, np.full((3, 4, 4, 1), 0.75, np.float32))
    0.0625
    """
    model = _probabilistic(model)
    x = model.validated_pictures(pictures)
    μ, Σ = model.posterior(x)
    z = μ + np.sqrt(Σ) * np.random.default_rng(seed).standard_normal(μ.shape)
    return max(float(np.mean(np.square(model.decode(z) - x, dtype=np.float64))), LEAST_VARIANCE)


def _probabilistic(model: Model) -> Model:
    if isinstance(model, Probabilistic):
        return model
    name = model.specification.name
    raise AvaError(f"{name} has no likelihood of pictures: a vae, ava1 to ava5 and vae-gan-sum have one")


def _likelihood(model: Model) -> str:
    return str(getattr(model.specification, "likelihood"))  # noqa: B009


def _log_weights(
    model: Model,
    pictures: Floats,
    samples: int,
    seed: int,
    variance: float | None,
    progress: Progress | None,
) -> Iterator[Floats]:
    """Yield log w (n, k) float64 for one part of the pictures after another."""
    model = _probabilistic(model)
    likelihood = _likelihood(model)
    if samples < 1 or (variance is not None and variance <= 0):
        raise ValueError(f"samples and variance must be positive, not {samples} and {variance}")
    if variance is None and likelihood == "calibrated":
        raise AvaError("the variance of a calibrated likelihood is that of the training pictures: give it")
    x = model.validated_pictures(pictures)
    x = x.reshape(len(x), model.neurons)
    μ, Σ = model.posterior(pictures)
    generator, each = np.random.default_rng(seed), max(1, ROWS // samples)
    for start in range(0, len(x), each):
        part = slice(start, start + each)
        r = generator.standard_normal((len(x[part]), samples, model.latent))
        z = μ[part, None] + np.sqrt(Σ[part, None]) * r
        # log N(z; 0, I) - log N(z; μ, Σ), where both have the same constant
        log_ratio = 0.5 * (np.square(r).sum(axis=2) - np.square(z).sum(axis=2) + np.log(Σ[part]).sum(axis=1)[:, None])
        z = z.reshape(-1, model.latent)
        log_decoded = np.empty(len(z))
        for first in range(0, len(z), ROWS):
            rows = np.arange(first, min(first + ROWS, len(z)))
            log_decoded[rows] = _log_decoder(model, x[start + rows // samples], z[rows], variance)
        yield log_decoded.reshape(log_ratio.shape) + log_ratio
        if progress is not None:
            progress(min(start + each, len(x)), len(x))


def _log_decoder(model: Model, x: Floats, z: Floats, variance: float | None) -> Floats:
    """Return log p(x|z) (n,) float64 of pictures as rows (n, D) for codes (n, L)."""
    decoder = model.networks["decoder"]
    buffers = decoder.buffers(len(z), "evaluation")
    with single_threaded_blas:
        decoder.forward(buffers, z.astype(model.dtype))
    if _likelihood(model) == "bernoulli":
        logits = buffers.intermediate
        softplus = np.maximum(logits, 0) + np.log1p(np.exp(-np.abs(logits)))
        return (x * logits - softplus).sum(axis=1, dtype=np.float64)
    σ2 = 1.0 if variance is None else variance
    squared = np.square(x - buffers.output).sum(axis=1, dtype=np.float64)
    return -0.5 * (x.shape[1] * (LOG_2PI + math.log(σ2)) + squared / σ2)
