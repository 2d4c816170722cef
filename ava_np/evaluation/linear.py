"""What reconstruction needs no network for: the mean picture, and principal component analysis (PCA).

An autoencoder whose code has L values is worth its training only if its reconstruction error is below that of the first
L principal components, the best linear code of this length (Pearson 1901; Baldi and Hornik 1989), and both should be
below that of the mean picture, a code of no values. Both are fitted to the training pictures and applied to any others.

Shapes: N pictures of H x W pixels and C channels, D = H·W·C values each; L components.
"""

from dataclasses import dataclass

import numpy as np

from ava_np.evaluation.arrays import Floats, check_pictures, chunks
from ava_np.evaluation.metrics import reconstruction_error
from ava_np.indices import evenly_spaced
from ava_np.network.blas import single_threaded_blas

MAX_GRAM = 2000
"""Side of the largest symmetric matrix whose eigenvectors are computed: a few seconds."""

MAX_VALUES = 1 << 27
"""Values of the pictures that are held at once when there are fewer pictures than values in each: 512 MiB."""

_SMALLEST = 1e-12
"""Variance, relative to the largest, below which a component is rounding."""


@dataclass(frozen=True, eq=False)
class PCA:
    """The mean picture, and the directions of the largest variance around it: made by ``fit_pca``.

    Attributes
    ----------
    mean : ndarray, (H, W, C) float32
        The mean of the training pictures.
    components : ndarray, (L, D) float32
        Orthonormal rows, the largest variance first.

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.evaluation.linear import fit_pca
    >>> greys = np.linspace(0, 1, 5).reshape(5, 1, 1, 1) * np.ones((2, 2, 1))  # all on one line
    >>> pca = fit_pca(greys, length=1)
    >>> abs(pca.encode(greys[:3])).round(2).ravel().tolist()
    [1.0, 0.5, 0.0]
    >>> pca.reconstruct(greys[:3]).round(2)[:, 0, 0, 0].tolist()
    [0.0, 0.25, 0.5]
    """

    mean: Floats
    components: Floats

    def encode(self, pictures: Floats) -> Floats:
        """Return the codes of pictures (N, H, W, C): their coordinates along the components, (N, L) float32."""
        codes = np.empty((len(pictures), len(self.components)), np.float32)
        with single_threaded_blas:
            for chunk in chunks(len(pictures), values_each=self.mean.size):
                codes[chunk] = _rows(pictures[chunk] - self.mean) @ self.components.T
        return codes

    def decode(self, codes: Floats) -> Floats:
        """Return the pictures of codes (N, L), (N, H, W, C) float32, clipped to [0, 1]."""
        with single_threaded_blas:
            rows = np.asarray(codes, np.float32) @ self.components
        pictures = rows.reshape(len(rows), *self.mean.shape)
        pictures += self.mean
        return np.clip(pictures, 0, 1, out=pictures)

    def reconstruct(self, pictures: Floats) -> Floats:
        """Return ``decode(encode(pictures))``."""
        return self.decode(self.encode(pictures))


def mean_image(training: Floats) -> Floats:
    """Return the mean of pictures.

    Parameters
    ----------
    training : ndarray, (N, H, W, C)
        Pictures in [0, 1].

    Returns
    -------
    ndarray, (H, W, C) float32
        The mean of each value, summed in float64.

    Raises
    ------
    PictureError
        If there are no pictures.
    ValueError
        If the shape is not (N, H, W, C).

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.evaluation.linear import mean_image
    >>> mean_image(np.stack([np.zeros((1, 2, 1)), np.ones((1, 2, 1))])).ravel()
    array([0.5, 0.5], dtype=float32)
    """
    check_pictures(training)
    total = np.zeros(training.shape[1:])
    for chunk in chunks(len(training), values_each=total.size):
        total += training[chunk].sum(axis=0, dtype=np.float64)
    return (total / len(training)).astype(np.float32)


def fit_pca(training: Floats, length: int) -> PCA:
    """Fit a PCA to training pictures.

    The components are eigenvectors of the smaller of two matrices: D x D, the sum over all pictures of their products
    of values; or N x N, the products of pictures, from which the same components follow. If both sides are more than
    2000, the second matrix is made of at most 2000 evenly spaced pictures, fewer if they would need more than 512 MiB.

    Parameters
    ----------
    training : ndarray, (N, H, W, C)
        Pictures in [0, 1].
    length : int
        Number of components, at least 0. There are fewer if the pictures vary in fewer directions.

    Returns
    -------
    PCA
        The mean picture and the components.

    Raises
    ------
    PictureError
        If there are no pictures.
    ValueError
        If ``length`` is negative, or the shape is not (N, H, W, C).

    References
    ----------
    K. Pearson, On lines and planes of closest fit to systems of points in space, Philosophical Magazine 2(11), 1901.
    P. Baldi and K. Hornik, Neural networks and principal component analysis, Neural Networks 2(1), 1989.
    L. Sirovich and M. Kirby, Low-dimensional procedure for the characterization of human faces, JOSA A 4(3), 1987: the
    components from the products of pictures.

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.evaluation.linear import fit_pca
    >>> pictures = np.random.default_rng(0).random((20, 4, 4, 1))
    >>> pca = fit_pca(pictures, length=3)
    >>> pca.components.shape
    (3, 16)
    >>> bool(np.allclose(pca.components @ pca.components.T, np.eye(3), atol=1e-6))
    True
    """
    if length < 0:
        raise ValueError(f"a PCA has a length of 0 or more, not {length}")
    mean = mean_image(training)
    D = mean.size
    if min(length, D) == 0:
        return PCA(mean, np.empty((0, D), np.float32))
    components = _from_pictures if min(len(training), MAX_GRAM) < D else _from_values
    with single_threaded_blas:
        return PCA(mean, components(training, mean, length))


