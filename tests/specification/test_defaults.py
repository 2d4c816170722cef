"""Defaults that depend on the model, the optimiser or the pictures."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ava_np.specification import AE, DCGAN, MODELS, specify_model, steps_per_epoch
from ava_np.specification.defaults import (
    CONVOLUTION_STEPS,
    DENSE_STEPS,
    default_batch_size,
    default_epochs,
    default_layers,
    default_momentum,
    default_zoom,
)


def test_momentum_is_lower_for_adam_in_gans() -> None:
    for name in MODELS:
        always, dense = ("gan", "dcgan", "bigan", "avb", "alphagan", "cascade"), ("aae", "vae-gan-costs")
        assert default_momentum(specify_model(name), "adam") == (0.5 if name in (*always, *dense) else 0.9)
        convolutions = specify_model(name, architecture="conv28")
        assert default_momentum(convolutions, "adam") == (0.5 if name in always else 0.9)
        assert default_momentum(specify_model(name), "momentum") == 0.9


@pytest.mark.parametrize(
    ("size", "zoom"), [((1, 1), 1), ((128, 128), 1), ((129, 9), 2), ((9, 256), 2), ((180, 250), 2), ((257, 9), 3)]
)
def test_zoom_is_the_least_that_leaves_no_side_above_128(size: tuple[int, int], zoom: int) -> None:
    assert default_zoom(size) == zoom


@pytest.mark.parametrize(
    ("count", "shape", "architecture", "hidden", "latent"),
    [
        (99, (64, 64, 3), "mlp", (), 10),
        (100, (64, 64, 3), "conv28", (16, 32, 64), 32),
        (100, (16, 40, 1), "conv28", (32,), 32),
        (100, (15, 40, 1), "mlp", (), 10),
        (60_000, (28, 28, 1), "conv28", (32, 64), 32),
    ],
)
def test_layers_follow_from_the_number_and_the_size_of_the_pictures(
    count: int, shape: tuple[int, int, int], architecture: str, hidden: tuple[int, ...], latent: int
) -> None:
    for name in MODELS:
        model = specify_model(name)
        found = replace(model, **default_layers(model, {}, count, shape))
        if name in ("dcgan", "cascade"):
            assert (found.architecture, found.latent) == ("dcgan", 100)
        elif name in ("vaegan", "alphagan"):
            assert found.architecture == architecture.replace("conv28", "dcgan")
        elif name in ("gan", "bigan"):
            assert found == model
        else:
            assert (found.architecture, found.hidden, found.latent) == (architecture, hidden, latent)


@pytest.mark.parametrize("name", MODELS)
def test_layers_that_were_given_stay(name: str) -> None:
    every: list[dict[str, Any]] = [{"architecture": "conv28"}, {"hidden": (8,)}, {"architecture": "dcgan", "latent": 3}]
    for options in every:
        found = default_layers(specify_model(name, **options), options, 1000, (32, 32, 1))
        assert not found.keys() & options.keys()
        assert "architecture" not in found


@pytest.mark.parametrize(
    ("count", "size"),
    [(1, 16), (10, 16), (17, 17), (33, 17), (273, 18), (545, 18), (1000, 16), (1001, 64), (1025, 65), (60_000, 64)],
)
def test_batch_is_larger_by_one_if_a_picture_would_be_alone(count: int, size: int) -> None:
    assert default_batch_size(count) == size


@given(st.integers(1, 200_000), st.integers(1, 200))
def test_epochs_are_the_fewest_with_enough_steps(count: int, batch_size: int) -> None:
    for model, enough in ((AE(), DENSE_STEPS), (DCGAN(), CONVOLUTION_STEPS)):
        epochs, steps = default_epochs(count, batch_size, model), steps_per_epoch(count, batch_size)
        assert (epochs - 1) * steps < enough <= epochs * steps
