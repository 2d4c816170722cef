"""Arguments from users: mistakes are rejected in one clear line, and lists, seeds and empty arrays are accepted."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ava_np import build, fit, load, save
from ava_np.models import Model

PICTURES = np.random.default_rng(0).random((6, 8, 8, 1), dtype=np.float32)


@pytest.fixture(scope="module")
def model() -> Model:
    return build("vae", (8, 8, 1), hidden=(6,), latent=2)


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (lambda m: m.encode(PICTURES * 255), r"in \[0, 1\], not up to 25\d.*: divide 8-bit values by 255"),
        (lambda m: m.encode(PICTURES - 1), r"in \[0, 1\], not down to -"),
        (lambda m: m.encode((PICTURES * 255).astype(np.uint8)), "not uint8: divide 8-bit values by 255"),
        (lambda m: m.encode(PICTURES * np.nan), "NaN or infinity"),
        (lambda m: m.encode(PICTURES[0]), r"shape \(8, 1\) given to a model of shape \(8, 8, 1\)"),
        (lambda m: m.reconstruct(PICTURES[:, :4]), r"shape \(4, 8, 1\) given to a model of shape \(8, 8, 1\)"),
        (lambda m: m.decode(np.full((1, 2), np.nan)), "codes must be finite"),
        (lambda m: m.decode(np.zeros(2)), "latent length 2"),
        (lambda m: m.decode(np.full((1, 2), 1e300)), "codes must be finite in float32"),
        (lambda m: m.decode(np.zeros((1, 2), complex)), "codes must be numbers, not complex128"),
        (lambda m: m.decode([["a", "b"]]), "codes must be numbers, not <U1"),
        (lambda m: m.sample(-1), "pictures from 0 on, not -1"),
        (lambda m: build("vae", (8, 8, 1), dtype=np.float16), "float32 or float64, not in float16"),
        (lambda m: build("vae", (8, 8, 1), latent=10**30), "latent"),
        (lambda m: build("vae", (10**9, 10**9, 1)), "too many for any memory"),
        (lambda m: build(5, (8, 8, 1)), "no model 5"),  # type: ignore[arg-type]
        (lambda m: fit(m, PICTURES * 255, epochs=1), "divide 8-bit values by 255"),
        (lambda m: fit(m, PICTURES[:0], epochs=1), "at least one picture"),
        (lambda m: fit(m, PICTURES, epochs=1, lr=0.1), r"no option 'lr': it has .*learning_rate"),
        (lambda m: build("vae", PICTURES.shape), r"pass x\.shape\[1:\]"),
        (lambda m: build("vae", (8, 8)), r"\(height, width, channels\), not \(8, 8\)"),  # type: ignore[arg-type]
        (lambda m: build("vae", (8, 0, 1)), r"not \(8, 0, 1\)"),
        (lambda m: build("VAEE", (8, 8, 1)), "did you mean 'vae'"),
        (lambda m: build("dcgam", (8, 8, 1)), "did you mean 'dcgan'"),
        (lambda m: build("transformer", (8, 8, 1)), "choose one of ae, vae"),
    ],
)
def test_a_mistake_in_the_arguments_is_rejected_in_one_line(
    model: Model, mistake: Callable[[Model], object], message: str
) -> None:
    with pytest.raises(ValueError, match=message) as error:
        mistake(model)
    assert "\n" not in str(error.value)


def test_models_are_named_in_capital_letters_too() -> None:
    assert build("AVA5", (8, 8, 1), hidden=(6,)).specification.name == "ava5"


def test_sample_accepts_a_seed() -> None:
    model = build("gan", (8, 8, 1), hidden=(6,), latent=2)
    np.testing.assert_array_equal(model.sample(3, 7), model.sample(3, np.random.default_rng(7)))
    assert not np.array_equal(model.sample(3), model.sample(3))


def test_empty_arrays_give_empty_results(model: Model) -> None:
    assert model.encode(PICTURES[:0]).shape == (0, 2)
    assert model.decode(np.zeros((0, 2))).shape == (0, 8, 8, 1)
    assert model.reconstruct(PICTURES[:0]).shape == (0, 8, 8, 1)
    for name in ("gan", "aae"):
        assert build(name, (8, 8, 1), hidden=(6,)).sample(0).shape == (0, 8, 8, 1)


@pytest.mark.parametrize("shape", [[8, 8, 1], np.array([8, 8, 1])])
def test_shape_may_be_a_list_or_an_array(shape: Any, tmp_path: Path) -> None:
    model = build("ae", shape, hidden=(6,), latent=2)
    assert model.encode(PICTURES).shape == (6, 2)
    save(model, tmp_path / "model.safetensors")
    assert load(tmp_path).shape == (8, 8, 1)


def test_encode_accepts_lists(model: Model) -> None:
    np.testing.assert_allclose(model.encode(PICTURES.astype(float).tolist()), model.encode(PICTURES), rtol=1e-6)


def test_encode_accepts_values_that_round_to_just_above_1(model: Model) -> None:
    """For example, a mean of ones can round to the next float above 1."""
    model.encode(np.full((1, 8, 8, 1), np.nextafter(np.float32(1), np.float32(2))))
