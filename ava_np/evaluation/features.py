"""Features of pictures: the last hidden layer of a small classifier, which this engine trains on labelled pictures.

Distances between pixels say little about how alike two pictures look. The measures of samples therefore compare
features of a network that has learned what differs between pictures. Published values use an Inception network trained
on ImageNet. Here it is a convolutional classifier of the training pictures themselves: it needs no download and fits
pictures of any size, such as digits; but values can be compared only within one classifier. It has

    5x5 convolutions of stride 2 with 16, 32, 64, 64, ... channels until the shorter side is at most 8,
    a dense layer of 128 neurons, whose activations are the features,
    a logit for each class, of "this class" against the others: the Bernoulli cross-entropy,

leaky rectifiers, and 1000 steps of Adam (learning rate 0.001) on 64 pictures each. The features are shifted to mean 0,
and all divided by one number, so that their mean variance is 1 on training pictures and distances have the same size
for every classifier. (With a divisor for each, those that training pictures hardly excite would decide about bad
samples.)

Without labels there is no such network to train, and the features are the first 64 principal components of the pixels.
The encoder of an autoencoder would be a network too, but of the kind that is measured: it would see least what such
models do worst.
"""

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ava_np.data.pictures import Progress
from ava_np.errors import AvaError, PictureError
from ava_np.evaluation.arrays import Floats, check_pictures, chunks
from ava_np.evaluation.linear import fit_pca
from ava_np.files import write_atomically
from ava_np.indices import evenly_spaced
from ava_np.kernels.cross_entropy import cross_entropy_backward
from ava_np.kernels.optimisers import adam_step
from ava_np.layers import Activation, Convolution, Dense, Flatten, Layer, Shape
from ava_np.network import Network
from ava_np.network.blas import single_threaded_blas

FEATURES, COMPONENTS = 128, 64
BATCH, STEPS, LEARNING_RATE = 64, 1000, 0.001
CHUNK = 256  # pictures that pass through the network at once
MAX_STANDARDISING = 2000  # training pictures that give the features' means and scale

FeatureFunction = Callable[[Floats], Floats]
"""From pictures (N, H, W, C) to their features (N, F)."""


class Classifier:
    """A small convolutional classifier; ``train_classifier`` makes and trains it.

    Parameters
    ----------
    shape : (int, int, int)
        Shape of a picture, (H, W, C).
    classes : ndarray, (K,)
        The labels, in the order of the logits.
    seed : int
        Draws the initial weights.

    Attributes
    ----------
    network : Network
        From pictures (N, H, W, C) to logits (N, K).
    mean : ndarray, (128,) float32
        What is subtracted from the activations; 0 before ``standardise``.
    scale : float
        What they are divided by; 1 before ``standardise``.
    """

    def __init__(self, shape: Shape, classes: np.ndarray, seed: int) -> None:
        self.classes = classes
        layers = _layers(shape, len(classes))
        self.network = Network(shape, layers, np.random.default_rng((seed, 0)), intermediate=len(layers) - 1)
        self.mean, self.scale = np.zeros(FEATURES, np.float32), 1.0

    def standardise(self, pictures: Floats) -> None:
        """Give the features mean 0 and a mean variance of 1 on pictures (N, H, W, C), or on 2000 of more."""
        activations, _ = self._apply(pictures[evenly_spaced(len(pictures), MAX_STANDARDISING)])
        self.mean = activations.mean(axis=0)
        self.scale = float(np.sqrt(activations.var(axis=0).mean())) or 1.0

    def features(self, pictures: Floats) -> Floats:
        """Return the activations in front of the last layer, standardised, (N, 128) float32, for (N, H, W, C)."""
        features = self._apply(pictures)[0]
        features -= self.mean
        features /= self.scale
        return features

    def predict(self, pictures: Floats) -> np.ndarray:
        """Return the label with the largest logit for each picture, (N,)."""
        return np.asarray(self.classes[self._apply(pictures)[1].argmax(axis=1)])

    def _apply(self, pictures: Floats) -> tuple[Floats, Floats]:
        """Return the activations in front of the last layer (N, 128), and the logits (N, K)."""
        if tuple(pictures.shape[1:]) != self.network.input_shape:
            raise ValueError(f"pictures of shape {pictures.shape[1:]} for a classifier of {self.network.input_shape}")
        activations = np.empty((len(pictures), FEATURES), np.float32)
        logits = np.empty((len(pictures), len(self.classes)), np.float32)
        with single_threaded_blas:
            for start in range(0, len(pictures), CHUNK):
                rows = pictures[start : start + CHUNK]
                buffers = self.network.buffers(len(rows), "evaluation")
                logits[start : start + CHUNK] = self.network.forward(buffers, rows)
                activations[start : start + CHUNK] = buffers.intermediate
        return activations, logits


