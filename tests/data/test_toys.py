"""Toy points have the documented moments, and mode coverage counts modes and good samples."""

import numpy as np
import pytest

from ava_np.data.toys import TOY_NAMES, draw_toy, mixture, mode_coverage
from ava_np.errors import PictureError

COUNT = 20_000
WITHIN_3 = {1: 0.9973, 2: 1 - np.exp(-4.5)}
"""Probability of a Gaussian sample within three deviations of its centre, by dimension: 1 - exp(-3²/2) in two."""


def points(name: str, count: int = COUNT, seed: int = 0) -> np.ndarray:
    drawn = draw_toy(name, count, np.random.default_rng(seed))
    return drawn.reshape(count, -1).astype(np.float64)


@pytest.mark.parametrize(("name", "dimensions", "count"), [("gaussian", 1, 1), ("ring", 2, 8), ("grid", 2, 25)])
def test_points_and_centres_have_the_documented_shapes(name: str, dimensions: int, count: int) -> None:
    drawn = draw_toy(name, 7, np.random.default_rng(0))
    assert drawn.shape == (7, 1, dimensions, 1)
    assert drawn.dtype == np.float32
    assert mixture(name)[0].shape == (count, dimensions)


def test_the_gaussian_has_mean_4_and_deviation_one_half() -> None:
    values = points("gaussian")[:, 0]
    assert abs(values.mean() - 4) < 4 * 0.5 / np.sqrt(COUNT)
    assert abs(values.std() - 0.5) < 4 * 0.5 / np.sqrt(2 * COUNT)


def test_the_ring_has_eight_modes_at_radius_2() -> None:
    centres, deviation = mixture("ring")
    np.testing.assert_allclose(np.hypot(*centres.T), 2)
    np.testing.assert_allclose(np.sort(np.degrees(np.arctan2(*centres.T[::-1])) % 360), np.arange(8) * 45, atol=1e-9)
    assert deviation == 0.02
    np.testing.assert_allclose(np.hypot(*points("ring").T), 2, atol=6 * 0.02)


def test_the_grid_has_25_modes_at_even_coordinates() -> None:
    centres, deviation = mixture("grid")
    assert {tuple(centre) for centre in centres} == {(x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)}
    assert deviation == 0.05


@pytest.mark.parametrize("name", TOY_NAMES)
def test_every_mode_has_equal_weight_and_the_right_deviation(name: str) -> None:
    centres, deviation = mixture(name)
    drawn = points(name)
    nearest = np.linalg.norm(drawn[:, None] - centres, axis=-1).argmin(axis=1)
    share = COUNT / len(centres)
    for mode, centre in enumerate(centres):
        members = drawn[nearest == mode]
        assert abs(len(members) - share) <= 4.5 * np.sqrt(share)
        np.testing.assert_allclose(members.mean(axis=0), centre, atol=4.5 * deviation / np.sqrt(len(members)))
        np.testing.assert_allclose(members.std(axis=0), deviation, rtol=4.5 / np.sqrt(2 * len(members)))


def test_points_depend_only_on_the_generator() -> None:
    np.testing.assert_array_equal(points("ring", 50), points("ring", 50))
    assert not np.array_equal(points("ring", 50), points("ring", 50, seed=1))
    centres, _ = mixture("ring")
    centres[:] = 0  # a copy: the distribution does not change
    assert np.hypot(*points("ring", 50).T).min() > 1


@pytest.mark.parametrize("name", TOY_NAMES)
def test_exact_samples_find_all_modes_and_are_mostly_good(name: str) -> None:
    centres, _ = mixture(name)
    modes_found, good_fraction = mode_coverage(name, draw_toy(name, COUNT, np.random.default_rng(1)))
    expected = WITHIN_3[centres.shape[1]]
    assert modes_found == len(centres)
    assert abs(good_fraction - expected) < 4 * np.sqrt(expected * (1 - expected) / COUNT)


def test_collapsed_samples_find_one_mode() -> None:
    assert mode_coverage("ring", np.tile([2.0, 0.0], (10, 1))) == (1, 1.0)
    assert mode_coverage("ring", np.zeros((10, 2))) == (0, 0.0)  # the centre of the ring is far from every mode


def test_a_good_sample_is_within_three_deviations() -> None:
    inside, outside = [4 + 2.99 * 0.05, 4.0], [-4.0, -4 - 3.01 * 0.05]
    diagonal = [2.5 * 0.05, 2.5 * 0.05]  # each coordinate is within three deviations, the distance is not
    assert mode_coverage("grid", np.array([inside, outside, diagonal, diagonal])) == (1, 0.25)


def test_samples_that_are_not_finite_are_not_good() -> None:
    with np.errstate(all="raise"):
        assert mode_coverage("gaussian", np.array([[4.0], [np.nan], [np.inf], [-np.inf]])) == (1, 0.25)


def test_unknown_names_and_wrong_shapes_are_refused() -> None:
    for call in (lambda: mixture("rings"), lambda: mode_coverage("", np.zeros((1, 1)))):
        with pytest.raises(PictureError, match="hoose one of gaussian, ring, grid"):
            call()
    for wrong in (np.zeros((3, 1)), np.zeros((0, 2)), np.zeros(2)):
        with pytest.raises(ValueError, match="ring takes at least one, of 2 values"):
            mode_coverage("ring", wrong)
