"""What one model shows to several threads."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ava_np.models import build
from ava_np.network import Buffers, Network
from ava_np.network.blas import _blas


def test_threads_may_use_one_model_together() -> None:
    model = build("ava5", (16, 16, 1), hidden=(256, 384, 256), latent=4)
    pictures = np.random.default_rng(0).random((40, 64, 16, 16, 1), dtype=np.float32)
    alone = [model.reconstruct(batch) for batch in pictures]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            np.testing.assert_array_equal(list(pool.map(model.reconstruct, pictures)), alone)


def test_what_a_model_shows_is_computed_by_one_thread_of_blas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise its last digits would depend on how many cores there are."""
    seen: list[int] = []
    forward = Network.forward

    def watched(network: Network, buffers: Buffers, x: np.ndarray) -> np.ndarray:
        seen.extend(library["num_threads"] for library in _blas().info())
        return forward(network, buffers, x)

    monkeypatch.setattr(Network, "forward", watched)
    build("ae", (8, 8, 1)).reconstruct(np.zeros((3, 8, 8, 1), np.float32))
    assert seen == [1] * len(seen)