def mean_image_error(training: Floats, pictures: Floats) -> float:
    """Return the reconstruction error of the mean training picture: every picture is reconstructed as this one.

    A decoder that ignores its code scores this at best, so a useful reconstruction error is below it.

    Parameters
    ----------
    training : ndarray, (N, H, W, C)
        Pictures in [0, 1] to average.
    pictures : ndarray, (M, H, W, C)
        Pictures in [0, 1] to reconstruct.

    Returns
    -------
    float
        Mean over pictures and pixels of half the Euclidean distance of two colours, 0 to ½√C; lower is better.

    Raises
    ------
    PictureError
        If either set is empty.
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.evaluation.linear import mean_image_error
    >>> black_and_white = np.stack([np.zeros((2, 2, 1)), np.ones((2, 2, 1))])
    >>> mean_image_error(black_and_white, black_and_white)
    0.25
    """
    _check_both(training, pictures)
    pictures = np.asarray(pictures)  # read, if they are in the file of a cache
    return reconstruction_error(pictures, np.broadcast_to(mean_image(training), pictures.shape))


def pca_error(training: Floats, pictures: Floats, length: int) -> float:
    """Return the reconstruction error of a PCA with as many values per picture as the code of an autoencoder.

    PCA has the least *squared* error of all linear codes of the training pictures. This is the mean distance of
    colours, as for a model, and the reconstructions are clipped to [0, 1].

    Parameters
    ----------
    training : ndarray, (N, H, W, C)
        Pictures in [0, 1] to fit the components to; ``fit_pca`` says which of many are used.
    pictures : ndarray, (M, H, W, C)
        Pictures in [0, 1] to reconstruct.
    length : int
        Number of components, 0 for the mean picture alone.

    Returns
    -------
    float
        Mean over pictures and pixels of half the Euclidean distance of two colours, 0 to ½√C; lower is better.

    Raises
    ------
    PictureError
        If either set is empty.
    ValueError
        If ``length`` is negative, or the shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.evaluation.linear import pca_error
    >>> pictures = np.random.default_rng(0).random((20, 2, 2, 1))
    >>> [round(pca_error(pictures, pictures, length), 3) for length in (0, 2, 4)]
    [0.123, 0.067, 0.0]
    """
    _check_both(training, pictures)
    pictures = np.asarray(pictures)
    return reconstruction_error(pictures, fit_pca(training, length).reconstruct(pictures))


def _from_values(training: Floats, mean: Floats, length: int) -> Floats:
    """Return the components (at most ``length``, D): eigenvectors of the D x D sum of products of values."""
    moments = np.zeros((mean.size, mean.size))
    for chunk in chunks(len(training), values_each=mean.size):
        rows = _rows(training[chunk] - mean.astype(np.float64))
        moments += rows.T @ rows
    _, vectors = _largest(moments, length)
    return np.ascontiguousarray(vectors.T, np.float32)


def _from_pictures(training: Floats, mean: Floats, length: int) -> Floats:
    """Return the components (at most ``length``, D), from products of pictures: v = Xᵀ u / √λ for X Xᵀ u = λ u."""
    count = max(1, min(MAX_GRAM, MAX_VALUES // mean.size))
    rows = _rows(np.asarray(training[evenly_spaced(len(training), count)], np.float32) - mean)
    products = np.zeros((len(rows), len(rows)))
    columns = list(chunks(mean.size, values_each=len(rows)))
    for chunk in columns:
        part = rows[:, chunk].astype(np.float64)
        products += part @ part.T
    values, vectors = _largest(products, length)
    components = np.empty((len(values), mean.size), np.float32)
    for chunk in columns:
        components[:, chunk] = (vectors / np.sqrt(values)).T @ rows[:, chunk]
    return components


def _largest(matrix: Floats, count: int) -> tuple[Floats, Floats]:
    """Return at most ``count`` of the largest eigenvalues that are more than rounding, and their columns."""
    values, vectors = np.linalg.eigh(matrix)
    values, vectors = values[::-1][:count], vectors[:, ::-1][:, :count]
    kept = values > _SMALLEST * max(values[0], 0)
    return values[kept], vectors[:, kept]


def _rows(pictures: Floats) -> Floats:
    """Return each picture as a row."""
    return pictures.reshape(len(pictures), -1)


def _check_both(training: Floats, pictures: Floats) -> None:
    check_pictures(training)
    check_pictures(pictures)
    if training.shape[1:] != pictures.shape[1:]:
        raise ValueError(f"training pictures of shape {training.shape[1:]} for pictures of {pictures.shape[1:]}")
