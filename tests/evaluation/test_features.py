"""The classifier learns, is the same for the same seed and from the cache, and its features notice bad digits."""

import io
from pathlib import Path
from typing import cast

import numpy as np
import pytest

import ava_np
from ava_np.data.labels import read_labels
from ava_np.data.stored import StoredArray
from ava_np.errors import AvaError, PictureError
from ava_np.evaluation import features as module
from ava_np.evaluation.arrays import Floats
from ava_np.evaluation.features import FEATURES, Classifier, feature_function, train_classifier
from ava_np.evaluation.linear import fit_pca, mean_image_error, pca_error
from ava_np.evaluation.samples import sample_measures
from ava_np.evaluation.sharpness import grey_share, sharpness
from tests.conftest import SHARED_DATA, needs_shared_data


def bars(count: int, seed: int) -> tuple[Floats, np.ndarray]:
    """Return noisy pictures of one bar, at a random place, and whether it is horizontal or vertical."""
    generator = np.random.default_rng(seed)
    pictures = 0.2 * generator.random((count, 12, 12, 1), np.float32)
    labels = np.array(["horizontal", "vertical"])[generator.integers(0, 2, count)]
    for picture, label, place in zip(pictures, labels, generator.integers(1, 11, count), strict=True):
        (picture[place] if label == "horizontal" else picture[:, place])[:] = 1
    return pictures, labels


def test_the_classifier_learns_and_its_last_layer_is_linear_in_the_features() -> None:
    pictures, labels = bars(300, 0)
    others, truth = bars(100, 1)
    classifier = train_classifier(pictures, labels, steps=60)
    assert (classifier.predict(others) == truth).mean() > 0.95
    features = classifier.features(others)
    assert features.shape == (100, FEATURES)
    assert features.dtype == np.float32
    standard = classifier.features(pictures)
    assert standard.mean(axis=0) == pytest.approx(0, abs=1e-4)
    assert standard.var(axis=0).mean() == pytest.approx(1, abs=1e-4)
    last = classifier.network.parameters[-1]
    logits = (features * classifier.scale + classifier.mean) @ last["W"] + last["b"]
    assert (classifier.classes[logits.argmax(axis=1)] == classifier.predict(others)).all()


def test_the_same_seed_gives_the_same_bytes_and_another_one_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures, labels = bars(50, 0)
    first, same, other = (train_classifier(pictures, labels, seed=seed, steps=5) for seed in (0, 0, 1))
    assert first.network.theta.tobytes() == same.network.theta.tobytes()
    assert first.network.theta.tobytes() != other.network.theta.tobytes()
    weights = [Classifier((12, 12, 1), np.arange(2), seed).network.theta for seed in (0, 0, 1)]
    assert np.array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])
    whole = first.features(pictures)
    monkeypatch.setattr(module, "CHUNK", 7)
    assert first.features(pictures) == pytest.approx(whole, abs=1e-5)


def test_the_cache_holds_one_classifier_for_each_set_of_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures, labels = bars(50, 0)
    trained = train_classifier(pictures, labels, steps=5, cache=tmp_path / "new" / "cache")
    (path,) = (tmp_path / "new" / "cache").iterdir()

    changed = pictures.copy()
    changed[-1, -1, -1] += 0.5
    steps: list[int] = []
    for arguments in ((changed, labels, 0, 5), (pictures, labels[::-1], 0, 5), (pictures, labels, 1, 5)):
        train_classifier(*arguments[:2], seed=arguments[2], steps=arguments[3], cache=path.parent)
    assert len(list(path.parent.iterdir())) == 4

    expected, content = trained.features(pictures), path.read_bytes()
    broken = io.BytesIO()
    np.save(broken, np.full(trained.network.theta.shape, np.nan, np.float32))
    for damaged in (content[:-1], b"", broken.getvalue()):  # trained again, and replaced
        path.write_bytes(damaged)
        repaired = train_classifier(
            pictures, labels, steps=5, cache=path.parent, progress=lambda step, _: steps.append(step)
        )
        assert repaired.network.theta.tobytes() == trained.network.theta.tobytes()
        assert path.read_bytes() == content
    assert steps == [1, 2, 3, 4, 5] * 3

    monkeypatch.setattr(module, "_train", None)  # read, not trained
    read = train_classifier(pictures, labels, steps=5, cache=path.parent)
    assert read.network.theta.tobytes() == trained.network.theta.tobytes()
    assert read.features(pictures).tobytes() == expected.tobytes()


