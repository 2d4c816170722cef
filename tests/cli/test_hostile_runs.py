"""Run folders that were made to harm: one line each, quickly, in little memory, and nothing that rules a terminal."""

import json
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ava_np.run.names import METRICS, MODEL, TRAINING
from tests.cli.refusals import FAILURE, refused
from tests.command import ava

UNFIT = "\x1b[31m\x07\x9b1m\u202e\u2066\u2028\n"
"""Characters that colour, ring, turn text around and break lines."""

RUN_COMMANDS = ("sample", "reconstruct", "encode", "interpolate", "evaluate", "report", "info")


def config(section: str, **values: object) -> Callable[[Path], None]:
    """Set values in a section of config.json."""

    def spoil(run: Path) -> None:
        found = json.loads((run / "config.json").read_text())
        found[section] |= values
        (run / "config.json").write_text(json.dumps(found))

    return spoil


def layer(**values: object) -> Callable[[Path], None]:
    return config("model", architecture={"encoder": [{"layer": "convolution", "channels": 2, "kernel": 1} | values]})


def metrics(**values: object) -> Callable[[Path], None]:
    """Change the last line of metrics.jsonl."""

    def spoil(run: Path) -> None:
        *lines, last = (run / "metrics.jsonl").read_text().splitlines(keepends=True)
        (run / "metrics.jsonl").write_text("".join([*lines, json.dumps(json.loads(last) | values), "\n"]))

    return spoil


SPOILED = {
    "latent": (config("model", latent=10**30), "$.model.latent"),
    "hidden": (config("model", hidden=[10**9]), "$.model.hidden"),
    "many layers": (config("model", hidden=10**5 * [1]), "$.model.hidden"),
    "shift": (config("pictures", shift=2**63), "$.pictures.shift"),
    "size": (config("pictures", size=[10**9, 10**9]), "$.pictures.size"),
    "limit": (config("pictures", limit=10**20), "$.pictures.limit"),
    "source": (config("pictures", source="a\0b"), "$.pictures.source"),
    "cache": (config("pictures", cache="a" * 5000), "$.pictures.cache"),
    "epochs": (config("training", epochs=10**12), "$.training.epochs"),
    "batch size": (config("training", batch_size=2**63), "$.training.batch_size"),
    "seed": (config("training", seed=10**40), "$.training.seed"),
    "weight decay": (config("training", weight_decay=1e308), "$.training.weight_decay"),
    "clip": (config("training", clip=1e300), "$.training.clip"),
    "a model of another size": (config("pictures", size=[4000, 4000]), "is not of the model"),
}

SPOILED_METRICS = {
    "term": (metrics(nats={"tax": 1.0}), "metrics.jsonl is damaged"),
    "huge": (metrics(nats={"kl": 1e308}), "metrics.jsonl is damaged"),
    "null": (metrics(nats={"kl": None}), "metrics.jsonl is damaged"),
    "step": (metrics(step="abc"), "metrics.jsonl is damaged"),
    "epoch": (metrics(epoch=-1), "metrics.jsonl is damaged"),
}


@pytest.mark.parametrize("command", RUN_COMMANDS)
@pytest.mark.parametrize("kind", SPOILED)
def test_values_without_measure_are_refused(workspace: Path, command: str, kind: str) -> None:
    spoil, words = SPOILED[kind]
    spoil(workspace / "run")
    start = time.perf_counter()
    tracemalloc.start()
    try:
        refused(workspace, (command, "run"), FAILURE, words)
        assert tracemalloc.get_traced_memory()[1] < 30e6
    finally:
        tracemalloc.stop()
    assert time.perf_counter() - start < 3


def test_pictures_are_not_evaluated_as_points(workspace: Path) -> None:
    config("pictures", source="toy:ring")(workspace / "run")
    refused(workspace, ("evaluate", "run"), FAILURE, "points of ring have 2 values", "324")


@pytest.mark.parametrize("kind", SPOILED_METRICS)
def test_metrics_without_measure_are_refused(workspace: Path, kind: str) -> None:
    spoil, words = SPOILED_METRICS[kind]
    spoil(workspace / "run")
    refused(workspace, ("info", "run"), FAILURE, words)


@pytest.mark.parametrize(
    ("architecture", "words"),
    [
        (layer(channels=10**9), "$[0].channels"),
        (layer(kernel=10**9), "$[0].kernel"),
        (layer(stride=10**9), "$[0].stride"),
        (layer(padding=10**9), "$[0].padding"),
        (layer(padding=10**6), "too many for any memory"),
    ],
)
def test_layers_without_measure_do_not_resume(
    workspace: Path, architecture: Callable[[Path], None], words: str
) -> None:
    architecture(workspace / "run")
    for name in (MODEL, TRAINING, METRICS):
        (workspace / "run" / name).unlink()  # a run that was stopped before its first save
    start = time.perf_counter()
    refused(workspace, ("train", "--out", "run", "--resume"), FAILURE, words)
    assert time.perf_counter() - start < 3


def shown(text: str) -> None:
    """Assert that a text rules no terminal."""
    assert all(line.isprintable() for line in text.split("\n")), ascii(text)


@pytest.mark.parametrize(
    ("command", "arguments"), [*((command, ()) for command in RUN_COMMANDS), ("info", ("--json",))]
)
def test_control_characters_are_escaped(workspace: Path, command: str, arguments: tuple[str, ...]) -> None:
    config("pictures", source=f"photos{UNFIT}")(workspace / "run")
    outcome = ava(command, "run", *arguments)
    shown(outcome.out)
    shown(outcome.err)
    if command not in ("sample", "info"):
        assert r"no longer in photos\x1b[31m\x07\x9b1m\u202e\u2066" in outcome.err
    if command == "info" and not arguments:
        assert r"photos\x1b[31m\x07\x9b1m\u202e\u2066\u2028\n" + "\n" in outcome.out


@pytest.mark.parametrize(
    "spoil",
    [
        config("pictures", **{f"key{UNFIT}": 1}),
        config("model", architecture={f"net{UNFIT}": []}),
        config("model", name=f"vae{UNFIT}"),
        config("model", architecture={"encoder": [{"layer": f"dense{UNFIT}"}]}),
    ],
)
def test_control_characters_of_a_refused_run_are_escaped(workspace: Path, spoil: Callable[[Path], Any]) -> None:
    spoil(workspace / "run")
    for arguments in (("info", "run"), ("train", "--out", "run", "--resume")):
        outcome = ava(*arguments)
        shown(outcome.err)
        assert outcome.code == FAILURE
        assert len(outcome.err.splitlines()) == 1


def test_names_of_pictures_are_printable(workspace: Path) -> None:
    (workspace / "photos" / "3.png").rename(workspace / "photos" / "a\x9b1m\u202egnp.png")  # in the same order
    (workspace / "photos" / "4.png").rename(workspace / "photos" / "b\x1b[31m.png")
    for arguments in (("encode", "run"), ("evaluate", "run"), ("evaluate", "run", "--json"), ("reconstruct", "run")):
        outcome = ava(*arguments)
        assert outcome.code == 0
        shown(outcome.out)
        shown(outcome.err)
    names = [line.partition(",")[0] for line in ava("encode", "run").out.splitlines()[1:]]
    assert sorted(names) == ["1.png", "2.png", r"a\x9b1m\u202egnp.png", r"b\x1b[31m.png"]
