"""Copies and pickles of a model are independent of the original and learn the same."""

import copy
import pickle
from collections.abc import Callable

import joblib
import numpy as np
import pytest

from ava_np import build, fit
from ava_np.models import Model
from ava_np.specification import MODELS

PICTURES = np.random.default_rng(0).random((12, 8, 8, 1), dtype=np.float32)
COPIES: dict[str, Callable[[Model], Model]] = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
}


def weights(model: Model) -> dict[str, bytes]:
    """Return the bytes of the parameters and running statistics of each network."""
    return {
        name: network.theta.tobytes() + b"".join(a.tobytes() for state in network.states for a in state.values())
        for name, network in model.networks.items()
    }


@pytest.mark.parametrize("method", COPIES)
@pytest.mark.parametrize("name", MODELS)
def test_a_copy_learns_the_same_as_the_original(name: str, method: str) -> None:
    architecture = "dcgan" if name in ("dcgan", "cascade") else "mlp"
    model = build(name, (8, 8, 1), architecture=architecture, hidden=(6,), latent=2)
    fit(model, PICTURES, epochs=1, batch_size=4)
    copied = COPIES[method](model)
    before = weights(model)
    assert weights(copied) == before
    metrics = fit(copied, PICTURES, epochs=2, batch_size=4)
    assert weights(copied) != before
    assert weights(model) == before, "training the copy changed the original"
    assert fit(model, PICTURES, epochs=2, batch_size=4) == metrics
    assert weights(copied) == weights(model)


def test_parameters_of_a_copy_are_views_into_its_own_vector() -> None:
    network = copy.deepcopy(build("vae", (8, 8, 1), hidden=(6,))).networks["encoder"]
    network.theta[:] = 3
    assert all((array == 3).all() for _, _, array in network.named_arrays(network.parameters))


def test_a_model_can_be_sent_to_other_processes() -> None:
    model = build("vae", (8, 8, 1), hidden=(6,), latent=2)
    with joblib.parallel_config("loky", n_jobs=2, inner_max_num_threads=1):
        codes = joblib.Parallel()(joblib.delayed(model.encode)(PICTURES[i : i + 6]) for i in (0, 6))
    np.testing.assert_allclose(np.concatenate(codes), model.encode(PICTURES), rtol=1e-5, atol=1e-6)
