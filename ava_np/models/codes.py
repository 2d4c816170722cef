"""The distribution of the codes of the training pictures, from which samples are drawn.

A trained encoder rarely fills the prior N(0, I): most of the prior is far from the code of any picture, and decodes to
nothing. A Gaussian with the moments of the codes fits them better (Ghosh et al. 2020, "From Variational to
Deterministic Autoencoders"), and is the prior itself if the encoder has learned it. The moments are those of the
aggregated posterior, the mean over the pictures of N(μ(x), Σ(x)):

    mean of z   m = mean μ(x)
    variance    C = covariance of μ(x) + diag(mean Σ(x))          Σ(x) = 0 for a deterministic encoder
"""

from typing import NamedTuple

import numpy as np


class CodeDistribution(NamedTuple):
    """A Gaussian N(m, C) of codes.

    Attributes
    ----------
    mean : ndarray, (n,) float32
        m.
    root : ndarray, (n, n) float32
        The symmetric square root of C.
    """

    mean: np.ndarray
    root: np.ndarray

    def draw(self, generator: np.random.Generator, count: int) -> np.ndarray:
        """Return codes, (count, n)."""
        return self.mean + generator.standard_normal((count, len(self.mean))) @ self.root


def fit_codes(μ: np.ndarray, variances: np.ndarray | None = None) -> CodeDistribution:
    """Return the Gaussian with the moments of codes.

    Parameters
    ----------
    μ : ndarray, (pictures, n)
        The mean code of each picture, at least one.
    variances : ndarray, (pictures, n), optional
        Σ(x) of each; None for a deterministic encoder.

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.models.codes import fit_codes
    >>> fitted = fit_codes(np.array([[1.0, 0.0], [3.0, 0.0]]), np.array([[0.0, 4.0], [0.0, 4.0]]))
    >>> fitted.mean.tolist(), fitted.root.round(6).tolist()
    ([2.0, 0.0], [[1.0, 0.0], [0.0, 2.0]])
    """
    μ = μ.astype(np.float64)
    covariance = np.atleast_2d(np.cov(μ.T, bias=True))
    if variances is not None:
        covariance += np.diag(variances.mean(axis=0, dtype=np.float64))
    values, vectors = np.linalg.eigh(covariance)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return CodeDistribution(μ.mean(axis=0).astype(np.float32), root.astype(np.float32))
