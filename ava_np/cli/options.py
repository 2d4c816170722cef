"""Arguments, options, parameter types and output shared by several commands."""

import json
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, get_args

import rich_click as click

from ava_np.console import echo
from ava_np.errors import advice
from ava_np.run.checkpoint_interval import Interval
from ava_np.specification import (
    MAX_COUNT,
    MAX_SEED,
    MAX_WEIGHT,
    ArchitectureName,
    Change,
    Layers,
    Propagation,
    parse_size,
)
from ava_np.specification import MODELS as SPECIFICATIONS


class Word(click.Choice[str]):
    """One of some words, in small or capital letters; a wrong one gets the word that was probably meant."""

    def __init__(self, words: Iterable[str]) -> None:
        super().__init__(list(words), case_sensitive=False)

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        """Return what is wrong and what to do."""
        return f"there is no {value!r}: {advice(str(value), self.choices)}"


MODELS = Word(SPECIFICATIONS)
ARCHITECTURES: tuple[str, ...] = get_args(ArchitectureName)
PROPAGATIONS = Word(get_args(Propagation))
COUNT = click.IntRange(1, MAX_COUNT)
SEED = click.IntRange(0, MAX_SEED)


class NumberType(click.FloatRange):
    """A finite number in a range. click accepts NaN in every range; this type does not."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number", param, ctx)
        return number


RATE = NumberType(0, 1, min_open=True)
SHARE = NumberType(0, 1, max_open=True)
WEIGHT = NumberType(0, MAX_WEIGHT)


class SizeType(click.ParamType):
    """WIDTHxHEIGHT, such as 180x250; or one number, the side of a square."""

    name = "WIDTHxHEIGHT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Return (width, height)."""
        if isinstance(value, tuple):
            return value
        try:
            size = parse_size(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if min(size) < 1:
            self.fail(f"{value!r} has a side of less than 1 pixel", param, ctx)
        return size


class CountsType(click.ParamType):
    """Whole numbers from 1 on, such as the widths of hidden layers 512,256.

    Parameters
    ----------
    what : str
        One of them, such as "width".
    """

    def __init__(self, what: str) -> None:
        self.what, self.name = what, f"{what.upper()}[,{what.upper()}...]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """Return the numbers."""
        if isinstance(value, tuple):
            return value
        parts = [part.strip() for part in str(value).split(",")]
        if not all(map(_counts, parts)):
            self.fail(f"{value!r} is not a list of {self.what}s such as 512,256, each at most {MAX_COUNT}", param, ctx)
        return tuple(int(part) for part in parts)


class ArchitectureType(click.ParamType):
    """The name of an architecture, or a JSON file with a custom one."""

    name = "architecture"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the name, or the content of the file."""
        if isinstance(value, dict):
            return value
        if value.lower() in ARCHITECTURES:
            return value.lower()
        if Path(value).suffix.lower() != ".json":
            self.fail(f"{value!r} is no .json file: {advice(value, ARCHITECTURES)}", param, ctx)
        import msgspec

        try:
            return msgspec.json.decode(Path(value).read_bytes(), type=Layers)
        except OSError as error:
            self.fail(f"{value}: {error.strerror}", param, ctx)
        except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, or not of this type
            self.fail(f"{value} does not map networks to lists of layers: {error}", param, ctx)


class ChangesType(click.ParamType):
    """Changes of pictures, such as colour,translation; or none."""

    name = "CHANGE[,CHANGE...]|none"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[Change, ...]:
        """Return the changes."""
        if isinstance(value, tuple):
            return value
        words, known = [word.strip().lower() for word in str(value).split(",")], get_args(Change)
        if words == ["none"]:
            return ()
        for word in words:
            if word not in known:
                self.fail(f"there is no {word!r}: {advice(word, (*known, 'none'))}", param, ctx)
        return tuple(change for change in known if change in words)


class IntervalType(click.ParamType):
    """Time between two saves: a number of steps, such as 500, or of minutes, such as 5min."""

    name = "STEPS|MINUTESmin"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Interval:
        """Return the interval."""
        if isinstance(value, Interval):
            return value
        try:
            return Interval.parse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class PngType(click.Path):
    """The path of a PNG file to write."""

    name = "FILE.png"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path; refuse other suffixes than .png."""
        path = Path(str(super().convert(value, param, ctx)))
        if path.suffix.lower() != ".png":
            self.fail(f"{str(path)!r} must end in .png", param, ctx)
        return path


def _counts(text: str) -> bool:
    """Whether a text is a whole number from 1 to MAX_COUNT."""
    return text.isascii() and text.isdigit() and len(text) <= len(str(MAX_COUNT)) and 1 <= int(text) <= MAX_COUNT


def run_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the argument RUN, a run folder."""
    return click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path))(command)


def folder_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the argument [FOLDER], pictures to use instead of the run's own."""
    return click.argument("folder", metavar="[FOLDER]", required=False, type=click.Path(path_type=Path))(command)


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option --json, which prints only JSON on standard output."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")(command)


def print_json(value: Any) -> None:
    """Print a value as indented JSON."""
    echo(json.dumps(value, indent=2))


def engine_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --jobs and --scheduler: where the trainings of an experiment or a sweep run."""
    for option in (
        click.option(
            "--scheduler",
            metavar="ADDRESS",
            help="Train on the workers of this Dask scheduler, such as tcp://host:8786, instead of on this machine.",
        ),
        click.option("--jobs", type=COUNT, help="Trainings at the same time.  [default: one for each core]"),
    ):
        command = option(command)
    return command
