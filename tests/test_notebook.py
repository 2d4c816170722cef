"""What a notebook shows: tables and sheets of models, pictures and evaluations, and the bar of ``fit``."""

import base64
import io
import sys

import numpy as np
import pytest
from PIL import Image

import ava_np
from ava_np.notebook import sheet_html, table_html


def test_models_show_their_shapes_and_networks() -> None:
    html = ava_np.build("gan", (8, 6, 3), hidden=(4,), latent=3)._repr_html_()
    for text in ("gan", "6x8", "generator", "discriminator", "parameters"):
        assert text in html


def test_pictures_show_a_sheet_of_the_first_ones() -> None:
    pictures = ava_np.read_pictures(None, size=(60, 80))
    assert repr(pictures) == "<Pictures: 10 of 60x80, RGB>"
    html = pictures._repr_html_()
    assert "10 of 60x80" in html
    data = html.split("base64,")[1].split('"')[0]
    with Image.open(io.BytesIO(base64.b64decode(data))) as sheet:
        assert sheet.size == (10 * (30 + 2) + 2, 40 + 4)  # every second pixel of all ten, with white lines


def test_points_show_text() -> None:
    points = ava_np.read_pictures("toy:ring", limit=5)
    assert "Pictures: 5" in points._repr_html_()
    assert "<img" not in points._repr_html_()


def test_evaluations_show_their_errors() -> None:
    model, x = ava_np.build("ae", (8, 8, 1), hidden=(4,)), np.random.default_rng(0).random((9, 8, 8, 1))
    evaluation = ava_np.evaluate(model, x, zoom=1)
    assert f"{evaluation.reconstruction_error:.4f}" in evaluation._repr_html_()
    assert f"error {evaluation.reconstruction_error:.4f}" in repr(evaluation)


def test_values_are_text_and_no_markup() -> None:
    assert "<b>" not in table_html("<b>", [("<b>", "<b>")]) + sheet_html(np.ones((1, 2, 2, 1)), "<b>")


@pytest.mark.parametrize("notebook", [True, False])
def test_fit_shows_its_steps_if_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], notebook: bool
) -> None:
    """In a log, a line at the end at least; without ``progress`` nothing at all."""
    if notebook:
        monkeypatch.setitem(sys.modules, "ipykernel", sys)
    model, x = ava_np.build("vae", (4, 4, 1), hidden=(4,)), np.random.default_rng(0).random((20, 4, 4, 1))
    ava_np.fit(model, x, epochs=40, batch_size=10)
    assert capsys.readouterr().err == ""
    ava_np.fit(model, x, epochs=40, batch_size=10, progress=True)
    shown = capsys.readouterr().err
    assert "80/80" in shown
    assert "epoch 40" in shown or not notebook
    assert shown.count("\n") <= 2
    if not notebook:
        assert shown.count("\r") <= 4  # few lines in a log
