"""Fixtures for the tests of training."""

import numpy as np
import pytest

from tests.training.cases import COUNT, SHAPE


@pytest.fixture(scope="session")
def pictures() -> np.ndarray:
    """Return seven random pictures, which tests must not change."""
    return np.random.default_rng(5).random((COUNT, *SHAPE), dtype=np.float32)
