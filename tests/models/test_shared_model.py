"""One model used by several threads, and the number of threads that it uses itself."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ava_np.models import build
from ava_np.network import Buffers, Network
from ava_np.network.blas import _blas


def test_several_threads_can_use_one_model() -> None:
    model = build("ava5", (16, 16, 1), hidden=(256, 384, 256), latent=4)
    pictures = np.random.default_rng(0).random((40, 64, 16, 16, 1), dtype=np.float32)
    expected = [model.reconstruct(batch) for batch in pictures]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            np.testing.assert_array_equal(list(pool.map(model.reconstruct, pictures)), expected)


def test_reconstruct_limits_blas_to_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """With more threads the last digits would depend on the number of cores."""
    thread_counts: list[int] = []
    forward = Network.forward

    def record(network: Network, buffers: Buffers, x: np.ndarray, *, hidden: bool = False) -> np.ndarray:
        thread_counts.extend(library["num_threads"] for library in _blas().info())
        return forward(network, buffers, x, hidden=hidden)

    if not _blas().info():
        pytest.skip("threadpoolctl cannot control the BLAS library of this NumPy")
    monkeypatch.setattr(Network, "forward", record)
    build("ae", (8, 8, 1)).reconstruct(np.zeros((3, 8, 8, 1), np.float32))
    assert set(thread_counts) == {1}
