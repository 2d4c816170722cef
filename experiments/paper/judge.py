"""What the digits and samples of several experiments are judged by: a classifier's features, its answers, sharpness."""

from dataclasses import dataclass

import numpy as np

from ava_np.evaluation.distances import frechet_distance
from ava_np.evaluation.features import Classifier, FeatureFunction, feature_function, train_classifier
from ava_np.evaluation.linear import mean_image_error
from ava_np.evaluation.sharpness import sharpness
from ava_np.experiments.paper.pictures import Pictures
from ava_np.network.blas import single_threaded_blas

FEWEST, MOST = 100, 2000  # test pictures that samples are compared with
SHIFT = 2  # pixels: less than 10 % of 28, and more than 5 %


@dataclass(frozen=True, eq=False)
class Judge:
    """Compares samples with test pictures.

    Attributes
    ----------
    test : ndarray, (N, H, W, C)
        At most 2000 test pictures.
    features : callable or None
        From pictures to features; None if there are fewer than 100 test pictures.
    classifier : Classifier or None
        Of shifted training pictures; None without labels.
    """

    test: np.ndarray
    features: FeatureFunction | None
    classifier: Classifier | None

    @classmethod
    def of(cls, pictures: Pictures, *, classifies: bool = False) -> "Judge":
        """Train what judges; a classifier only if it ``classifies``."""
        test = pictures.test[:MOST]
        if classifies:
            classifier = None
            if pictures.training_labels is not None:
                classifier = train_classifier(shifted(pictures.training, 0), pictures.training_labels)
            return cls(test, None, classifier)
        enough = len(test) >= FEWEST
        return cls(test, feature_function(pictures.training, pictures.training_labels) if enough else None, None)

    def of_samples(self, samples: np.ndarray) -> dict[str, float]:
        """Return the sharpness of samples, and their Fréchet distance from as many test pictures."""
        found = {"sharpness": sharpness(samples)}
        if self.features is not None:
            with single_threaded_blas:
                real, drawn = self.features(self.test), self.features(samples[: len(self.test)])
                found["frechet_distance"] = frechet_distance(real, drawn)
        return found

    def floor(self, training: np.ndarray) -> dict[str, float]:
        """Return what training pictures score as samples, and the error of the mean picture."""
        return self.of_samples(training[: len(self.test)]) | {"error": mean_image_error(training, self.test)}

    def right(self, pictures: np.ndarray, labels: np.ndarray) -> float:
        """Return the share of pictures that the classifier gives their label; NaN without a classifier."""
        if self.classifier is None:
            return float("nan")
        return float(np.mean(self.classifier.predict(pictures) == labels))


def shifted(pictures: np.ndarray, seed: int) -> np.ndarray:
    """Return each picture moved by up to 2 pixels both ways; what moves in is the nearest pixel of the edge."""
    generator = np.random.default_rng(seed)
    H, W = pictures.shape[1:3]
    padded = np.pad(pictures, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)), mode="edge")
    offsets = generator.integers(0, 2 * SHIFT + 1, size=(len(pictures), 2))
    moved = np.empty_like(pictures)
    for i, (down, right) in enumerate(offsets):
        moved[i] = padded[i, down : down + H, right : right + W]
    return moved
