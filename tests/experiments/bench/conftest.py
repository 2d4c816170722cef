"""Every test leaves all threads in use."""

from collections.abc import Iterator

import pytest

from ava_np.experiments.bench import measure


@pytest.fixture(autouse=True)
def all_threads() -> Iterator[None]:
    yield
    measure.use_threads(None, 0)
