"""The chart of a training: the curves are the metrics, with readable scales and labels."""

import io
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from PIL import Image

from ava_np.report import charts
from ava_np.report.curves import loss_curves
from tests.report.finished_runs import specify


def lines(count: int, **changes: Any) -> list[dict[str, Any]]:
    """Metrics of ``count`` epochs of an AVA1."""
    generator = np.random.default_rng(1)
    nats = ("reconstruction", "kl", "log_d_real", "log_d_fake")
    signs = (1, 1, -1, -1)
    return [
        {
            "epoch": epoch,
            "step": epoch,
            "nats": {name: sign * float(generator.exponential()) for name, sign in zip(nats, signs, strict=True)},
            "angle": {"encoder": 30.0, "decoder": 120.0, "discriminator": 0.0},
            **changes,
        }
        for epoch in range(1, count + 1)
    ]


AVA1 = specify(Path("pictures"), "ava1")


@pytest.mark.parametrize("count", [1, 2, 10_000])
def test_curves_are_the_metrics(count: int) -> None:
    epochs = lines(count)
    figure = loss_curves(epochs, AVA1)
    assert len(figure.axes) == 3
    drawn = []
    for axes in figure.axes:
        low, high = axes.get_ylim()
        for curve in axes.lines:
            x, y = np.asarray(curve.get_xdata()), np.asarray(curve.get_ydata())
            assert low <= y.min() <= y.max() <= high
            if x[0] == 1:  # not a reference line, which begins at 0
                drawn.append(y)
        assert axes.get_ylabel() in ("nats per picture", "degrees")
    expected = [[line["nats"][name] for line in epochs] for name in epochs[0]["nats"]]
    expected += [[line["angle"][name] for line in epochs] for name in epochs[0]["angle"]]
    np.testing.assert_array_equal(drawn, expected)
    assert figure.axes[-1].get_xlabel() == "epoch"
    with Image.open(io.BytesIO(charts.to_png(figure))) as picture:
        picture.load()


def test_curves_without_discriminators_angles_or_epochs() -> None:
    vae = [{"epoch": 1, "step": 1, "nats": {"reconstruction": 3.0, "kl": 0.0}}]
    for epochs in (vae, []):
        figure = loss_curves(epochs, specify(Path("x"), "vae"))
        assert len(figure.axes) == 1
        charts.to_png(figure)


def test_curves_of_discriminators_alone() -> None:
    gan = [{"epoch": e, "step": e, "nats": {"log_d_real": -0.7, "log_d_fake": -0.6}} for e in (1, 2)]
    figure = loss_curves(gan, specify(Path("x"), "gan"))
    assert [axes.get_title("left") for axes in figure.axes] == ["Discriminators: log-probability of the correct answer"]
    assert "cannot tell" in figure.axes[0].get_title("right")
    smoothed = loss_curves(gan, specify(Path("x"), "gan", smoothing=0.1))
    assert not smoothed.axes[0].get_title("right")  # the chance level is another one for each curve


@pytest.mark.parametrize("values", [(0.0, 0.0), (1e-30, 0.0), (0.0, 5.0), (1e-38, 1e3)])
def test_divergence_of_zero_can_be_drawn(values: tuple[float, float]) -> None:
    epochs = [{"epoch": e, "step": e, "nats": {"reconstruction": 0.0, "kl": kl}} for e, kl in enumerate(values, 1)]
    figure = loss_curves(epochs, specify(Path("x"), "vae"))
    (axes,) = figure.axes
    low, high = axes.get_ylim()
    assert np.isfinite([low, high]).all()
    assert low < high
    if max(values) > 0:
        assert low < max(values) < high
        assert low > 1e-10 * max(values)
    charts.to_png(figure)


def test_labels_of_curves_that_end_together_do_not_overlap() -> None:
    same = dict.fromkeys(("log_d_real", "log_d_fake", "log_D_real", "log_D_fake"), -0.693)
    figure = loss_curves(lines(3, nats={"reconstruction": 5.0, "kl": 5.0, **same}), AVA1)
    figure.draw_without_rendering()
    for axes in figure.axes:
        boxes = sorted((text.get_window_extent() for text in axes.texts), key=lambda box: box.y0)
        assert all(above.y0 >= below.y1 - 1 for below, above in pairwise(boxes))


def test_charts_do_not_depend_on_the_users_settings() -> None:
    plain = charts.to_png(loss_curves(lines(3), AVA1))
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red", "savefig.bbox": "tight"}):
        assert charts.to_png(loss_curves(lines(3), AVA1)) == plain


def test_charts_do_not_import_pyplot() -> None:
    code = "import sys, ava_np.report.page; sys.exit('matplotlib.pyplot' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_validation_errors_are_drawn() -> None:
    errors = [0.5, 0.25, 0.125]
    epochs = [
        {"epoch": e, "step": e, "nats": {"reconstruction": 1.0}, "validation": {"reconstruction_error": error}}
        for e, error in enumerate(errors, 1)
    ]
    figure = loss_curves(epochs, specify(Path("x"), "ae"))
    titles = [axes.get_title("left") for axes in figure.axes]
    assert titles == ["Reconstruction", "Reconstruction error of validation pictures"]
    np.testing.assert_array_equal(figure.axes[1].lines[0].get_ydata(), errors)


@pytest.mark.parametrize("size", [1e60, -1e60, 1e-300, 0.0])
def test_extreme_metrics_are_drawn(size: float) -> None:
    epochs = lines(2, nats=dict.fromkeys(("reconstruction", "kl", "log_d_real", "log_d_fake"), size))
    for line in epochs:
        line["validation"] = {"reconstruction_error": abs(size)}
    charts.to_png(loss_curves(epochs, AVA1))
