"""The estimators keep scikit-learn's rules, and train what ``ava_np.fit`` trains."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ava_np
from ava_np.errors import AvaError
from tests.command import write_pictures

pytest.importorskip("sklearn", reason="scikit-learn is not installed")

from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from ava_np.sklearn import AutoencoderTransformer, GANSampler

SMALL: dict[str, Any] = {"hidden": (8,), "latent": 2, "epochs": 2, "batch_size": 10}


def rows(count: int = 200) -> np.ndarray:
    """Return rows of 8 values on a plane."""
    generator = np.random.default_rng(0)
    return generator.normal(size=(count, 2)) @ generator.normal(size=(2, 8))


def pictures(count: int = 30) -> np.ndarray:
    """Return pictures of one grey each, with noise."""
    generator = np.random.default_rng(0)
    return np.clip(generator.random((count, 1, 1, 1)) + generator.normal(0, 0.05, (count, 6, 5, 1)), 0, 1)


@pytest.mark.parametrize("estimator", [AutoencoderTransformer("vae", **SMALL), GANSampler(**SMALL)])
def test_all_checks_of_scikit_learn_pass(estimator: Any) -> None:
    ended = check_estimator(estimator, on_fail=None, on_skip=None)
    assert len(ended) > 40
    assert [(one["check_name"], one["exception"]) for one in ended if one["status"] == "failed"] == []
    assert {one["check_name"] for one in ended if one["status"] == "skipped"} <= {"check_array_api_input"}


@pytest.mark.parametrize("model", ["ae", "aae", "vaegan", "bigan", "ava5"])
def test_every_kind_with_an_encoder_transforms(model: str) -> None:
    estimator = AutoencoderTransformer(model, **SMALL)
    codes = estimator.fit_transform(rows())
    assert codes.shape == (200, 2)
    assert estimator.inverse_transform(codes).shape == (200, 8)
    assert list(estimator.get_feature_names_out()) == ["autoencodertransformer0", "autoencodertransformer1"]


def test_pictures_train_the_same_model_as_fit() -> None:
    x = pictures().astype(np.float32)
    estimator = AutoencoderTransformer("vae", random_state=3, **SMALL).fit(x)
    model = ava_np.build("vae", (6, 5, 1), hidden=(8,), latent=2, seed=3)
    history = ava_np.fit(model, x, epochs=2, batch_size=10, seed=3)
    assert estimator.history_ == history
    np.testing.assert_array_equal(estimator.transform(x), model.encode(x))
    np.testing.assert_array_equal(estimator.sample(5, random_state=0), model.sample(5, 0))
    error = np.square(model.reconstruct(x) - x, dtype=np.float64).mean()
    assert estimator.score(x) == pytest.approx(-error)


def test_flat_pictures_pictures_and_a_folder_are_the_same(tmp_path: Path) -> None:
    x = pictures().astype(np.float32)
    flat = AutoencoderTransformer("ae", image_shape=(6, 5, 1), **SMALL).fit(x.reshape(30, -1))
    shaped = AutoencoderTransformer("ae", **SMALL).fit(x)
    np.testing.assert_array_equal(flat.transform(x.reshape(30, -1)), shaped.transform(x))
    lists = AutoencoderTransformer("ae", random_state=np.int64(0), **SMALL).fit(x.tolist())
    np.testing.assert_array_equal(lists.transform(x), shaped.transform(x))
    codes = flat.transform(x)
    assert flat.inverse_transform(codes).shape == (30, 30)
    assert shaped.inverse_transform(codes).shape == (30, 6, 5, 1)
    folder = write_pictures(tmp_path / "pictures", 12)
    read = AutoencoderTransformer("ae", **SMALL).fit(folder)
    np.testing.assert_array_equal(read.transform(folder), read.transform(ava_np.read_pictures(folder).array))
    larger = write_pictures(tmp_path / "larger", 3, size=(24, 18))  # brought to the size of the training pictures
    assert read.transform(larger).shape == (3, 2)
    with pytest.raises(ValueError, match="trained on rows"):
        AutoencoderTransformer("ae", **SMALL).fit(rows()).transform(folder)


def test_a_plane_is_learnt_and_partial_fits_continue() -> None:
    x = rows()
    estimator = AutoencoderTransformer("ae", latent=2, hidden=(32,), batch_size=20, learning_rate=0.005)
    scores = [estimator.partial_fit(x).score(x) for _ in range(40)]
    assert scores[-1] > scores[0] / 10 > -np.inf
    assert scores[-1] > -0.05 * x.var()
    more = clone(estimator).set_params(epochs=3).fit(x)
    before = more.score(x)
    assert more.partial_fit(x).score(x) > before
    assert more.trainer_.steps == 4 * 10


def test_a_copy_gives_the_same_codes_and_a_clone_is_untrained() -> None:
    x = rows()
    estimator = AutoencoderTransformer("vae", **SMALL).fit(x)
    copied = pickle.loads(pickle.dumps(estimator))
    np.testing.assert_array_equal(copied.transform(x), estimator.transform(x))
    assert clone(estimator).get_params() == estimator.get_params()
    assert not hasattr(clone(estimator), "model_")


def test_a_grid_is_searched_by_two_workers() -> None:
    pipeline = make_pipeline(StandardScaler(), AutoencoderTransformer("ae", hidden=(16,), epochs=20, batch_size=20))
    search = GridSearchCV(pipeline, {"autoencodertransformer__latent": [1, 2]}, cv=2, n_jobs=2).fit(rows())
    assert search.best_params_ == {"autoencodertransformer__latent": 2}  # the rows lie on a plane


def test_a_gan_draws_what_it_was_shown() -> None:
    x = np.random.default_rng(0).normal(3, 0.5, size=(1000, 1))
    sampler = GANSampler(latent=2, hidden=(16,), epochs=30, learning_rate=0.002).fit(x)
    drawn = sampler.sample(2000, random_state=0)
    assert abs(drawn.mean() - 3) < 0.5
    np.testing.assert_array_equal(sampler.sample(5, random_state=1), sampler.sample(5, random_state=1))


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(AvaError, match="gan has no encoder"):
        AutoencoderTransformer("gan", **SMALL).fit(rows())
    with pytest.raises(ValueError, match="divide 8-bit values by 255"):
        AutoencoderTransformer("ae", **SMALL).fit(np.full((4, 6, 5, 1), 200.0))
    fitted = AutoencoderTransformer("ae", **SMALL).fit(pictures())
    with pytest.raises(ValueError, match=r"pictures of shape \(5, 6, 1\)"):
        fitted.transform(pictures().reshape(-1, 5, 6, 1))
    with pytest.raises(AvaError, match="one would be alone"):
        AutoencoderTransformer("ae", **SMALL | {"architecture": "dcgan", "hidden": (4,)}).partial_fit(pictures(21))
    with pytest.raises(ValueError, match="features"):
        AutoencoderTransformer("ae", **SMALL).fit(rows()).transform(rows()[:, :5])
