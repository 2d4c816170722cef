"""The options of a run: refused if they are invalid, and completed with defaults."""

import json
from pathlib import Path
from typing import Any

import pytest

from ava_np.data.sources import read_pictures
from ava_np.errors import AvaError, OptionError
from ava_np.specification import AE, DCGAN, GAN, MODELS, VAE, Cascade, RunOptions, decode, encode, specify_model


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ({"learning_rate": 1.5}, "learning_rate"),
        ({"momentum": 1.0}, "momentum"),
        ({"optimiser": "newton"}, "optimiser"),
        ({"schedule": "wild"}, "schedule"),
        ({"reduction": "max"}, "reduction"),
        ({"batch_size": 0}, "batch_size"),
        ({"epochs": 0}, "epochs"),
        ({"seed": -1}, "seed"),
        ({"zoom": 0}, "zoom"),
        ({"size": (0, 3)}, "size"),
        ({"fit": "squeeze"}, "fit"),
        ({"limit": -1}, "limit"),
        ({"validation": 1.0}, "validation"),
        ({"shift": -1}, "shift"),
        ({"seed": 2**63}, "seed"),
        ({"shift": 2**63}, "shift"),
        ({"size": (10**9, 3)}, "size"),
        ({"epochs": 10**30}, "epochs"),
        ({"batch_size": 10**7}, "batch_size"),
        ({"weight_decay": 1e308}, "weight_decay"),
        ({"clip": 1e300}, "clip"),
        ({"ema": 1.0}, "ema"),
        ({"ema": -0.1}, "ema"),
        ({"model": GAN(augment=("colour", "blur"))}, "augment"),  # type: ignore[arg-type]
        ({"model": GAN(augment=4 * ("colour",))}, "augment"),
        ({"model": VAE(beta=1e300)}, "beta"),
        ({"model": AE(latent=10**30)}, "latent"),
        ({"model": AE(hidden=(10**7,))}, "hidden"),
        ({"model": AE(hidden=1001 * (1,))}, "hidden"),
        ({"model": VAE(beta=-1)}, "beta"),
        ({"model": AE(hidden=(0,))}, "hidden"),
    ],
)
def test_value_out_of_range_is_named(values: dict[str, Any], where: str) -> None:
    with pytest.raises(ValueError, match=where):
        RunOptions(**values)


@pytest.mark.parametrize(
    ("values", "option"),
    [
        ({"optimiser": "sgd", "momentum": 0.5}, "momentum"),
        ({"optimiser": "rmsprop", "momentum": 0.5}, "momentum"),
        ({"model": GAN(), "validation": 0.1}, "validation"),
        ({"model": DCGAN(), "validation": 0.1}, "validation"),
        ({"source": "toy:ring", "fit": "pad"}, "fit"),
        ({"source": "toy:ring", "flip": True}, "flip"),
        ({"source": "toy:ring", "shift": 1}, "shift"),
        ({"source": "toy:ring", "model": GAN(augment=("cutout",))}, "augment"),
        ({"source": "toy:ring", "model": DCGAN()}, "architecture"),
        ({"model": VAE(), "model_options": {"latent": 3}}, "model_options"),
        ({"model": "vae", "model_options": {"gamma": 3}}, "gamma"),
        ({"model": "pix2pix"}, "model"),
        ({"model": "cascade"}, "trained_vae"),
        ({"model": Cascade()}, "trained_vae"),
        ({"model": "gan", "trained_vae": "run"}, "trained_vae"),
        ({"model": Cascade(), "trained_vae": "run", "validation": 0.1}, "validation"),
    ],
)
def test_option_without_effect_is_refused(values: dict[str, Any], option: str) -> None:
    with pytest.raises(OptionError) as error:
        RunOptions(**values)
    assert error.value.option == option
    assert isinstance(error.value, AvaError)
    assert "\n" not in str(error.value)


def test_model_is_specified_by_name() -> None:
    assert specify_model("vae", beta=4.0) == VAE(beta=4.0)
    assert [specify_model(name).name for name in MODELS] == list(MODELS)
    with pytest.raises(OptionError, match="no model 'pix2pix': choose one of ae, vae"):
        specify_model("pix2pix")
    with pytest.raises(OptionError, match="ae has no option 'beta': it has likelihood"):
        specify_model("ae", beta=4.0)
    with pytest.raises(ValueError, match="latent"):
        specify_model("ae", latent=0)


def test_specification_has_the_options_and_the_defaults(tmp_path: Path) -> None:
    pictures = read_pictures(None, zoom=3)
    options = RunOptions(model=VAE(latent=3), optimiser="sgd", schedule="linear", cache=tmp_path / "a" / ".." / "b")
    found = options.specification(pictures, 3, 10)
    assert decode(encode(found)) == found
    assert found.model == VAE(latent=3)
    assert (found.pictures.source, found.pictures.size, found.pictures.shape) == (None, (180, 250), (83, 60, 3))
    assert (found.pictures.sha256, found.pictures.cache) == (pictures.sha256, str(tmp_path / "b"))
    training = found.training
    assert (training.learning_rate, training.reduction, training.momentum) == (0.3, "fan", 0.9)
    assert (training.batch_size, training.epochs, training.schedule) == (16, 1000, "linear")


def test_layers_of_a_named_model_follow_from_the_pictures(tmp_path: Path) -> None:
    """A specification is taken as it is."""
    pictures = read_pictures(None, zoom=3)
    for model, architecture, latent in (("vae", "conv28", 32), (VAE(), "mlp", 10)):
        found = RunOptions(model=model).specification(pictures, 3, 200).model
        assert (found.architecture, found.latent) == (architecture, latent)
    found = RunOptions(model="vae", model_options={"latent": 3}).specification(pictures, 3, 200).model
    assert (found.architecture, found.latent) == ("conv28", 3)


def test_a_gan_is_averaged_unless_it_began_before_there_was_an_average() -> None:
    """An older config.json has neither ``ema`` nor ``augment``: its run goes on without them."""
    found = RunOptions(model=GAN()).specification(read_pictures(None, zoom=3), 3, 10)
    assert (found.training.ema, RunOptions(model=GAN(), ema=0).ema) == (0.999, 0)
    older = json.loads(encode(found))
    del older["training"]["ema"], older["model"]["augment"]
    kept = decode(json.dumps(older).encode())
    assert kept.training.ema == 0
    assert isinstance(kept.model, GAN)
    assert kept.model.augment == ()


def test_points_get_a_linear_output() -> None:
    points = read_pictures("toy:ring", limit=20)
    found = RunOptions("toy:ring", model=GAN()).specification(points, 1, 20)
    assert (found.model.output, found.pictures.source, found.pictures.channels) == ("linear", "toy:ring", 1)


def test_source_is_stored_as_an_absolute_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for source in ("photos", Path("photos")):
        found = RunOptions(source).specification(read_pictures(None), 1, 10)
        assert found.pictures.source == str(tmp_path / "photos")
