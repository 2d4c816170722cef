"""The file of metrics: a line for every epoch, and damage reported."""

import pytest

from ava_np.run.folder import METRICS, Run
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


@pytest.mark.parametrize("line", [b"garbage", b"{}", b"3", b"[1]", b'{"epoch":1,"step":"x","nats":{}}', b"\xff"])
def test_invalid_line_is_refused(trained: Run, line: bytes) -> None:
    with (trained.folder / METRICS).open("ab") as file:
        file.write(line + b"\n")
    refused(trained.metrics, f"{METRICS} is damaged")
