"""The trainer: the same seed the same bytes, a stop anywhere without a trace, and metrics worked out again by hand."""

import copy
import json
from itertools import islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ava_np import build, fit
from ava_np.data.batches import Batches
from ava_np.errors import NotFiniteError, PictureError
from ava_np.models import Model
from ava_np.models.base import Noise
from ava_np.specification import OptimiserName, PaperModel, Reduction, TrainingSpecification
from ava_np.training.trainer import Trainer
from tests.oracles import few_examples

SHAPE = (3, 4, 1)
COUNT, BATCH, EPOCHS = 7, 3, 2  # batches of 3, 3 and 1
STEPS = 6


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    return np.random.default_rng(5).random((COUNT, *SHAPE), dtype=np.float32)


def model(name: PaperModel = "ava5", seed: int = 0) -> Model:
    """A model whose every parameter matters, unlike in a fresh one, where the decoder shows even grey."""
    model = build(name, SHAPE, latent=2, hidden=(5,), seed=seed)
    for network in model.networks.values():
        network.theta += np.random.default_rng(seed).normal(0, 0.3, network.theta.shape)
    return model


def specify(
    optimiser: OptimiserName = "adam",
    learning_rate: float = 1e-2,
    reduction: Reduction = "sum",
    batch_size: int = BATCH,
    seed: int = 0,
) -> TrainingSpecification:
    return TrainingSpecification(optimiser, learning_rate, reduction, batch_size, EPOCHS, seed)


def theta(model: Model) -> dict[str, bytes]:
    return {name: network.theta.tobytes() for name, network in model.networks.items()}


def trained(training: TrainingSpecification, pictures: np.ndarray, name: PaperModel = "ava5") -> tuple[Any, Any]:
    """Parameters and metrics after a whole training."""
    trainer = Trainer(model(name), training)
    metrics = list(trainer.run(Batches(pictures)))
    return theta(trainer.model), metrics


def test_the_same_seed_gives_the_same_bytes(pictures: np.ndarray) -> None:
    assert trained(specify(seed=4), pictures) == trained(specify(seed=4), pictures)


def test_another_seed_gives_other_parameters(pictures: np.ndarray) -> None:
    first, _ = trained(specify(seed=4), pictures)
    second, _ = trained(specify(seed=5), pictures)
    assert all(first[name] != second[name] for name in first)


@few_examples
@given(
    stop=st.integers(0, STEPS),
    name=st.sampled_from(["vae", "gan", "dcgan", "aae", "bigan", "vaegan", "ava5"]),
    optimiser=st.sampled_from(["adam", "sgd"]),
    reduction=st.sampled_from(["sum", "fan"]),
)
def test_a_training_that_stopped_goes_on_as_if_it_had_not(
    stop: int, name: str, optimiser: OptimiserName, reduction: Reduction
) -> None:
    """Down to the last byte of parameters, running statistics and what the optimisers remember."""
    pictures = np.random.default_rng(5).random((6, 4, 4, 1), dtype=np.float32)
    training = specify(optimiser, 1e-3, reduction)

    def trainer(seed: int) -> Trainer:
        return Trainer(build(name, (4, 4, 1), latent=2, hidden=(5,), seed=seed), training)

    whole = trainer(0)
    expected = list(whole.run(Batches(pictures)))
    first = trainer(0)
    metrics = list(islice(first.run(Batches(pictures)), stop))
    saved = copy.deepcopy(first.state())
    second = trainer(99)
    second.restore(*saved)
    assert second.steps == len(metrics) == min(stop, len(expected))
    metrics += second.run(Batches(pictures))
    arrays, numbers = second.state()
    assert {key: array.tobytes() for key, array in arrays.items()} == {
        key: array.tobytes() for key, array in whole.state()[0].items()
    }
    assert numbers == whole.state()[1]
    assert json.dumps(metrics) == json.dumps(expected)  # the terms in the same order, too


