"""Values that are not finite stop the training, and the step that produced them is not applied."""

from typing import Any

import numpy as np
import pytest

from ava_np.data.batches import Batches
from ava_np.errors import NotFiniteError
from ava_np.models.step import Noise
from ava_np.specification import PaperModel, TrainingSpecification
from ava_np.training.trainer import Trainer
from tests.training.cases import BATCH, STEPS, parameter_bytes, small_model, specify


def test_a_picture_that_is_not_finite_stops_the_training_before_the_step(pictures: np.ndarray) -> None:
    invalid = pictures.copy()
    invalid[:, 1, 2] = np.nan
    trainer = Trainer(small_model(), specify())
    before = parameter_bytes(trainer.model)
    with pytest.raises(NotFiniteError, match=r"gradient of encoder\.dense1\.W is not finite at step 1 \(learning rate"):
        next(trainer.run(Batches(invalid)))
    assert parameter_bytes(trainer.model) == before
    assert trainer.steps == 0


@pytest.mark.parametrize("name", ["vae", "ava5"])
@pytest.mark.parametrize("learning_rate", [1.0, 1e3, 1e30])
def test_a_diverging_training_keeps_its_last_finite_parameters(
    pictures: np.ndarray, name: PaperModel, learning_rate: float
) -> None:
    training = TrainingSpecification("sgd", learning_rate, "sum", BATCH, 2000, 0)
    trainer = Trainer(small_model(name), training)
    finite = [parameter_bytes(trainer.model)]
    with pytest.raises(NotFiniteError) as error:
        finite.extend(parameter_bytes(trainer.model) for _ in trainer.run(Batches(pictures)))
    assert parameter_bytes(trainer.model) == finite[-1]
    assert len(finite) == trainer.steps + 1 < 20
    assert all(np.isfinite(network.theta).all() for network in trainer.model.networks.values())
    message = str(error.value)
    assert f"at step {trainer.steps + 1} (learning rate {learning_rate:g})" in message
    assert any(f"{network}.dense" in message for network in trainer.model.networks)
    assert "\n" not in message


def test_a_gradient_whose_square_overflows_is_not_applied(
    pictures: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gradient is finite, but after a few steps like this one the parameters would not be."""
    vae = small_model("vae")

    def gradients(x: np.ndarray, noise: Noise) -> dict[str, float]:
        decoder = vae.networks["decoder"]
        gradient = np.zeros_like(decoder.theta)
        gradient[decoder.layer_slices[1]] = 1e25
        decoder.gradient.write(gradient)
        return {"reconstruction": 1.0}

    monkeypatch.setattr(vae, "gradients", gradients)
    with pytest.raises(NotFiniteError, match=r"decoder\.dense2\.W"):
        next(Trainer(vae, specify()).run(Batches(pictures)))


def test_a_term_that_is_not_finite_is_named(pictures: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    vae = small_model("vae")
    monkeypatch.setattr(vae, "gradients", lambda x, r: {"reconstruction": 1.0, "kl": float("inf")})
    with pytest.raises(NotFiniteError, match="the term kl is not finite at step 1"):
        next(Trainer(vae, specify()).run(Batches(pictures)))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_parameters_that_overflow_in_the_last_step_are_refused(
    pictures: np.ndarray, monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    """No later gradient shows it."""
    vae = small_model("vae")
    trainer = Trainer(vae, specify())
    optimiser = trainer.optimisers["step", "decoder"]
    step = optimiser.step

    def overflow(*arguments: Any) -> None:
        step(*arguments)
        if trainer.steps == STEPS - 1:
            vae.networks["decoder"].theta[:] = value

    monkeypatch.setattr(optimiser, "step", overflow)
    with pytest.raises(NotFiniteError, match=f"not finite after step {STEPS} "):
        list(trainer.run(Batches(pictures)))
