"""Loops over flat arrays: the same result for any number of threads, and arguments that do not fit are refused."""

from collections.abc import Iterator

import numpy as np
import pytest

from ava_np.kernels.machine import elementwise, parallel
from ava_np.kernels.optimisers import adam_step, sgd_step

LENGTHS = [1, 1023, 1024, 1025, 3 * 1024 + 17, 40_000]


@pytest.fixture(autouse=True)
def _all_threads() -> Iterator[None]:
    yield
    parallel.use_threads(0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("length", LENGTHS)
def test_number_of_threads_does_not_change_a_bit(
    monkeypatch: pytest.MonkeyPatch, dtype: type[np.floating], length: int
) -> None:
    monkeypatch.setattr(elementwise, "MIN_ELEMENTS", 1)
    monkeypatch.setattr(parallel, "cores", lambda: 5)
    drawn = np.abs(np.random.default_rng(0).standard_normal((4, length))).astype(dtype)
    results = []
    for threads in (1, 2, 5):
        parallel.use_threads(threads)
        θ, m, v, g = drawn.copy()
        adam_step(θ, m, v, g, 0.1, 0.5, 0.9, 0.999, 1e-8, 2)
        results.append(np.array([θ, m, v]))
    assert not np.any(results[0][0] == drawn[0])  # every element has changed
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


def test_arrays_of_any_shape_are_changed_and_nothing_else() -> None:
    frame = np.zeros((6, 4, 5), np.float32)
    sgd_step(frame[1:5], np.ones((4, 4, 5), np.float32), 0.5, 1.0)
    assert np.all(frame[1:5] == -0.5)
    assert not frame[0].any()
    assert not frame[5].any()
    sgd_step(frame[:0], np.ones((0, 4, 5), np.float32), 0.5, 1.0)


@pytest.mark.parametrize(
    "g", [np.ones(9, np.float32), np.ones(10), np.ones(20, np.float32)[::2]], ids=["size", "type", "stride"]
)
def test_arrays_that_do_not_fit_are_refused(g: np.ndarray) -> None:
    θ = np.zeros(10, np.float32)
    with pytest.raises(ValueError, match="sgd_step takes contiguous arrays"):
        sgd_step(θ, g, 1.0, 1.0)
    assert not θ.any()


@pytest.mark.parametrize("length", [10, 300_000], ids=["whole", "parts"])
def test_wrong_number_of_arguments_and_read_only_arrays_are_refused(length: int) -> None:
    θ, g = np.zeros(length, np.float32), np.ones(length, np.float32)
    for wrong in ((θ, g), (θ, g, 1.0), (θ, g, 1.0, 1.0, 1.0), (θ,)):
        with pytest.raises(TypeError, match="takes 2 arrays and 2 numbers"):
            sgd_step(*wrong)
    with pytest.raises(TypeError, match="by position"):
        sgd_step(θ, g, γ=1.0, ρ=1.0)
    θ.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        sgd_step(θ, g, 1.0, 1.0)
    assert not θ.any()