def states(model: Model) -> list[bytes]:
    return [a.tobytes() for network in model.networks.values() for state in network.states for a in state.values()]


@pytest.mark.parametrize("fault", [KeyboardInterrupt, NotFiniteError])
@pytest.mark.parametrize(("phase", "leaves_no_trace"), [("discriminator", True), ("generator", False)])
def test_a_step_that_stops_before_its_first_update_leaves_no_trace(
    monkeypatch: pytest.MonkeyPatch, fault: type[BaseException], phase: str, leaves_no_trace: bool
) -> None:
    """Not even in batch norm's running statistics, which the forward pass has moved by then."""
    dcgan = build("dcgan", (4, 4, 1), latent=2, hidden=(4, 5))
    trainer = Trainer(dcgan, specify())
    x = np.random.default_rng(0).random((3, 16), dtype=np.float32)
    noise = dcgan.noise(np.random.default_rng(1), 3)
    trainer.step(x, noise)
    before, at_rest = theta(dcgan), states(dcgan)
    found = getattr(dcgan, f"{phase}_gradients")

    def stopped(*arguments: Any) -> None:
        found(*arguments)
        assert states(dcgan) != at_rest
        raise fault

    monkeypatch.setattr(dcgan, f"{phase}_gradients", stopped)
    with pytest.raises(fault):
        trainer.step(x, noise)
    assert trainer.steps == 1
    assert trainer.between_steps == leaves_no_trace
    assert (theta(dcgan) == before and states(dcgan) == at_rest) == leaves_no_trace


def test_a_network_that_learns_in_two_phases_has_a_memory_for_each() -> None:
    """AAE's encoder: Adam's moments of the reconstruction know nothing of those of the regularisation."""
    aae = build("aae", (2, 2, 1), latent=2, hidden=(4,))
    trainer = Trainer(aae, specify())
    x, noise = np.random.default_rng(0).random((3, 4), dtype=np.float32), aae.noise(np.random.default_rng(1), 3)
    twin = copy.deepcopy(aae)
    trainer.step(x, noise)
    moments = [trainer.optimisers[phase, "encoder"].state["m"] for phase in ("reconstruction", "regularisation")]
    twin.phases[0].gradients(x, noise)
    np.testing.assert_allclose(moments[0], 0.1 * twin.networks["encoder"].gradient.read() / 3, rtol=1e-5, atol=1e-9)
    assert not np.allclose(moments[1], moments[0])


@pytest.mark.parametrize(("pictures", "batch", "alone"), [(7, 3, True), (1, 4, True), (6, 3, False), (3, 1, True)])
def test_batch_norm_is_not_left_with_a_single_picture(pictures: int, batch: int, alone: bool) -> None:
    dcgan, gan = (build(name, (4, 4, 1), latent=2, hidden=(4, 5)) for name in ("dcgan", "gan"))
    Trainer(gan, specify(batch_size=batch)).check(pictures)
    if alone:
        with pytest.raises(PictureError, match="would be alone"):
            next(Trainer(dcgan, specify(batch_size=batch)).run(Batches(np.zeros((pictures, 4, 4, 1), np.float32))))
    else:
        Trainer(dcgan, specify(batch_size=batch)).check(pictures)