def train_classifier(
    pictures: Floats,
    labels: np.ndarray,
    *,
    seed: int = 0,
    steps: int = STEPS,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Classifier:
    """Train a classifier, or read it from the cache.

    Parameters
    ----------
    pictures : ndarray, (N, H, W, C)
        Training pictures in [0, 1].
    labels : ndarray, (N,)
        The class of each; at least two classes.
    seed : int
        Draws the initial weights and the order of the pictures. The same arguments give the same classifier.
    steps : int
        Number of updates, each by 64 pictures.
    cache : path, optional
        Folder for the weights, in a file whose name is a hash of all arguments. A damaged file is replaced.
    progress : callable, optional
        Called as ``progress(done, total)`` after each step.

    Returns
    -------
    Classifier
        In float32.

    Raises
    ------
    PictureError
        If there are no pictures, or less than two classes.
    ValueError
        If the shape is not (N, H, W, C), or there is not one label for each picture.
    AvaError
        If the cache cannot be written.

    Examples
    --------
    >>> import numpy as np
    >>> from ava_np.evaluation.features import train_classifier
    >>> labels = np.arange(40) % 2
    >>> pictures = np.random.default_rng(0).random((40, 8, 8, 1), np.float32)
    >>> pictures[labels == 1, :4] = 0  # the upper half of the second class is black
    >>> classifier = train_classifier(pictures, labels, steps=30)
    >>> bool((classifier.predict(pictures) == labels).all())
    True
    >>> classifier.features(pictures).shape
    (40, 128)
    """
    check_pictures(pictures)
    if np.shape(labels) != (len(pictures),):
        raise ValueError(f"labels of shape {np.shape(labels)} for {len(pictures)} pictures")
    classes, numbers = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise PictureError("a classifier needs pictures of at least two classes, and all of these are of one")
    classifier = Classifier(pictures.shape[1:], classes, seed)
    network = classifier.network
    path = None if cache is None else Path(cache) / f"classifier-{_key(network, pictures, numbers, seed, steps)}.npy"
    theta = None if path is None else _read(path, network.theta)
    if theta is None:
        _train(network, pictures, numbers, seed, steps, progress)
        if path is not None:
            _write(path, network.theta)
    else:
        network.theta[:] = theta
    classifier.standardise(pictures)
    return classifier


def feature_function(
    pictures: Floats,
    labels: np.ndarray | None,
    *,
    seed: int = 0,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> FeatureFunction:
    """Return the features to measure samples with: of a classifier, or principal components without labels.

    Parameters
    ----------
    pictures : ndarray, (N, H, W, C)
        Training pictures in [0, 1].
    labels : ndarray, (N,), or None
        The class of each, such as ``ava_np.data.labels.read_labels`` returns.
    seed, cache, progress
        As for ``train_classifier``.

    Returns
    -------
    callable
        From pictures (N, H, W, C) to features (N, F) float32: F is 128 with labels, and at most 64 without.

    Raises
    ------
    PictureError, ValueError, AvaError
        In the cases of ``train_classifier``.

    Examples
    --------
    >>> import ava_np
    >>> from ava_np.evaluation.features import feature_function
    >>> pictures = ava_np.read_pictures(None, size=(36, 50)).array
    >>> feature_function(pictures, None)(pictures).shape  # ten pictures vary in nine directions
    (10, 9)
    """
    if labels is None:
        return fit_pca(pictures, COMPONENTS).encode
    return train_classifier(pictures, labels, seed=seed, cache=cache, progress=progress).features


def _layers(shape: Shape, classes: int) -> list[Layer]:
    """Return the layers for pictures of this shape."""
    layers: list[Layer] = []
    side, channels = min(shape[:2]), 16
    while side > 8 or not layers:
        layers += [Convolution(channels, 5, 2, 2), Activation("leaky_relu")]
        side, channels = (side + 1) // 2, min(2 * channels, 64)
    return [*layers, Flatten(), Dense(FEATURES, "he_normal"), Activation("leaky_relu"), Dense(classes)]


def _train(
    network: Network, pictures: Floats, numbers: np.ndarray, seed: int, steps: int, progress: Progress | None
) -> None:
    """Minimise the cross-entropy of each class against the others."""
    generator = np.random.default_rng((seed, 1))
    size, targets = min(BATCH, len(pictures)), np.eye(numbers.max() + 1, dtype=np.float32)
    buffers, (m, v) = network.buffers(size), np.zeros((2, network.theta.size), np.float32)
    order = np.empty(0, int)
    with single_threaded_blas:
        for step in range(1, steps + 1):
            while len(order) < size:
                order = np.concatenate([order, generator.permutation(len(pictures))])
            rows, order = order[:size], order[size:]
            network.forward(buffers, pictures[rows])
            error = buffers.zero_error()
            cross_entropy_backward(error, buffers.output, targets[numbers[rows]])
            network.gradient.clear()
            network.backward_parameters(buffers, error)
            gradient = network.gradient.read()
            adam_step(network.theta, m, v, gradient, LEARNING_RATE, 1 / size, 0.9, 0.999, 1e-8, step)
            if progress is not None:
                progress(step, steps)


def _key(network: Network, pictures: Floats, numbers: np.ndarray, seed: int, steps: int) -> str:
    """Return a hash of everything that the weights depend on."""
    layers = [repr(layer) for layer in network.layers]
    options = (layers, BATCH, LEARNING_RATE, seed, steps, numbers.tolist(), pictures.shape)
    digest = hashlib.sha256(json.dumps(options).encode())
    for chunk in chunks(len(pictures), values_each=pictures[0].size):
        digest.update(np.ascontiguousarray(pictures[chunk], np.float32).data)
    return digest.hexdigest()[:32]


def _read(path: Path, like: Floats) -> Floats | None:
    """Return the weights in a file, or None if it is missing or damaged."""
    try:
        theta = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    fits = isinstance(theta, np.ndarray) and theta.shape == like.shape and theta.dtype == like.dtype
    return theta if fits and np.isfinite(theta).all() else None


def _write(path: Path, theta: Floats) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AvaError(f"cannot make the folder {path.parent}: {error.strerror}") from error
    content = io.BytesIO()
    np.save(content, theta)
    write_atomically(path, content.getvalue())
