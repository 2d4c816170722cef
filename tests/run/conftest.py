"""Fixtures of a small run."""

from pathlib import Path

import pytest

from ava_np.data.pictures import Pictures
from ava_np.run.folder import Run
from tests.run.small_runs import at_full_size, small_pictures, specify, train


@pytest.fixture
def pictures() -> Pictures:
    return at_full_size(small_pictures())


@pytest.fixture
def trained(tmp_path: Path, pictures: Pictures) -> Run:
    run = Run.create(tmp_path / "run", specify())
    train(run, pictures)
    return run
