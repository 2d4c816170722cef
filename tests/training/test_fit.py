"""``fit``: it learns, gives the same result as the trainer, and rejects invalid arguments."""

from typing import Any

import numpy as np
import pytest

from ava_np import build, fit
from ava_np.evaluation.metrics import reconstruction_error
from tests.training.cases import BATCH, EPOCHS, parameter_bytes, small_model, specify, trained


@pytest.mark.parametrize("name", ["vae", "ava5"])
def test_fit_learns_to_reconstruct_different_pictures(name: str) -> None:
    """The error on nine grey levels, for which a code of length 1 would suffice, is far below that of the mean picture.

    With some seeds AVA5 has not converged after 400 steps, so the median of five seeds is compared.
    """
    greys = np.linspace(0.1, 0.9, 9, dtype=np.float32)[:, None, None, None] * np.ones((1, 10, 10, 1), np.float32)
    errors = []
    for seed in range(5):
        model = build(name, (10, 10, 1), latent=2, hidden=(16,), seed=seed)
        metrics = fit(model, greys, epochs=400, batch_size=9, learning_rate=1e-2, seed=seed)
        assert [line["epoch"] for line in metrics] == list(range(1, 401))
        errors.append(np.mean((model.reconstruct(greys) - greys) ** 2))
    assert np.median(errors) < 0.1 * greys.var()


def test_fit_gives_the_same_result_as_the_trainer(pictures: np.ndarray) -> None:
    model = small_model()
    metrics = fit(model, pictures, epochs=EPOCHS, batch_size=BATCH, learning_rate=1e-2)
    parameters, steps = trained(specify(), pictures)
    assert (parameter_bytes(model), metrics) == (parameters, [line for line in steps if line is not None])


@pytest.mark.parametrize("shape", [(4, 3, 1), (3, 4, 3), (12,)])
def test_fit_rejects_pictures_of_another_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="given to a model of shape"):
        fit(small_model(), np.zeros((2, *shape), np.float32), epochs=1)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("epochs", 0),
        ("batch_size", 0),
        ("learning_rate", 0.0),
        ("learning_rate", 1.5),
        ("learning_rate", float("nan")),
        ("optimiser", "newton"),
        ("momentum", 1.0),
        ("schedule", "wild"),
        ("reduction", "max"),
        ("seed", -1),
    ],
)
def test_fit_rejects_an_option_out_of_range_by_name(pictures: np.ndarray, option: str, value: object) -> None:
    options: dict[str, Any] = {"epochs": 1, option: value}
    with pytest.raises(ValueError, match=option):
        fit(small_model(), pictures, **options)


def test_fit_accepts_a_single_picture(pictures: np.ndarray) -> None:
    metrics = fit(small_model(), pictures[:1], epochs=2)
    assert [line["step"] for line in metrics] == [1, 2]


@pytest.mark.parametrize("values", [0, 255.0, np.nan])
def test_fit_rejects_invalid_pictures(values: float) -> None:
    model = build("vae", (2, 2, 1), latent=2, hidden=(3,))
    pictures = np.full((2, 2, 2, 1), values, np.float32) if values else np.zeros((0, 2, 2, 1), np.float32)
    with pytest.raises(ValueError, match=r"fit takes|pictures need"):
        fit(model, pictures, epochs=1)


def test_fit_trains_with_the_defaults_of_sgd() -> None:
    model = build("vae", (4, 4, 1), latent=2, hidden=(8,))
    pictures = np.full((3, 4, 4, 1), 0.9, np.float32)
    metrics = fit(model, pictures, epochs=200, optimiser="sgd")
    assert metrics[-1]["nats"]["reconstruction"] < 0.5 * metrics[0]["nats"]["reconstruction"]


def test_a_patience_keeps_the_weights_with_the_smallest_error() -> None:
    """Noise can only be learnt by heart: the error of other noise rises after a few epochs."""
    generator = np.random.default_rng(0)
    x, other = generator.random((2, 12, 5, 5, 1), np.float32)
    arguments: dict[str, Any] = {"epochs": 200, "batch_size": 4, "learning_rate": 0.01, "validation": other}
    kept = build("ae", (5, 5, 1), hidden=(32,), latent=10)
    metrics = fit(kept, x, **arguments, patience=5)
    measured = [line for line in metrics if "validation" in line]
    errors = [line["validation"]["reconstruction_error"] for line in measured]
    assert np.argmin(errors) == len(errors) - 6
    assert metrics[-1]["epoch"] < 200
    assert reconstruction_error(other, kept.reconstruct(other)) == min(errors)
    last = build("ae", (5, 5, 1), hidden=(32,), latent=10)
    best = measured[int(np.argmin(errors))]["epoch"]
    assert fit(last, x, **arguments)[: len(metrics)] == metrics  # the patience changes nothing but the end
    assert reconstruction_error(other, last.reconstruct(other)) > min(errors)
    again = build("ae", (5, 5, 1), hidden=(32,), latent=10)
    fit(again, x, **arguments | {"epochs": best})
    np.testing.assert_array_equal(again.reconstruct(x), kept.reconstruct(x))


def test_a_patience_needs_something_to_measure(pictures: np.ndarray) -> None:
    with pytest.raises(ValueError, match="patience needs validation pictures"):
        fit(small_model(), pictures, epochs=1, patience=3)
    with pytest.raises(ValueError, match="gan has no encoder"):
        fit(build("gan", (5, 5, 1)), np.zeros((2, 5, 5, 1)), epochs=1, validation=np.zeros((1, 5, 5, 1)))
    with pytest.raises(ValueError, match="shape"):
        fit(build("ae", (5, 5, 1)), np.zeros((2, 5, 5, 1)), epochs=1, validation=np.zeros((1, 4, 5, 1)))
