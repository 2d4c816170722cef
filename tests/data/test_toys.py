"""Toy points have the moments they claim, and a judgement counts what it says."""

import numpy as np
import pytest

from ava_np.data.toys import TOYS, draw_toy, mode_coverage, modes
from ava_np.errors import PictureError

COUNT = 20_000
WITHIN_3 = {1: 0.9973, 2: 1 - np.exp(-4.5)}
"""Share of a Gaussian within three deviations of its centre: normal, and Rayleigh, distribution."""


def points(name: str, count: int = COUNT, seed: int = 0) -> np.ndarray:
    drawn = draw_toy(name, count, np.random.default_rng(seed))
    return drawn.reshape(count, -1).astype(np.float64)


@pytest.mark.parametrize(("name", "dimensions", "count"), [("gaussian", 1, 1), ("ring", 2, 8), ("grid", 2, 25)])
def test_shapes(name: str, dimensions: int, count: int) -> None:
    drawn = draw_toy(name, 7, np.random.default_rng(0))
    assert drawn.shape == (7, 1, dimensions, 1)
    assert drawn.dtype == np.float32
    assert modes(name)[0].shape == (count, dimensions)


def test_the_gaussian_of_the_literature() -> None:
    values = points("gaussian")[:, 0]
    assert abs(values.mean() - 4) < 4 * 0.5 / np.sqrt(COUNT)
    assert abs(values.std() - 0.5) < 4 * 0.5 / np.sqrt(2 * COUNT)


def test_the_ring_of_the_literature() -> None:
    centres, deviation = modes("ring")
    np.testing.assert_allclose(np.hypot(*centres.T), 2)
    np.testing.assert_allclose(np.sort(np.degrees(np.arctan2(*centres.T[::-1])) % 360), np.arange(8) * 45, atol=1e-9)
    assert deviation == 0.02
    np.testing.assert_allclose(np.hypot(*points("ring").T), 2, atol=6 * 0.02)


def test_the_grid_of_the_literature() -> None:
    centres, deviation = modes("grid")
    assert {tuple(centre) for centre in centres} == {(x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)}
    assert deviation == 0.05


@pytest.mark.parametrize("name", TOYS)
def test_every_mode_has_its_share_and_its_width(name: str) -> None:
    centres, deviation = modes(name)
    drawn = points(name)
    nearest = np.linalg.norm(drawn[:, None] - centres, axis=-1).argmin(axis=1)
    share = COUNT / len(centres)
    for mode, centre in enumerate(centres):
        own = drawn[nearest == mode]
        assert abs(len(own) - share) <= 4.5 * np.sqrt(share)
        np.testing.assert_allclose(own.mean(axis=0), centre, atol=4.5 * deviation / np.sqrt(len(own)))
        np.testing.assert_allclose(own.std(axis=0), deviation, rtol=4.5 / np.sqrt(2 * len(own)))


def test_points_depend_on_the_generator_alone() -> None:
    np.testing.assert_array_equal(points("ring", 50), points("ring", 50))
    assert not np.array_equal(points("ring", 50), points("ring", 50, seed=1))
    centres, _ = modes("ring")
    centres[:] = 0  # the caller's own
    assert np.hypot(*points("ring", 50).T).min() > 1


@pytest.mark.parametrize("name", TOYS)
def test_exact_samples_are_good(name: str) -> None:
    centres, _ = modes(name)
    found, good = mode_coverage(name, draw_toy(name, COUNT, np.random.default_rng(1)))
    expected = WITHIN_3[centres.shape[1]]
    assert found == len(centres)
    assert abs(good - expected) < 4 * np.sqrt(expected * (1 - expected) / COUNT)


def test_a_collapsed_model_finds_one_mode() -> None:
    assert mode_coverage("ring", np.tile([2.0, 0.0], (10, 1))) == (1, 1.0)
    assert mode_coverage("ring", np.zeros((10, 2))) == (0, 0.0)  # the mean of the ring is far from every mode


def test_three_deviations_are_the_limit() -> None:
    inside, outside = [4 + 2.99 * 0.05, 4.0], [-4.0, -4 - 3.01 * 0.05]
    diagonal = [2.5 * 0.05, 2.5 * 0.05]  # each coordinate is near, the distance is not
    assert mode_coverage("grid", np.array([inside, outside, diagonal, diagonal])) == (1, 0.25)


def test_what_is_not_finite_is_not_good() -> None:
    with np.errstate(all="raise"):
        assert mode_coverage("gaussian", np.array([[4.0], [np.nan], [np.inf], [-np.inf]])) == (1, 0.25)


def test_misuse() -> None:
    for fault in (lambda: modes("rings"), lambda: mode_coverage("", np.zeros((1, 1)))):
        with pytest.raises(PictureError, match="gaussian, ring, grid"):
            fault()
    for wrong in (np.zeros((3, 1)), np.zeros((0, 2)), np.zeros(2)):
        with pytest.raises(ValueError, match="ring takes at least one, of 2 values"):
            mode_coverage("ring", wrong)
