"""A small run for the tests of run folders: five pictures of 12 x 9 pixels, four epochs of three steps."""

from collections.abc import Callable
from itertools import islice

import numpy as np
import pytest

from ava_np.data.pictures import Pictures
from ava_np.errors import AvaError, RunError
from ava_np.run import training
from ava_np.run.folder import Run
from ava_np.specification import AVA5, FORMAT, PicturesSpecification, Specification, TrainingSpecification

EPOCHS, COUNT = 4, 5
STEPS = 3 * EPOCHS  # batches of 2, 2 and 1


def specify(source: str | None = None, epochs: int = EPOCHS) -> Specification:
    return Specification(
        FORMAT,
        AVA5(latent=2, hidden=(6,)),
        PicturesSpecification(source, (12, 9), 3, 3),
        TrainingSpecification("adam", 0.01, "sum", 2, epochs, 0),
    )


def small_pictures() -> np.ndarray:
    """The pictures at the size of the networks' input."""
    return np.random.default_rng(1).random((COUNT, 3, 4, 3), dtype=np.float32)


def at_full_size(small: np.ndarray) -> Pictures:
    """Pictures in blocks of 3 x 3 equal pixels, so that zooming out gives exactly ``small``."""
    names = tuple(map(str, range(len(small))))
    array = small.repeat(3, axis=1).repeat(3, axis=2)
    return Pictures(array, names, (), ((12, 9),) * len(small), (12, 9))


def train(run: Run, pictures: Pictures, steps: int | None = None, epochs: int | None = None) -> None:
    """Train from the last save, for some steps or to the end."""
    with run:
        stepping = training.train(run, training.resume(run, epochs=epochs), run.split(pictures))
        for _ in islice(stepping, steps):
            pass
        stepping.close()


def refused(call: Callable[[], object], words: str, kind: type[AvaError] = RunError) -> None:
    """Assert that a call raises an error of one line that contains these words."""
    with pytest.raises(kind) as error:
        call()
    assert words in str(error.value)
    assert "\n" not in str(error.value)