def test_validation_pictures_are_spread_over_all_that_are_held_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a folder in the order of its classes, the first would be of one class."""
    vae, seen = model("vae"), []
    held = Batches(np.linspace(0, 1, 1000, dtype=np.float32)[:, None, None, None] * np.ones((1, *SHAPE), np.float32))

    def black(pictures: np.ndarray) -> np.ndarray:
        seen.append(pictures)
        return np.zeros_like(pictures)

    monkeypatch.setattr(vae, "reconstruct", black)
    (*_, last) = Trainer(vae, specify()).run(Batches(np.zeros((2, *SHAPE), np.float32)), held)
    assert last is not None
    assert last["validation"]["reconstruction_error"] == pytest.approx(0.25, abs=0.005)  # half of a mean grey of a half
    assert len(seen[0]) == 256
    assert seen[0].max() == 1


def test_a_finished_training_does_nothing_more(pictures: np.ndarray) -> None:
    trainer = Trainer(model(), specify())
    assert len(list(trainer.run(Batches(pictures)))) == trainer.steps == STEPS
    before = theta(trainer.model)
    assert list(trainer.run(Batches(pictures))) == []
    assert theta(trainer.model) == before


def test_a_state_of_another_model_is_refused(pictures: np.ndarray) -> None:
    arrays, numbers = Trainer(build("ava5", SHAPE, latent=3, hidden=(5,)), specify()).state()
    with pytest.raises(ValueError, match=r"encoder\.theta has \d+ values instead of \d+"):
        Trainer(model(), specify()).restore(arrays, numbers)


def test_a_state_of_another_optimiser_is_refused(pictures: np.ndarray) -> None:
    arrays, numbers = Trainer(model(), specify("sgd")).state()
    with pytest.raises(KeyError, match=r"step\.encoder\.m"):
        Trainer(model(), specify("adam")).restore(arrays, numbers)


def test_every_epoch_sees_every_picture_once_in_another_order(
    pictures: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, seen = Trainer(model(), specify()), []
    step = trainer.step

    def record(x: np.ndarray, noise: Noise, rate: float) -> None:
        assert noise["r"].shape == (len(x), 2)
        seen.append(x.copy())
        step(x, noise, rate)

    monkeypatch.setattr(trainer, "step", record)
    ended = [metrics is not None for metrics in trainer.run(Batches(pictures))]
    assert [len(x) for x in seen] == [3, 3, 1, 3, 3, 1]
    assert ended == [False, False, True, False, False, True]
    first, second = np.concatenate(seen[:3]), np.concatenate(seen[3:])
    rows = pictures.reshape(COUNT, -1)
    for epoch in (first, second):
        np.testing.assert_array_equal(epoch[np.lexsort(epoch.T)], rows[np.lexsort(rows.T)])
    assert not np.array_equal(first, second)


def test_metrics_are_means_per_picture_in_nats(pictures: np.ndarray) -> None:
    """Against the sums of (1) and (2) in plain double precision, with a learning rate that changes nothing."""
    trained = model()
    before = theta(trained)
    trainer = Trainer(trained, specify("sgd", learning_rate=1e-60, seed=11))
    epochs = [metrics for metrics in trainer.run(Batches(pictures)) if metrics is not None]
    assert theta(trained) == before
    assert [(metrics["epoch"], metrics["step"]) for metrics in epochs] == [(1, 3), (2, 6)]
    rows = pictures.reshape(COUNT, -1).astype(np.float64)
    for epoch, metrics in enumerate(epochs):
        order = np.random.default_rng((11, 0, epoch + 1)).permutation(COUNT)
        noise = [
            np.random.default_rng((11, 1, 3 * epoch + batch)).standard_normal((size, 2))
            for batch, size in enumerate((3, 3, 1))
        ]
        expected = terms(trained, rows[order], np.concatenate(noise))
        assert metrics["nats"] == pytest.approx({name: values.mean() for name, values in expected.items()}, rel=1e-4)


def terms(model: Model, x: np.ndarray, r: np.ndarray) -> dict[str, np.ndarray]:
    """Each term of AVA5 for each picture."""

    def apply(name: str, x: np.ndarray) -> np.ndarray:
        first, second = (p for p in model.networks[name].parameters if p)
        hidden = x @ first["W"] + first["b"]
        return np.asarray(np.where(hidden > 0, hidden, 0.2 * hidden) @ second["W"] + second["b"])

    code = apply("encoder", x)
    μ, s = code[:, :2], code[:, 2:]
    decoded = 1 / (1 + np.exp(-apply("decoder", μ + np.exp(s / 2) * r)))
    μ_ = apply("encoder", decoded)[:, :2]

    def log_real(name: str, x: np.ndarray) -> np.ndarray:
        return np.asarray(-np.log(1 + np.exp(-apply(name, x)[:, 0])))

    def log_fake(name: str, x: np.ndarray) -> np.ndarray:
        return np.asarray(-np.log(1 + np.exp(apply(name, x)[:, 0])))

    return {
        "reconstruction": 0.5 * np.sum((x - decoded) ** 2, axis=1),
        "kl": 0.5 * np.sum(np.exp(s) + μ**2 - 1 - s, axis=1),
        "log_d_real": log_real("discriminator", x),
        "log_d_fake": log_fake("discriminator", decoded),
        "log_D_real": log_real("encoding_discriminator", μ),
        "log_D_fake": log_fake("encoding_discriminator", μ_),
    }


def test_gradients_are_means_over_the_batch(pictures: np.ndarray) -> None:
    """A batch of four equal pictures with equal noise moves every parameter as one of them would."""
    x, r = pictures[:1].reshape(1, -1), np.array([[0.3, -0.2]], np.float32)
    one, four = (Trainer(model(), specify("sgd", 0.1, "fan")) for _ in range(2))
    one.step(x, {"r": r})
    four.step(np.repeat(x, 4, axis=0), {"r": np.repeat(r, 4, axis=0)})
    for name, network in one.model.networks.items():
        np.testing.assert_allclose(four.model.networks[name].theta, network.theta, rtol=1e-4, atol=1e-6)
        assert not np.array_equal(network.theta, model().networks[name].theta)


def test_diagnostics_leave_no_trace(pictures: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    """They run both propagations over the gradients: the parameters must not know, nor the model's own propagation."""
    parameters, metrics = trained(specify(), pictures)
    assert set(metrics[2]["angle"]) == set(parameters)
    silent = model()
    monkeypatch.setattr(silent, "diagnostics", lambda x, r: {})
    assert list(Trainer(silent, specify()).run(Batches(pictures)))
    assert theta(silent) == parameters


