"""Defaults that depend on the model, the optimiser or the pictures."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ava_np.specification import MODELS, specify_model, steps_per_epoch
from ava_np.specification.defaults import (
    DEFAULT_STEPS,
    default_batch_size,
    default_epochs,
    default_momentum,
    default_zoom,
)


def test_momentum_is_lower_for_adam_in_gans() -> None:
    for name in MODELS:
        expected = 0.5 if name in ("gan", "dcgan", "bigan", "avb", "alphagan") else 0.9
        assert default_momentum(specify_model(name), "adam") == expected
        assert default_momentum(specify_model(name), "momentum") == 0.9


@pytest.mark.parametrize(
    ("architecture", "size", "zoom"), [("mlp", (64, 64), 1), ("mlp", (65, 9), 3), ("mlp", (9, 65), 3)]
)
def test_zoom_is_3_for_dense_networks_on_large_pictures(architecture: str, size: tuple[int, int], zoom: int) -> None:
    assert default_zoom(architecture, lambda: size) == zoom


@pytest.mark.parametrize("architecture", ["conv28", "conv64", "dcgan", {"encoder": ()}])
def test_size_is_not_looked_up_for_convolutions(architecture: str) -> None:
    def size() -> tuple[int, int]:
        raise AssertionError

    assert default_zoom(architecture, size) == 1


@pytest.mark.parametrize(
    ("count", "size"),
    [(1, 16), (10, 16), (17, 17), (33, 17), (273, 18), (545, 18), (1000, 16), (1001, 64), (1025, 65), (60_000, 64)],
)
def test_batch_is_larger_by_one_if_a_picture_would_be_alone(count: int, size: int) -> None:
    assert default_batch_size(count) == size


@given(st.integers(1, 200_000), st.integers(1, 200))
def test_epochs_are_the_fewest_with_enough_steps(count: int, batch_size: int) -> None:
    epochs, steps = default_epochs(count, batch_size), steps_per_epoch(count, batch_size)
    assert (epochs - 1) * steps < DEFAULT_STEPS <= epochs * steps
