"""What the samples and digits of several experiments are judged by: a classifier's features, its answers, sharpness."""

from dataclasses import dataclass
from math import nan

import numpy as np

from ava_np.data.batches import Batches
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
    """

    test: np.ndarray
    features: FeatureFunction | None

    @classmethod
    def of(cls, pictures: Pictures) -> "Judge":
        """Train what gives the features."""
        test = pictures.test[:MOST]
        enough = len(test) >= FEWEST
        return cls(test, feature_function(pictures.training, pictures.training_labels) if enough else None)

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


def shifted(pictures: np.ndarray, seed: int) -> np.ndarray:
    """Return each picture moved by up to 2 pixels both ways, as the augmentation of a training moves it."""
    batches, generator = Batches(pictures, shift=SHIFT), np.random.default_rng(seed)
    return batches.rows(np.arange(len(pictures)), generator).reshape(pictures.shape)


def shift_classifier(pictures: Pictures) -> Classifier | None:
    """Train a classifier of shifted training pictures, which a shift does not fool; None without labels."""
    if pictures.training_labels is None:
        return None
    return train_classifier(shifted(pictures.training, 0), pictures.training_labels)


def share_seen(classifier: Classifier | None, pictures: np.ndarray, labels: np.ndarray | None) -> float:
    """Return the share of pictures that the classifier gives their label; NaN without either."""
    if classifier is None or labels is None:
        return nan
    return float(np.mean(classifier.predict(pictures) == labels))
