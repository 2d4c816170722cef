"""Small runs as JSON documents, which are easy to change, and back as the files of a run folder."""

import json
import struct
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open

from ava_np.run.checkpoint import KEY
from ava_np.run.names import CONFIG, METRICS, MODEL, TRAINING
from tests.command import SMALL, tree, write_pictures
from tests.results import ran

NORMS = {"encoder": [{"layer": "batch_norm"}, {"layer": "flatten"}, {"layer": "dropout", "rate": 0.5}]}
BASES: dict[str, tuple[str, ...]] = {
    "ava5": ("photos", "--zoom", "3", "--validation", "0.25"),
    "aae": ("photos", "--zoom", "3", "--model", "aae", "--architecture", "net.json", "--minibatch-discrimination"),
    "gan": ("toy:gaussian", "--model", "gan", "--limit", "20", "--optimiser", "momentum"),
}
"""Options of the trainings."""

REMOVED = "(removed)"
DTYPES = {"F16": "<f2", "F32": "<f4", "F64": "<f8", "I64": "<i8", "U8": "u1", "BOOL": "?"}
MAX_FILLED = 10**6  # values of an array that is made up


@dataclass(frozen=True)
class Base:
    """A run: its document, the bytes of its arrays by file and name, and its pictures by file."""

    document: dict[str, Any]
    arrays: dict[str, dict[str, bytes]]
    photos: dict[str, bytes | None]


@cache
def base(name: str) -> Base:
    """Train a run and return it. Its pictures are in the folder "photos", beside the run."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        place = Path(folder)
        write_pictures(place / "photos", 4)
        (place / "net.json").write_text(json.dumps(NORMS))
        ran("train", *BASES[name], *SMALL, "--out", "run")
        config = json.loads((place / "run" / CONFIG).read_text())
        if config["pictures"]["source"].startswith("/"):
            config["pictures"]["source"] = "photos"
        document = {CONFIG: config}
        document[METRICS] = [json.loads(line) for line in (place / "run" / METRICS).read_text().splitlines()]
        arrays = {}
        for file in (MODEL, TRAINING):
            document[file], arrays[file] = _read_arrays(place / "run" / file)
        return Base(document, arrays, tree(place / "photos"))


def files_of(document: dict[str, Any], original: Base) -> dict[str, bytes]:
    """Return the files that a document describes; what does not have the right form is written as it is."""
    files = {}
    for name in (CONFIG, METRICS, MODEL, TRAINING):
        if name not in document:
            continue
        content = document[name]
        files[name] = json.dumps(content).encode()
        with suppress(KeyError, TypeError, AttributeError, ValueError, OverflowError):
            if name == METRICS:
                files[name] = b"".join(json.dumps(line).encode() + b"\n" for line in content)
            elif name != CONFIG:
                files[name] = _array_file(content, original.document[name]["arrays"], original.arrays[name])
    return files


def write_files(folder: Path, files: dict[str, bytes] | dict[str, bytes | None]) -> None:
    """Write files into a folder, which is created."""
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        if content is not None:
            (folder / name).write_bytes(content)


def merged(document: Any, change: Any) -> Any:
    """Return a document with a change: dictionaries are merged, and other values replaced or removed."""
    if not isinstance(document, dict) or not isinstance(change, dict):
        return change
    whole = {**document, **{key: merged(document.get(key), inner) for key, inner in change.items()}}
    return {key: inner for key, inner in whole.items() if not _is_removed(inner)}


def difference(document: dict[str, Any], changed: dict[str, Any]) -> dict[str, Any]:
    """Return the change that leads from one document to another."""
    change: dict[str, Any] = {key: REMOVED for key in document if key not in changed}
    for key, inner in changed.items():
        old = document.get(key)
        if isinstance(old, dict) and isinstance(inner, dict):
            if inner_change := difference(old, inner):
                change[key] = inner_change
        elif key not in document or json.dumps(old) != json.dumps(inner):  # 1, 1.0 and true are equal in Python
            change[key] = inner
    return change


def _is_removed(value: Any) -> bool:
    return isinstance(value, str) and value == REMOVED


def _read_arrays(path: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return a safetensors file as JSON, without its checksum, and the bytes of its arrays."""
    described, arrays = {}, {}
    with safe_open(path, "numpy") as file:
        metadata = json.loads(file.metadata()[KEY]) | {"sha256": ""}
        for name in file.keys():  # noqa: SIM118
            array = file.get_tensor(name)
            described[name] = {"dtype": "F32", "shape": list(array.shape)}
            assert array.dtype == np.float32
            arrays[name] = array.tobytes()
    return {"metadata": metadata, "arrays": described}, arrays


def _array_file(content: Any, known: dict[str, Any], arrays: dict[str, bytes]) -> bytes:
    """Return the bytes of a safetensors file. An array of another type or shape is filled with its "fill" or 0."""
    header: dict[str, Any] = {"__metadata__": {KEY: json.dumps(content["metadata"])}}
    body = b""
    for name, array in content["arrays"].items():
        part = arrays[name] if array == known.get(name) else _filled(array)
        header[name] = {
            "dtype": array["dtype"],
            "shape": array["shape"],
            "data_offsets": [len(body), len(body) + len(part)],
        }
        body += part
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def _filled(array: dict[str, Any]) -> bytes:
    """Return the bytes of an array, or none if it has no size."""
    try:
        dtype, count = np.dtype(DTYPES[array["dtype"]]), prod(array["shape"])
        with np.errstate(over="ignore"):
            return np.full(min(count, MAX_FILLED), array.get("fill", 0)).astype(dtype).tobytes()
    except (KeyError, TypeError, ValueError, OverflowError):
        return b""
