"""Fuzz an entrance for some seconds with atheris, whose inputs follow the branches that they reach.

    TMPDIR=/dev/shm python -m tests.fuzz.atheris_run pictures 600

The entrances are pictures, runs and specifications. Inputs that reach new branches, and those that break the property,
are kept in a folder that is printed; a folder in memory is fastest. atheris is not a dependency of ava-np: pip install
atheris.
"""

import argparse
import importlib
import os
import resource
import sys
import time
import traceback
from collections import Counter
from hashlib import sha256
from pathlib import Path
from random import Random
from tempfile import mkdtemp

ENTRANCES = ("pictures", "runs", "specifications")
CORPUS = Path(__file__).parent / "corpus"
MARGIN = 4 * 10**9  # bytes of address space above that at the start: an allocation beyond fails instead of swapping


class Finds:
    """The inputs that break the property, one for each place in the code that shows it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.counts, self.executions, self.start = folder, Counter[str](), 0, time.monotonic()

    @property
    def seconds(self) -> float:
        """Time since the beginning."""
        return time.monotonic() - self.start

    def add(self, data: bytes, error: BaseException) -> None:
        """Keep an input, if it is the first of its kind."""
        frames = traceback.extract_tb(error.__traceback__)
        where = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames[:-6:-1])
        kind = f"{type(error).__name__} {where}"
        self.counts[kind] += 1
        if self.counts[kind] == 1:
            name = sha256(data).hexdigest()[:16]
            (self.folder / name).write_bytes(data)
            (self.folder / f"{name}.txt").write_text(ascii_lines(error))
            print(f"find {name}: {kind}: {ascii(error)[:300]}", flush=True)

    def report(self) -> None:
        """Print the executions and the finds."""
        print(
            f"{self.executions} executions in {self.seconds:.0f} s, {len(self.counts)} kinds of finds in {self.folder}"
        )
        for kind, count in self.counts.most_common():
            print(f"{count:6} {kind}")
        sys.stdout.flush()


def kernels() -> list[str]:
    """The modules that are not instrumented, because Numba compiles their bytecode."""
    folder = CORPUS.parents[2] / "kernels"
    names = (path.relative_to(folder).with_suffix("").parts for path in folder.rglob("*.py"))
    return [".".join(("ava_np", "kernels", *name)).removesuffix(".__init__") for name in names]


def ascii_lines(error: BaseException) -> str:
    """The traceback of an error, in ASCII."""
    return "".join(traceback.format_exception(error)).encode("ascii", "backslashreplace").decode()


def main() -> None:
    """Fuzz the entrance that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.atheris_run")
    parser.add_argument("entrance", choices=ENTRANCES)
    parser.add_argument("seconds", type=int)
    arguments = parser.parse_args()
    try:
        import atheris
    except ImportError:
        sys.exit("atheris is needed, and not installed: pip install atheris")

    with atheris.instrument_imports(include=["ava_np", "PIL"], exclude=kernels()):
        entrance = importlib.import_module(f"tests.fuzz.{arguments.entrance}")
    seeds = CORPUS / arguments.entrance
    for path in sorted(seeds.iterdir()):  # before the memory is limited: kernels are compiled, modules imported
        entrance.check(path.read_bytes())
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() + MARGIN
    resource.setrlimit(resource.RLIMIT_AS, (size, size))

    place = Path(mkdtemp(prefix=f"fuzz-{arguments.entrance}-"))
    kept, found = place / "kept", place / "finds"
    kept.mkdir()
    found.mkdir()
    finds = Finds(found)

    def test_one(data: bytes) -> None:
        finds.executions += 1
        try:
            entrance.check(data)
        except Exception as error:  # whatever it is, it is a find, and the work goes on
            finds.add(data, error)
        if finds.seconds > arguments.seconds:  # here, because libFuzzer would end the process without a word
            finds.report()
            os._exit(0)

    def mutate(data: bytes, size: int, seed: int) -> bytes:
        random = Random(seed)
        if random.random() < 0.3:
            return bytes(atheris.Mutate(data, size))
        return bytes(entrance.mutated(data, random)[:size])

    options = ["-max_len=20000", "-rss_limit_mb=0", "-timeout=60"]
    command = [sys.argv[0], *options, f"-artifact_prefix={found}/", str(kept), str(seeds)]
    atheris.Setup(command, test_one, custom_mutator=mutate)
    print(f"inputs are kept in {place}", flush=True)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
