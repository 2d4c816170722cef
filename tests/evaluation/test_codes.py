"""What codes know of classes: the same as scikit-learn says, and nothing where there is nothing to know."""

import tracemalloc

import numpy as np
import pytest

from ava_np.evaluation import arrays
from ava_np.evaluation import codes as codes_module
from ava_np.evaluation.codes import RIDGES, knn_accuracy, linear_probe


def blobs(seed: int = 0) -> tuple[np.ndarray, ...]:
    """Return overlapping clouds of three classes: training codes, labels, test codes, labels."""
    generator = np.random.default_rng(seed)
    labels = generator.choice(["a", "b", "c"], 400, p=[0.5, 0.3, 0.2])
    centres = {"a": [0, 0, 0, 100], "b": [1.5, 0, 1, 100], "c": [0, 2, 0, 100]}  # the last value says nothing
    codes = np.array([centres[label] for label in labels]) + generator.normal(size=(400, 4)) * [1, 1, 1, 0]
    return codes[:300], labels[:300], codes[300:], labels[300:]


@pytest.mark.parametrize("k", [1, 5, 300])
def test_neighbours_vote_as_in_scikit_learn(k: int) -> None:
    neighbors = pytest.importorskip("sklearn.neighbors")
    training, labels, test, test_labels = blobs()
    expected = neighbors.KNeighborsClassifier(k).fit(training, labels).score(test, test_labels)
    assert knn_accuracy(training, labels, test, test_labels, k=k) == pytest.approx(expected)


def test_pieces_do_not_matter_and_progress_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = knn_accuracy(*blobs(), k=3)
    monkeypatch.setattr(arrays, "BLOCK", 30)
    seen = []
    assert knn_accuracy(*blobs(), k=3, progress=lambda done, total: seen.append((done, total))) == whole
    assert seen == [(30, 100), (60, 100), (90, 100), (100, 100)]


@pytest.mark.parametrize("values", [4, 49, 50, 51, 250])
def test_the_map_and_its_ridge_are_those_of_scikit_learn(values: int) -> None:
    """RidgeClassifierCV chooses by the same leave-one-out error; 50 training codes are fewer or more than values."""
    linear_model = pytest.importorskip("sklearn.linear_model")
    generator = np.random.default_rng(0)
    labels = generator.integers(3, size=300)
    codes = generator.normal(size=(300, values)) + 0.3 * generator.normal(size=(3, values))[labels]
    x = (codes - codes[:50].mean(axis=0)) / codes[:50].std(axis=0)
    library = linear_model.RidgeClassifierCV(alphas=RIDGES).fit(x[:50], labels[:50])
    targets = np.where(labels[:50, None] == np.arange(3), 1.0, -1.0)
    weights = codes_module._ridge_regression(x[:50], targets - targets.mean(axis=0))
    np.testing.assert_allclose(weights, library.coef_.T, rtol=1e-6, atol=1e-9)
    found = linear_probe(codes[:50], labels[:50], codes[50:], labels[50:])
    assert found == pytest.approx(library.score(x[50:], labels[50:]))


def test_pixels_of_large_pictures_need_no_matrix_of_all_pairs_of_values() -> None:
    codes, labels = np.zeros((8, 50_000), np.float32), np.arange(8) % 2
    codes[labels == 1, 0] = 1
    tracemalloc.start()
    try:
        assert linear_probe(codes, labels, codes, labels) == 1
        assert tracemalloc.get_traced_memory()[1] < 1e8  # of 50,000 x 50,000 values it would be 2e10
    finally:
        tracemalloc.stop()


def test_codes_without_classes_score_by_chance_and_separate_ones_perfectly() -> None:
    generator = np.random.default_rng(0)
    labels = generator.integers(4, size=3000)
    noise = generator.normal(size=(3000, 5))
    for measure in (knn_accuracy, linear_probe):
        assert abs(measure(noise[:2000], labels[:2000], noise[2000:], labels[2000:]) - 0.25) < 0.05
        codes = noise + 20 * np.eye(5)[labels]
        assert measure(codes[:2000], labels[:2000], codes[2000:], labels[2000:]) == 1


def test_a_scale_does_not_matter_to_the_linear_map() -> None:
    training, labels, test, test_labels = blobs()
    scales = np.array([1000, 0.001, 1, 1])
    scaled = linear_probe(training * scales, labels, test * scales, test_labels)
    assert scaled == linear_probe(training, labels, test, test_labels)


def test_what_does_not_fit_is_refused() -> None:
    training, labels, test, test_labels = blobs()
    for measure in (knn_accuracy, linear_probe):
        with pytest.raises(ValueError, match="rows of as many values"):
            measure(training, labels, test[:, :2], test_labels)
        with pytest.raises(ValueError, match="a label for each"):
            measure(training, labels[1:], test, test_labels)
        with pytest.raises(ValueError, match="at least one"):
            measure(training, labels, test[:0], test_labels[:0])
    with pytest.raises(ValueError, match="from 1 to 300"):
        knn_accuracy(training, labels, test, test_labels, k=301)