def test_a_picture_that_is_not_finite_stops_before_the_step(pictures: np.ndarray) -> None:
    broken = pictures.copy()
    broken[:, 1, 2] = np.nan
    trainer = Trainer(model(), specify())
    before = theta(trainer.model)
    with pytest.raises(NotFiniteError, match=r"gradient of encoder\.dense1\.W is not finite at step 1 .*not applied"):
        next(trainer.run(Batches(broken)))
    assert theta(trainer.model) == before
    assert trainer.steps == 0


@pytest.mark.parametrize("name", ["vae", "ava5"])
@pytest.mark.parametrize("learning_rate", [1.0, 1e3, 1e30])
def test_a_training_that_leaves_the_numbers_keeps_its_last_good_parameters(
    pictures: np.ndarray, name: PaperModel, learning_rate: float
) -> None:
    training = TrainingSpecification("sgd", learning_rate, "sum", BATCH, 2000, 0)
    trainer = Trainer(model(name), training)
    good = [theta(trainer.model)]
    with pytest.raises(NotFiniteError) as fault:
        good.extend(theta(trainer.model) for _ in trainer.run(Batches(pictures)))
    assert theta(trainer.model) == good[-1]
    assert len(good) == trainer.steps + 1 < 20
    assert all(np.isfinite(network.theta).all() for network in trainer.model.networks.values())
    assert f"at step {trainer.steps + 1} (learning rate {learning_rate:g})" in str(fault.value)
    assert any(f"{network}.dense" in str(fault.value) for network in trainer.model.networks)
    assert "\n" not in str(fault.value)


