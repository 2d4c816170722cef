"""The mean picture and PCA are the least-squares codes of their length, whichever matrix the components come from."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ava_np.data.idx import read_idx
from ava_np.errors import PictureError
from ava_np.evaluation import linear
from ava_np.evaluation.arrays import Floats
from ava_np.evaluation.linear import fit_pca, mean_image, mean_image_error, pca_error
from ava_np.evaluation.metrics import reconstruction_error
from tests.conftest import SHARED_DATA, needs_shared_data
from tests.evaluation.reference import random_pictures
from tests.oracles import seeds

few = st.integers(1, 4)


def squared_error(pictures: Floats, training: Floats, length: int) -> float:
    """Return the least squared error of any linear code of the centred pictures, by NumPy's SVD of the pictures."""
    rows = training.reshape(len(training), -1).astype(np.float64)
    mean = rows.mean(axis=0)
    components = np.linalg.svd(rows - mean, full_matrices=False)[2][:length]
    centred = pictures.reshape(len(pictures), -1) - mean
    return float(np.square(centred - centred @ components.T @ components).sum())


@pytest.mark.parametrize("shape", [(30, 2, 3, 3), (7, 5, 4, 3)])  # more pictures than values, and fewer
@pytest.mark.parametrize("length", [0, 1, 4])
def test_pca_has_the_least_squared_error(shape: tuple[int, ...], length: int) -> None:
    training = 0.3 + 0.4 * np.random.default_rng(0).random(shape)  # within [0.3, 0.7], so that nothing is clipped
    rebuilt = fit_pca(training, length).reconstruct(training)
    assert np.square(rebuilt - training).sum() == pytest.approx(squared_error(training, training, length), rel=1e-5)


@given(N=st.integers(1, 8), H=few, W=few, C=st.sampled_from([1, 3]), seed=seeds)
@settings(deadline=None)
def test_limits_of_the_length(N: int, H: int, W: int, C: int, seed: int) -> None:
    training = random_pictures(seed, (N, H, W, C))
    mean = mean_image_error(training, training)
    assert pca_error(training, training, 0) == mean
    assert mean == pytest.approx(
        reconstruction_error(training, np.broadcast_to(training.mean(axis=0, dtype=np.float64), training.shape)),
        rel=1e-5,
    )
    assert pca_error(training, training, N + H * W * C) == pytest.approx(0, abs=1e-5)


def test_a_longer_pca_is_better_and_its_codes_are_uncorrelated() -> None:
    training = np.random.default_rng(1).random((50, 3, 3, 1), np.float32)
    errors = [pca_error(training, training, length) for length in range(10)]
    assert sorted(errors, reverse=True) == errors
    covariance = np.cov(fit_pca(training, 5).encode(training), rowvar=False)
    assert covariance == pytest.approx(np.diag(np.diag(covariance)), abs=1e-6)
    assert (np.diff(np.diag(covariance)) < 0).all()  # the largest variance first


def test_reconstructions_are_pictures() -> None:
    black_and_white = np.random.default_rng(2).integers(0, 2, (30, 3, 3, 1)).astype(np.float32)
    rebuilt = fit_pca(black_and_white, 4).reconstruct(black_and_white)
    assert rebuilt.min() == 0
    assert rebuilt.max() == 1


def test_a_part_of_many_large_pictures_gives_nearly_the_same_components(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(3)
    training = 0.5 + 0.05 * (generator.normal(size=(200, 3)) @ generator.normal(size=(3, 60))).reshape(200, 5, 4, 3)
    whole = fit_pca(training, 3)
    monkeypatch.setattr(linear, "MAX_GRAM", 50)
    part = fit_pca(training, 3)
    assert part.mean == pytest.approx(whole.mean)
    overlap = np.linalg.svd(part.components @ whole.components.T)[1]  # the cosines between the two subspaces
    assert overlap == pytest.approx(1, abs=1e-5)
    monkeypatch.setattr(linear, "MAX_VALUES", 60 * 2)
    assert len(fit_pca(training, 3).components) == 2  # of two pictures


def test_held_out_pictures_do_not_change_the_components() -> None:
    training, pictures = np.zeros((4, 2, 2, 1)), np.full((2, 2, 2, 1), 0.5)
    assert mean_image_error(training, pictures) == 0.25
    assert pca_error(training, pictures, 3) == 0.25


def test_what_cannot_be_measured_is_refused() -> None:
    pictures, empty = np.zeros((2, 4, 4, 3)), np.zeros((0, 4, 4, 3))
    for training, others in ((empty, pictures), (pictures, empty)):
        with pytest.raises(PictureError, match="no picture"):
            mean_image_error(training, others)
        with pytest.raises(PictureError, match="no picture"):
            pca_error(training, others, 2)
    with pytest.raises(ValueError, match="shape"):
        pca_error(pictures, np.zeros((2, 4, 4, 1)), 2)  # would broadcast
    with pytest.raises(ValueError, match="shape"):
        mean_image(pictures[0])
    with pytest.raises(ValueError, match="length of 0 or more"):
        fit_pca(pictures, -1)


def test_agrees_with_scikit_learn() -> None:
    decomposition = pytest.importorskip("sklearn.decomposition")
    training = np.random.default_rng(5).random((60, 4, 4, 1), np.float32)
    theirs = decomposition.PCA(5, svd_solver="full").fit(training.reshape(60, -1))
    ours = fit_pca(training, 5)
    assert abs(ours.components @ theirs.components_.T) == pytest.approx(np.eye(5), abs=1e-4)


@needs_shared_data
def test_errors_on_digits() -> None:
    digits = read_idx(SHARED_DATA / "mnist" / "t10k-images-idx3-ubyte.gz", 2000)[..., None].astype(np.float32) / 255
    training, pictures = digits[:1500], digits[1500:]
    assert mean_image_error(training, pictures) == pytest.approx(0.0706, abs=5e-5)
    assert pca_error(training, pictures, 32) == pytest.approx(0.0285, abs=5e-5)