def test_a_cache_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    pictures, labels = bars(20, 0)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(AvaError, match="cannot make the folder"):
        train_classifier(pictures, labels, steps=1, cache=tmp_path / "file" / "cache")


@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 9, 3), (28, 28, 1), (70, 33, 3)])
def test_pictures_of_any_size_have_features(shape: tuple[int, int, int]) -> None:
    classifier = Classifier(shape, np.arange(3), seed=0)
    assert classifier.features(np.zeros((2, *shape), np.float32)).shape == (2, FEATURES)
    assert min(classifier.network.shapes[-5][:2]) <= 8  # after the last convolution


def test_without_labels_features_are_principal_components() -> None:
    pictures, _ = bars(100, 0)
    features = feature_function(pictures, None)(pictures)
    assert features.shape == (100, 64)
    assert np.array_equal(features, fit_pca(pictures, 64).encode(pictures))


def test_pictures_in_a_file_are_measured_as_those_in_memory(tmp_path: Path) -> None:
    pictures, labels = bars(40, 0)
    np.save(tmp_path / "pictures.npy", pictures)
    stored = cast(np.ndarray, StoredArray(tmp_path / "pictures.npy"))
    results = [
        (
            train_classifier(x, labels, steps=3, cache=tmp_path / "cache").features(x).tobytes(),
            pca_error(x, x, 5),
            mean_image_error(x, x),
            sharpness(x),
            grey_share(x),
        )
        for x in (pictures, stored)
    ]
    assert results[0] == results[1]
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_what_cannot_be_trained_on_is_refused() -> None:
    pictures, labels = bars(10, 0)
    with pytest.raises(PictureError, match="two classes"):
        train_classifier(pictures, np.zeros(10))
    with pytest.raises(PictureError, match="no picture"):
        train_classifier(pictures[:0], labels[:0])
    with pytest.raises(ValueError, match="labels of shape"):
        train_classifier(pictures, labels[:-1])
    with pytest.raises(ValueError, match="for a classifier of"):
        train_classifier(pictures, labels, steps=1).features(pictures[:, :-1])


@needs_shared_data
def test_measures_notice_what_is_wrong_with_digits() -> None:
    training = ava_np.read_pictures(SHARED_DATA / "mnist")
    labels = read_labels(SHARED_DATA / "mnist", training.names)
    assert labels is not None
    real = ava_np.read_pictures(SHARED_DATA / "mnist" / "t10k-images-idx3-ubyte.gz", limit=1000).array
    features = train_classifier(training.array, labels, steps=300).features
    reference, x = features(real), training.array[:1000]
    floor = sample_measures(reference, features(x))

    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    blurred = np.mean([padded[:, i : i + 28, j : j + 28] for i in range(3) for j in range(3)], axis=0)
    bad = sample_measures(reference, features(blurred))
    assert sharpness(blurred) < 0.2 * sharpness(x)
    assert bad.recall < 0.8 * floor.recall
    assert bad.precision > floor.precision  # which blur does not lower: blurred digits are near the middle of all
    assert bad.frechet_distance > 2 * floor.frechet_distance
    assert bad.kernel_distance > floor.kernel_distance + 5 * floor.kernel_distance_error

    three = training.array[np.isin(labels, ["0", "1", "2"])][:1000]
    narrow = sample_measures(reference, features(three))
    assert narrow.recall < 0.6 * floor.recall
    assert narrow.coverage < 0.5 * floor.coverage
    assert narrow.precision > floor.precision - 0.1
