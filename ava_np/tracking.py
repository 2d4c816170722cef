"""Where the metrics of a training go besides ``metrics.jsonl``: a CSV file, or TensorBoard.

A log is a callback of ``ava_np.fit``: it is called with the trainer and an epoch's metrics. ``ava train --log csv`` and
``--log tensorboard`` use the same classes, and nothing is imported that was not asked for.
"""

import csv
import io
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from ava_np.files import write_atomically
from ava_np.training.trainer import Metrics, Trainer

SECONDS = 1.0  # between two writes of a CSV file, which is written whole


class Log(Protocol):
    """What takes the metrics of a training."""

    def __call__(self, trainer: Trainer, metrics: Metrics) -> None:
        """Take the metrics of an epoch."""

    def close(self) -> None:
        """Write what is not written yet."""


class CSVLog:
    """A CSV file with a line for each epoch, and a column for each number.

    Parameters
    ----------
    path : path
        The file; it is written as a whole, at most once a second and at ``close``.
    earlier : sequence of dict
        The metrics of epochs before, for a training that continues.

    Examples
    --------
    >>> import ava_np, numpy as np, tempfile
    >>> from pathlib import Path
    >>> from ava_np.tracking import CSVLog
    >>> path = Path(tempfile.mkdtemp()) / "metrics.csv"
    >>> log = CSVLog(path)
    >>> model = ava_np.build("ae", (4, 4, 1), hidden=(8,))
    >>> metrics = ava_np.fit(model, np.zeros((4, 4, 4, 1), np.float32), epochs=2, callbacks=[log])
    >>> log.close()
    >>> path.read_text().splitlines()[0]
    'epoch,step,learning_rate,nats/reconstruction,gradient_norm/encoder,gradient_norm/decoder'
    """

    def __init__(self, path: str | Path, earlier: Sequence[Metrics] = ()) -> None:
        self._path, self._rows, self._written = Path(path), [numbers(line) for line in earlier], 0.0

    def __call__(self, trainer: Trainer, metrics: Metrics) -> None:
        """Add a line; after a rollback, those of the same steps are replaced."""
        row = numbers(metrics)
        self._rows = [earlier for earlier in self._rows if earlier["step"] < row["step"]] + [row]
        if time.monotonic() > self._written + SECONDS:
            self.close()

    def close(self) -> None:
        """Write the file."""
        text, columns = io.StringIO(), dict.fromkeys(name for row in self._rows for name in row)
        writer = csv.DictWriter(text, list(columns), lineterminator="\n")
        writer.writeheader()
        writer.writerows(self._rows)
        write_atomically(self._path, text.getvalue().encode())
        self._written = time.monotonic()


class TensorBoardLog:
    """Scalars for TensorBoard, by step; needs tensorboardX (``pip install "ava-np[track]"``).

    Parameters
    ----------
    folder : path
        Where ``tensorboard --logdir`` looks.
    first : int
        The step after which a training continues: what an earlier one wrote beyond it is not shown. With 0, what is
        there is of another training, and is deleted.

    Raises
    ------
    ImportError
        If tensorboardX is not installed.
    """

    def __init__(self, folder: str | Path, first: int = 0) -> None:
        from tensorboardX import SummaryWriter

        for old in [] if first else Path(folder).glob("events.out.tfevents.*"):
            old.unlink()  # of another training in this folder
        self._writer = SummaryWriter(str(folder), purge_step=first + 1 if first else None)

    def __call__(self, trainer: Trainer, metrics: Metrics) -> None:
        """Add the numbers of an epoch at its last step."""
        for name, value in numbers(metrics).items():
            if name != "step":
                self._writer.add_scalar(name, value, metrics["step"])

    def close(self) -> None:
        """Write the rest, and close the file."""
        self._writer.close()


def numbers(metrics: Mapping[str, Any], before: str = "") -> dict[str, float]:
    """Return the numbers of an epoch by their names, those of a group as "nats/kl".

    Parameters
    ----------
    metrics : mapping
        An epoch's metrics, or a part of them.
    before : str
        What the names begin with.

    Returns
    -------
    dict of str to float
        In the order of the metrics.

    Examples
    --------
    >>> from ava_np.tracking import numbers
    >>> numbers({"epoch": 1, "nats": {"kl": 0.5}, "run": "a"})
    {'epoch': 1, 'nats/kl': 0.5}
    """
    found: dict[str, float] = {}
    for name, value in metrics.items():
        if isinstance(value, Mapping):
            found |= numbers(value, f"{before}{name}/")
        elif isinstance(value, int | float):
            found[f"{before}{name}"] = value
    return found
