"""Several processes that share every batch train what one process trains, up to rounding, and all have the same."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ava_np
from ava_np.data.batches import Batches
from ava_np.errors import NotFiniteError
from ava_np.models import Model
from ava_np.share import ALONE, Share
from ava_np.specification import MODELS
from ava_np.training.fit import training_specification
from ava_np.training.trainer import Trainer, model_arrays
from tests.oracles import few_examples
from tests.shares import Meeting, ThreadShare, together

SIDE, COUNT, BATCH = 8, 7, 4  # batches of 4 and 3: of two processes, shares of 2 and 2, and of 1 and 2
PICTURES = np.random.default_rng(0).random((COUNT, SIDE, SIDE, 1), dtype=np.float32)


def new_model(name: str, **options: Any) -> Model:
    """Return a model in double precision."""
    vae = {"vae": ava_np.build("vae", (SIDE, SIDE, 1), latent=2, hidden=(5,))} if name == "cascade" else {}
    return ava_np.build(name, (SIDE, SIDE, 1), hidden=(4,), seed=1, dtype=np.float64, **({"latent": 2} | vae | options))


def take_step(trainer: Trainer, batches: Batches) -> None:
    """Take the next step, as ``run`` and those that follow it do."""
    x, noise = trainer.batch(batches, trainer.steps)
    trainer.step(x, noise, size=trainer.batch_size(batches, trainer.steps))


def trained(share: Share, model: Model, pictures: np.ndarray = PICTURES, batch: int = BATCH) -> dict[str, np.ndarray]:
    """Train for two epochs, in step with the others; return all weights, statistics and terms."""
    trainer = Trainer(model, training_specification(model, epochs=2, batch_size=batch, ema=0.5))
    trainer.share = share
    for _ in range(2 * -(-len(pictures) // batch)):
        take_step(trainer, Batches(pictures))
    arrays, progress = trainer.state()
    assert model.share is ALONE  # outside of its steps
    return arrays | {term: np.array(value) for term, value in progress.totals.items()}


def require_the_same(alone: dict[str, np.ndarray], shared: list[dict[str, np.ndarray]], tolerance: float) -> None:
    """Require the bytes of the first process in all, and the values of one process."""
    for one in shared:
        assert one.keys() == alone.keys()
        for name, array in one.items():
            assert array.tobytes() == shared[0][name].tobytes(), name
    for name, expected in alone.items():
        np.testing.assert_allclose(shared[0][name], expected, rtol=tolerance, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("architecture", ["mlp", "dcgan"])
@pytest.mark.parametrize("name", MODELS)
def test_two_processes_train_what_one_does(name: str, architecture: str) -> None:
    """Convolutions of a dcgan are batch normalised: its statistics are those of the whole batch."""
    if name == "cascade" and architecture == "dcgan":
        pytest.skip("a cascade with these layers begins from other weights in each call")

    def train(share: Share) -> dict[str, np.ndarray]:
        return trained(share, new_model(name, architecture=architecture))

    require_the_same(train(ALONE), together(2, train), 1e-9)


@pytest.mark.parametrize("name", ["gan", "aae", "vaegan"])
def test_minibatch_discrimination_compares_the_pictures_of_all_processes(name: str) -> None:
    def train(share: Share) -> dict[str, np.ndarray]:
        return trained(share, new_model(name, minibatch_discrimination=True))

    require_the_same(train(ALONE), together(3, train), 1e-9)


@pytest.mark.parametrize("optimiser", ["sgd", "adam"])
def test_factors_of_large_layers_are_exchanged(optimiser: str) -> None:
    """The first layer has 2^18 weights: of a few pictures, x and δ are smaller."""
    pictures = np.random.default_rng(0).random((9, 64, 64, 1), dtype=np.float32)
    gathered = []

    class Counting(ThreadShare):
        def rows(self, array: np.ndarray) -> np.ndarray:
            gathered.append(array.shape)
            return super().rows(array)

    def train(share: Share) -> dict[str, np.ndarray]:
        model = ava_np.build("ava5", (64, 64, 1), hidden=(64,), latent=2, seed=1, dtype=np.float64)
        trainer = Trainer(model, training_specification(model, epochs=1, batch_size=5, optimiser=optimiser))
        trainer.share = share if share is ALONE else Counting(share.rank, share.meeting)  # type: ignore[attr-defined]
        for _ in range(2):
            take_step(trainer, Batches(pictures))
        return trainer.state()[0]

    require_the_same(train(ALONE), together(2, train), 1e-9)
    # In each of two processes and steps, x and δ of: encoder on x and x', decoder, discriminator on x and x'.
    assert len(gathered) == 2 * 2 * 2 * 5
    assert {shape[1] for shape in gathered} == {64 * 64, 64}


def test_a_batch_with_fewer_pictures_than_processes_is_computed_by_each() -> None:
    """Seven pictures in batches of three: the last batch has one, and each step fewer than four processes."""

    def train(share: Share) -> dict[str, np.ndarray]:
        return trained(share, new_model("vae"), batch=3)

    alone, shared = train(ALONE), together(4, train)
    for one in shared:
        assert all(array.tobytes() == alone[name].tobytes() for name, array in one.items())


def test_a_value_that_is_not_finite_in_one_share_stops_all() -> None:
    """And none of them has been changed."""
    pictures = PICTURES.copy()
    pictures[-1] = np.nan

    def train(share: Share) -> str:
        model = new_model("vae")
        before = {name: array.copy() for name, array in model_arrays(model).items()}
        trainer = Trainer(model, training_specification(model, epochs=1, batch_size=COUNT))
        trainer.share, part = share, share.part(COUNT)
        noise = {name: array[part] for name, array in model.noise(np.random.default_rng(0), COUNT).items()}
        with pytest.raises(NotFiniteError) as stop:
            trainer.step(pictures.reshape(COUNT, -1)[part], noise, size=COUNT)
        assert all(np.array_equal(before[name], array) for name, array in model_arrays(model).items())
        return str(stop.value)

    assert len(set(together(2, train))) == 1


def test_an_interrupted_step_ends_the_other_processes() -> None:
    """They would wait for what does not come."""

    class Interrupted(Share):
        def __init__(self) -> None:
            self.told: list[object] = []
            self.aborted = False

        def add(self, array: np.ndarray) -> None:
            raise KeyboardInterrupt

        def tell(self, message: object) -> None:
            self.told.append(message)

        def abort(self) -> None:
            self.aborted = True

    model = new_model("vae")
    trainer = Trainer(model, training_specification(model, epochs=1, batch_size=BATCH))
    trainer.share = share = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        list(trainer.run(Batches(PICTURES)))
    assert share.aborted
    assert len(share.told) == 2  # the trainer with its pictures, and the first step


@given(batch=st.integers(0, 100), size=st.integers(1, 9))
@few_examples
def test_parts_cover_a_batch_evenly(batch: int, size: int) -> None:
    rows, lengths = np.arange(batch), []
    found = []
    for rank in range(size):
        part = rows[ThreadShare(rank, Meeting(size)).part(batch)]
        lengths.append(len(part))
        found += part.tolist()
    assert found == rows.tolist()
    assert max(lengths) - min(lengths) <= 1


@pytest.mark.parametrize("options", [{}, {"flip": True, "shift": 1}])
def test_each_process_reads_its_rows_of_the_batch_that_one_process_reads(options: dict[str, Any]) -> None:
    """With the same flips and shifts, and the same noise."""
    model = new_model("vae")
    trainer = Trainer(model, training_specification(model, epochs=1, batch_size=5))
    batches = Batches(PICTURES, **options)
    for steps in (0, 1):
        whole, noise = trainer.batch(batches, steps)
        assert len(whole) == trainer.batch_size(batches, steps)
        parts = []
        for rank in range(2):
            trainer.share = ThreadShare(rank, Meeting(2))
            parts.append(trainer.batch(batches, steps))
            assert np.array_equal(trainer.batch(batches, steps, whole=True)[0], whole)
        trainer.share = ALONE
        assert np.array_equal(np.concatenate([x for x, _ in parts]), whole)
        assert np.array_equal(np.concatenate([drawn["r"] for _, drawn in parts]), noise["r"])
