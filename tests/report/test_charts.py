"""The charts of errors, baselines and toy points."""

import numpy as np
import pytest

from ava_np.evaluation.evaluate import Evaluation
from ava_np.report import charts
from tests.report.finished_runs import HOSTILE, Finished


def test_errors_are_drawn_the_largest_first() -> None:
    evaluation = Evaluation(np.array([0.1, 0.3, 0.2]), np.zeros(3), 0, {}, 0.3, 0.1)
    figure = charts.reconstruction_error_bars(evaluation, ["a", HOSTILE, "\N{CJK UNIFIED IDEOGRAPH-732B}" * 60], 0.15)
    (axes,) = figure.axes
    assert [bar.get_width() for bar in axes.patches] == [0.3, 0.2, 0.15, 0.1]  # type: ignore[attr-defined]
    assert axes.yaxis_inverted()
    assert [label.get_text()[-6:] for label in axes.get_yticklabels()] == [
        "0.3000",
        "0.2000",
        "0.1500",
        "0.1000",
    ]
    charts.to_png(figure)


def test_errors_of_many_pictures_are_one_shape() -> None:
    errors = np.random.default_rng(2).uniform(0, 0.3, 60_000)
    figure = charts.reconstruction_error_bars(Evaluation(errors, errors, 0, {}, 0.3, 0.1), ["x"] * len(errors), 0.15)
    (axes,) = figure.axes
    (shape,) = axes.patches
    np.testing.assert_array_equal(shape.get_data().values, np.sort(errors)[::-1])  # type: ignore[attr-defined]
    charts.to_png(figure)


def test_baselines_are_drawn_the_largest_first_and_the_model_in_another_colour(finished: Finished) -> None:
    evaluation = finished.evaluation
    assert evaluation is not None
    (axes,) = charts.baseline_bars(evaluation).axes
    drawn = {bar.get_width(): bar.get_facecolor() for bar in axes.patches}  # type: ignore[attr-defined]
    named = ("grey", "copy_mean", "single_colour", "mean_image", "floor")
    expected = [*(evaluation.baselines[name] for name in named), evaluation.rmse]
    assert list(drawn) == sorted(expected, reverse=True)
    colour = drawn.pop(evaluation.rmse)
    assert colour not in drawn.values()


def test_toy_points_are_drawn_over_the_data() -> None:
    generator = np.random.default_rng(4)
    data = generator.normal(size=(50, 1, 2, 1)).astype(np.float32)
    points = np.concatenate(
        [data[:20] + 0.01, np.full((3, 1, 2, 1), 100.0), np.full((1, 1, 2, 1), -100.0), np.full((2, 1, 2, 1), np.nan)]
    )
    figure = charts.toy_points(data, points, "samples")
    (axes,) = figure.axes
    below, above = (np.asarray(collection.get_offsets()) for collection in axes.collections)
    np.testing.assert_allclose(below, data.reshape(50, 2), rtol=1e-6)
    np.testing.assert_allclose(above, points[:20].reshape(20, 2), rtol=1e-6)
    assert axes.get_aspect() == 1.0
    assert axes.get_title("right") == "6 of 26 samples lie outside"
    charts.to_png(figure)


def test_toy_points_of_one_dimension_are_two_densities() -> None:
    data = np.random.default_rng(5).normal(4, 0.5, (1000, 1, 1, 1))
    (axes,) = charts.toy_points(data, data[:500] + 0.1, "samples").axes
    bars, (outline,) = axes.patches[:-1], axes.patches[-1:]
    area = sum(bar.get_width() * bar.get_height() for bar in bars)  # type: ignore[attr-defined]
    assert area == pytest.approx(1)
    assert not outline.get_fill()
    assert not axes.get_title("right")
    (axes,) = charts.toy_points(data, np.concatenate([data, data + 100]), "samples").axes
    assert axes.get_title("right") == "1,000 of 2,000 samples lie outside"
