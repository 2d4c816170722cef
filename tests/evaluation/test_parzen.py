"""Parzen windows: the density of scikit-learn's, and closed forms."""

import math

import numpy as np
import pytest

from ava_np.evaluation import arrays
from ava_np.evaluation.parzen import WIDTHS, parzen_log_likelihood


def test_the_density_is_that_of_scikit_learn() -> None:
    neighbors = pytest.importorskip("sklearn.neighbors")
    generator = np.random.default_rng(0)
    samples, pictures, validation = (generator.random((n, 2, 3, 1)).astype(np.float32) for n in (50, 20, 30))
    found = parzen_log_likelihood(samples, pictures, validation)
    scores = {}
    for width in WIDTHS:
        density = neighbors.KernelDensity(bandwidth=width).fit(samples.reshape(50, -1))
        scores[width] = density.score(validation.reshape(30, -1))
        if width == found.width:
            each = density.score_samples(pictures.reshape(20, -1))
    assert found.width == max(scores, key=lambda width: scores[width])
    assert found.value == pytest.approx(each.mean(), rel=1e-5)
    assert found.standard_error == pytest.approx(each.std() / math.sqrt(20), rel=1e-5)


def test_one_sample_is_one_gaussian() -> None:
    pictures = np.full((5, 4), 0.25)
    found = parzen_log_likelihood(np.zeros((1, 4)), pictures, pictures)
    squared = 4 * 0.25**2
    expected = [-2 * math.log(2 * math.pi * width**2) - squared / (2 * width**2) for width in WIDTHS]
    assert found.value == pytest.approx(max(expected))
    assert found.standard_error == pytest.approx(0, abs=1e-12)


def test_far_pictures_are_improbable_and_not_impossible() -> None:
    far = np.full((3, 100), 1e3)
    found = parzen_log_likelihood(np.zeros((10, 100)), far, far)
    assert np.isfinite(found.value)
    assert found.value < -1e6


def test_pieces_do_not_matter_and_progress_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    sets = [generator.random((n, 3)) for n in (40, 20, 10)]
    whole = parzen_log_likelihood(*sets)
    monkeypatch.setattr(arrays, "BLOCK", 8)
    seen = []
    pieces = parzen_log_likelihood(*sets, progress=lambda done, total: seen.append((done, total)))
    assert pieces == pytest.approx(whole)
    assert seen == [(8, 30), (10, 30), (18, 30), (26, 30), (30, 30)]


def test_what_does_not_fit_is_refused() -> None:
    x = np.zeros((2, 3))
    with pytest.raises(ValueError, match="at least one"):
        parzen_log_likelihood(x, x[:0], x)
    with pytest.raises(ValueError, match="shape"):
        parzen_log_likelihood(x, x, np.zeros((2, 4)))