def test_a_gradient_whose_square_overflows_is_not_applied(
    pictures: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is finite, but θ would not stay so for many such steps."""
    stuck = model("vae")

    def gradients(x: np.ndarray, noise: Noise) -> dict[str, float]:
        decoder = stuck.networks["decoder"]
        gradient = np.zeros_like(decoder.theta)
        gradient[decoder.layer_slices[1]] = 1e25
        decoder.gradient.write(gradient)
        return {"reconstruction": 1.0}

    monkeypatch.setattr(stuck, "gradients", gradients)
    with pytest.raises(NotFiniteError, match=r"decoder\.dense2\.W"):
        next(Trainer(stuck, specify()).run(Batches(pictures)))


def test_a_term_that_is_not_finite_is_named(pictures: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    stuck = model("vae")
    monkeypatch.setattr(stuck, "gradients", lambda x, r: {"reconstruction": 1.0, "kl": float("inf")})
    with pytest.raises(NotFiniteError, match="the term kl is not finite at step 1"):
        next(Trainer(stuck, specify()).run(Batches(pictures)))


@pytest.mark.parametrize("name", ["vae", "ava5"])
def test_fit_learns_to_tell_pictures_apart(name: str) -> None:
    """Greys from dark to light, which one number of the code can tell: far less error than their mean picture has.

    An AVA with some seeds is still on its way after 400 steps, so the median counts.
    """
    greys = np.linspace(0.1, 0.9, 9, dtype=np.float32)[:, None, None, None] * np.ones((1, 10, 10, 1), np.float32)
    errors = []
    for seed in range(5):
        ours = build(name, (10, 10, 1), latent=2, hidden=(16,), seed=seed)
        metrics = fit(ours, greys, epochs=400, batch_size=9, learning_rate=1e-2, seed=seed)
        assert [line["epoch"] for line in metrics] == list(range(1, 401))
        errors.append(np.mean((ours.reconstruct(greys) - greys) ** 2))
    assert np.median(errors) < 0.1 * greys.var()


def test_fit_is_the_trainer(pictures: np.ndarray) -> None:
    ours = model()
    metrics = fit(ours, pictures, epochs=EPOCHS, batch_size=BATCH, learning_rate=1e-2)
    parameters, steps = trained(specify(), pictures)
    assert (theta(ours), metrics) == (parameters, [line for line in steps if line is not None])


@pytest.mark.parametrize("shape", [(4, 3, 1), (3, 4, 3), (12,)])
def test_fit_refuses_pictures_of_another_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="given to a model of shape"):
        fit(model(), np.zeros((2, *shape), np.float32), epochs=1)


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
def test_fit_refuses_an_option_out_of_range_by_name(pictures: np.ndarray, option: str, value: object) -> None:
    options: dict[str, Any] = {"epochs": 1, option: value}
    with pytest.raises(ValueError, match=option):
        fit(model(), pictures, **options)


def test_a_single_picture_is_enough(pictures: np.ndarray) -> None:
    metrics = fit(model(), pictures[:1], epochs=2)
    assert [line["step"] for line in metrics] == [1, 2]


@pytest.mark.parametrize("values", [0, 255.0, np.nan])
def test_fit_refuses_what_is_no_set_of_pictures(values: float) -> None:
    model = build("vae", (2, 2, 1), latent=2, hidden=(3,))
    pictures = np.full((2, 2, 2, 1), values, np.float32) if values else np.zeros((0, 2, 2, 1), np.float32)
    with pytest.raises(ValueError, match=r"fit takes|pictures need"):
        fit(model, pictures, epochs=1)


def test_fit_trains_with_sgd_by_its_own_defaults() -> None:
    model = build("vae", (4, 4, 1), latent=2, hidden=(8,))
    pictures = np.full((3, 4, 4, 1), 0.9, np.float32)
    metrics = fit(model, pictures, epochs=200, optimiser="sgd")
    assert metrics[-1]["nats"]["reconstruction"] < 0.5 * metrics[0]["nats"]["reconstruction"]
