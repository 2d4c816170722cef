"""Loops over flat arrays: one result, however many threads take part."""

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
def test_the_number_of_threads_changes_no_bit(
    monkeypatch: pytest.MonkeyPatch, dtype: type[np.floating], length: int
) -> None:
    monkeypatch.setattr(elementwise, "MIN_ELEMENTS", 1)
    monkeypatch.setattr(parallel, "cores", lambda: 5)
    drawn = np.abs(np.random.default_rng(0).standard_normal((4, length))).astype(dtype)
    found = []
    for threads in (1, 2, 5):
        parallel.use_threads(threads)
        θ, m, v, g = drawn.copy()
        adam_step(θ, m, v, g, 0.1, 0.5, 0.9, 0.999, 1e-8, 2)
        found.append(np.array([θ, m, v]))
    assert not np.any(found[0][0] == drawn[0])  # every number was reached
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


def test_arrays_of_any_shape_and_nothing_beside_them() -> None:
    frame = np.zeros((6, 4, 5), np.float32)
    sgd_step(frame[1:5], np.ones((4, 4, 5), np.float32), 0.5, 1.0)
    assert np.all(frame[1:5] == -0.5)
    assert not frame[0].any()
    assert not frame[5].any()
    sgd_step(frame[:0], np.ones((0, 4, 5), np.float32), 0.5, 1.0)


@pytest.mark.parametrize(
    "g", [np.ones(9, np.float32), np.ones(10), np.ones(20, np.float32)[::2]], ids=["size", "type", "stride"]
)
def test_what_does_not_fit_is_refused(g: np.ndarray) -> None:
    θ = np.zeros(10, np.float32)
    with pytest.raises(ValueError, match="sgd_step takes contiguous arrays"):
        sgd_step(θ, g, 1.0, 1.0)
    assert not θ.any()


@pytest.mark.parametrize("length", [10, 300_000], ids=["whole", "parts"])
def test_what_is_missing_or_too_much_or_read_only_is_refused(length: int) -> None:
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
