"""Measurements in processes of their own: the time to the first step."""

from pathlib import Path

import pytest

from ava_np.errors import AvaError
from ava_np.experiments.bench import processes
from tests.command import write_pictures


def test_the_first_step_is_timed_and_a_failure_is_reported(tmp_path: Path) -> None:
    pictures = write_pictures(tmp_path / "pictures")
    options = ("--hidden", "4", "--latent", "2", "--model", "vae")
    assert processes.seconds_to_first_step(tmp_path, "run", str(pictures), *options) > 0
    assert (tmp_path / "kernels").is_dir()
    with pytest.raises(AvaError, match="before its first step: Error: "):
        processes.seconds_to_first_step(tmp_path, "other", str(tmp_path / "missing"))
