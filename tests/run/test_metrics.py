"""The file of metrics: a line for every epoch, and damage reported."""

import json
import os
import tracemalloc
from typing import Any

import pytest

from ava_np.run.folder import Run
from ava_np.run.names import METRICS
from tests.run.small_runs import EPOCHS, refused


def test_there_is_a_line_of_metrics_for_every_epoch(trained: Run) -> None:
    assert [(line["epoch"], line["step"]) for line in trained.metrics()] == [(k, 3 * k) for k in range(1, EPOCHS + 1)]


def test_last_line_that_was_cut_off_is_left_out(trained: Run) -> None:
    path, whole = trained.folder / METRICS, trained.metrics()
    for cut in (1, 2, 50):
        path.write_bytes(path.read_bytes()[:-cut])
        assert trained.metrics() == whole[:-1]
    path.write_bytes(b"")
    assert trained.metrics() == []
    path.unlink()
    assert trained.metrics() == []


ANGLES = dict.fromkeys(("encoder", "decoder", "discriminator", "encoding_discriminator"), 90)
NATS = dict.fromkeys(("reconstruction", "kl", "log_d_real", "log_d_fake", "log_D_real", "log_D_fake"), -1)


def next_line(**changes: Any) -> bytes:
    """A valid line after those of the run, with changes."""
    return json.dumps({"epoch": EPOCHS + 1, "step": 3 * EPOCHS + 3, "nats": NATS} | changes).encode()


def test_line_may_hold_more_than_is_known(trained: Run) -> None:
    with (trained.folder / METRICS).open("ab") as file:
        file.write(next_line(run=trained.specification.id, learning_rate=0.1) + b"\n")
    line = trained.metrics()[-1]
    assert (line["run"], line["learning_rate"]) == (trained.specification.id, 0.1)
    assert all(isinstance(value, float) for value in line["nats"].values())


@pytest.mark.parametrize(
    "line",
    [
        b"garbage",
        b"{}",
        b"3",
        b"[1]",
        b"\xff",
        b'{"x":"\xff"}',
        next_line(run="R").replace(b"R", b"\xff"),
        5000 * b"[",
        next_line(run="R").replace(b'"R"', 5000 * b"[" + 5000 * b"]"),
        next_line(run="x" * 2**16),
        next_line(step="abc"),
        next_line(step=3 * EPOCHS),
        next_line(step=10**30),
        next_line(epoch=EPOCHS),
        next_line(epoch=-1),
        next_line(epoch=10**9),
        next_line(epoch=1.5),
        next_line(nats=None),
        next_line(nats={"reconstruction": 1.0}),
        next_line(nats=NATS | {"tax": 0.5}),
        next_line(nats=NATS | {"kl": None}),
        next_line(nats=NATS | {"kl": float("nan")}),
        next_line(nats=NATS | {"kl": 1e308}),
        next_line(angle={}),
        next_line(angle=3),
        next_line(angle=ANGLES | {"encoder": 181}),
        next_line(angle=ANGLES | {"barrel": 3}),
        next_line(angle={"encoder": 3}),  # the epochs before have two
        next_line(validation=3),
        next_line(validation={}),
        next_line(validation={"reconstruction_error": -1}),
    ],
)
def test_invalid_line_is_refused(trained: Run, line: bytes) -> None:
    with (trained.folder / METRICS).open("ab") as file:
        file.write(line + b"\n")
    refused(trained.metrics, f"{METRICS} is damaged in line {EPOCHS + 1}: ")


def test_long_line_is_not_read(trained: Run) -> None:
    with (trained.folder / METRICS).open("ab") as file:
        file.truncate(100_000_000)
    tracemalloc.start()
    try:
        refused(trained.metrics, "in line 5: it is longer")
        assert tracemalloc.get_traced_memory()[1] < 1e6
    finally:
        tracemalloc.stop()


def test_metrics_that_are_a_folder_are_refused(trained: Run) -> None:
    (trained.folder / METRICS).unlink()
    (trained.folder / METRICS).mkdir()
    refused(trained.metrics, f"{METRICS} is not a file")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_pipe_is_not_waited_for(trained: Run) -> None:
    (trained.folder / METRICS).unlink()
    os.mkfifo(trained.folder / METRICS)
    refused(trained.metrics, f"{METRICS} is not a file")
