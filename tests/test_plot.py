"""The figures show what the model computes."""

import numpy as np
import pytest

import ava_np
from ava_np import plot
from ava_np.errors import AvaError
from ava_np.images import grid
from ava_np.models import Model


def trained(latent: int = 2, channels: int = 1) -> tuple[Model, np.ndarray]:
    """Return a model and its pictures."""
    x = np.random.default_rng(0).random((12, 6, 5, channels), np.float32)
    model = ava_np.build("vae", x.shape[1:], hidden=(8,), latent=latent)
    ava_np.fit(model, x, epochs=3)
    return model, x


@pytest.mark.parametrize("channels", [1, 3])
def test_sheets_hold_the_samples_and_the_reconstructions(channels: int) -> None:
    model, x = trained(channels=channels)
    (image,) = plot.samples(model, 9, seed=0).axes[0].get_images()
    np.testing.assert_allclose(np.squeeze(np.asarray(image.get_array())), np.squeeze(grid(model.sample(9, 0))))
    (image,) = plot.reconstructions(model, x, 4).axes[0].get_images()
    expected = grid(np.concatenate([x[:4], model.reconstruct(x[:4])]), 4)
    np.testing.assert_allclose(np.squeeze(np.asarray(image.get_array())), np.squeeze(expected))


def test_the_plane_grows_to_the_right_and_upwards() -> None:
    model, _ = trained()
    (image,) = plot.latent_plane(model, extent=1.5, side=3).axes[0].get_images()
    sheet = np.asarray(image.get_array())
    corners = model.decode([[-1.5, 1.5], [1.5, 1.5], [-1.5, -1.5], [1.5, -1.5]])[..., 0]
    found = [sheet[:6, :5], sheet[:6, -5:], sheet[-6:, :5], sheet[-6:, -5:]]
    np.testing.assert_allclose(found, corners)
    with pytest.raises(AvaError, match="have 3"):
        plot.latent_plane(trained(3)[0])


def test_codes_are_points_of_each_class() -> None:
    model, x = trained()
    figure = plot.codes(model, x, labels=["b", "a"] * 6)
    drawn = [np.asarray(line.get_xydata()) for line in figure.axes[0].get_lines()]
    np.testing.assert_allclose(drawn[0], model.encode(x[1::2]), rtol=1e-5, atol=1e-6)  # a
    model, x = trained(latent=5)
    (line,) = plot.codes(model, x).axes[0].get_lines()
    spread = np.cov(np.asarray(line.get_xydata()).T)
    values = np.linalg.eigvalsh(np.cov(model.encode(x).T))[::-1]
    np.testing.assert_allclose(spread, np.diag(values[:2]), atol=1e-5)
    with pytest.raises(AvaError, match="one value"):
        plot.codes(*trained(latent=1))


def test_losses_are_those_of_the_history() -> None:
    x = np.random.default_rng(0).random((12, 6, 5, 1), np.float32)
    history = ava_np.fit(ava_np.build("gan", (6, 5, 1), hidden=(8,)), x, epochs=4)
    figure = plot.losses(history)
    assert [axes.get_title("left") for axes in figure.axes] == list(history[0]["nats"])
    for axes in figure.axes:
        (line,) = axes.get_lines()
        assert list(np.asarray(line.get_ydata())) == [one["nats"][axes.get_title("left")] for one in history]
    with pytest.raises(AvaError, match="no epoch"):
        plot.losses([])


def test_a_notebook_shows_every_figure() -> None:
    """Without pyplot, which registers matplotlib's own figures with IPython."""
    model, x = trained()
    history = ava_np.fit(model, x, epochs=2)
    for figure in (plot.samples(model, 4), plot.reconstructions(model, x), plot.codes(model, x), plot.losses(history)):
        data, metadata = figure._repr_png_()  # type: ignore[attr-defined]
        assert data.startswith(b"\x89PNG")
        assert 20 < metadata["width"] < 1000
