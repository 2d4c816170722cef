"""The average of the weights: its value, its limits, what belongs to it, and where it goes."""

import copy

import numpy as np
import pytest

from ava_np import build, fit
from ava_np.data.batches import Batches
from ava_np.models import Model
from ava_np.specification import MODELS, TrainingSpecification, default_ema, specify_model
from ava_np.training.average import Average
from ava_np.training.trainer import Trainer

PICTURES = np.random.default_rng(0).random((6, 8, 8, 1), dtype=np.float32)


def dcgan(seed: int = 0) -> Model:
    return build("dcgan", (8, 8, 1), hidden=(3, 4), latent=2, seed=seed)


def specify(ema: float, epochs: int = 4) -> TrainingSpecification:
    return TrainingSpecification("adam", 0.01, "sum", batch_size=3, epochs=epochs, seed=0, ema=ema)


def arrays(model: Model) -> list[np.ndarray]:
    """Return all parameters and running statistics, in a fixed order."""
    networks = model.networks.values()
    statistics = [array for network in networks for state in network.states for array in state.values()]
    return [*(network.theta for network in networks), *statistics]


def content(model: Model) -> list[bytes]:
    return [array.tobytes() for array in arrays(model)]


@pytest.mark.parametrize("ema", [0.5, 0.999])
def test_average_is_the_exponentially_weighted_sum_of_all_weights_and_statistics(ema: float) -> None:
    """a = Σ wₜ θₜ; the weights of the sum are positive, add up to 1, and fall by the factor β from step to step."""
    trainer = Trainer(dcgan(), specify(ema))
    history = [copy.deepcopy(arrays(trainer.model))]
    for _ in trainer.run(Batches(PICTURES)):
        if len(history) <= trainer.steps:
            history.append(copy.deepcopy(arrays(trainer.model)))
    assert len(history) == 9
    weights = np.ones(1)
    for step in range(1, 9):
        β = min(ema, (1 + step) / (10 + step))
        weights = np.append(β * weights, 1 - β)
    assert weights.sum() == pytest.approx(1)
    for i, averaged in enumerate(arrays(trainer.average.model)):
        expected = sum(weight * past[i] for weight, past in zip(weights, history, strict=True))
        np.testing.assert_allclose(averaged, expected, rtol=1e-4, atol=1e-6)


def test_average_forgets_the_initial_weights_at_first_and_is_slow_in_the_end() -> None:
    """After ten steps of another value, the first one has a weight of less than 1 % instead of 99 %."""
    model = dcgan()
    average = Average(model, 0.999)
    theta, averaged = model.networks["generator"].theta, average.model.networks["generator"].theta
    theta[:], averaged[:] = 1, 0
    for step in range(1, 11):
        average.update(step)
    assert 0.99 < averaged[0] < 1
    theta[:] = 2
    before = averaged.copy()
    average.update(100_000)
    np.testing.assert_allclose(averaged - before, 0.001 * (2 - before), rtol=1e-3)


def test_average_of_constant_weights_is_the_same_to_the_last_bit() -> None:
    model = dcgan()
    average = Average(model, 0.999)
    for step in range(1, 50):
        average.update(step)
    assert content(average.model) == content(model)


def test_training_does_not_depend_on_the_average() -> None:
    """The learning weights and the metrics are those of a training without one."""
    with_average, without = Trainer(dcgan(), specify(0.999)), Trainer(dcgan(), specify(0))
    assert list(with_average.run(Batches(PICTURES))) == list(without.run(Batches(PICTURES)))
    assert content(with_average.model) == content(without.model)
    assert without.average.model is without.model
    assert content(with_average.average.model) != content(without.model)


@pytest.mark.parametrize("ema", [0.0, 0.999])
def test_state_holds_the_average_only_if_there_is_one(ema: float) -> None:
    names = [name for name in Trainer(dcgan(), specify(ema)).state()[0] if name.startswith("average.")]
    assert ("average.generator.theta" in names) == ("average.generator.batch_norm1.mean" in names) == (ema > 0)


def test_fit_leaves_the_average_in_the_model() -> None:
    trainer = Trainer(dcgan(), specify(default_ema(dcgan().specification, "constant")))
    for _ in trainer.run(Batches(PICTURES)):
        pass
    fitted = dcgan()
    fit(fitted, PICTURES, epochs=4, batch_size=3, learning_rate=0.01, momentum=0.9)
    assert content(fitted) == content(trainer.average.model)
    fitted = dcgan()
    fit(fitted, PICTURES, epochs=4, batch_size=3, learning_rate=0.01, momentum=0.9, ema=0)
    assert content(fitted) == content(trainer.model)


def test_gans_with_a_constant_learning_rate_are_averaged_by_default() -> None:
    averaged = [name for name in MODELS if default_ema(specify_model(name), "constant")]
    assert averaged == ["gan", "dcgan", "bigan", "cascade"]
    assert not any(default_ema(specify_model(name), "linear") for name in MODELS)
