"""The trials of an experiment: each is done once, in parallel with others, and is a line of ``results.csv``.

The folder also holds ``plan.json``, what all results depend on. A stopped experiment continues after the last line, on
any machine that has the folder. A trial that failed is a line with the reason, and is tried again at the next start.
When all are done, the lines are in the order of the trials, whatever the order in which they ended.
"""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, astuple, fields
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import msgspec

from ava_np.console import progress_counter, say
from ava_np.errors import AvaError
from ava_np.experiments.engines import Failure, run_trials, worker_count
from ava_np.files import write_atomically


class KeyLike(Protocol):
    """A dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


class ResultLike(KeyLike, Protocol):
    """A dataclass that says how its trial ended."""

    @property
    def ended(self) -> str: ...


K = TypeVar("K", bound=KeyLike)
R = TypeVar("R", bound=ResultLike)

FAILED = "failed: "


class Trials(Generic[K, R]):
    """The folder of an experiment, with the results that it holds.

    Parameters
    ----------
    out : Path
        The folder. It is created if necessary.
    plan : dataclass
        What all results depend on, apart from the code and the keys.
    key_type, result_type : type
        Dataclasses of text and numbers. A result has the fields of its key, ``ended``, and measures with defaults.

    Attributes
    ----------
    results : dict of key to result
        The trials that have ended, failed ones included.

    Raises
    ------
    AvaError
        If the folder cannot be written, is in use for something else, or holds results of another plan.
    """

    def __init__(self, out: Path, plan: Any, key_type: type[K], result_type: type[R]) -> None:
        self.out, self.key_type, self.result_type = out, key_type, result_type
        self._path = out / "results.csv"
        self._kinds: dict[str, Any] = {field.name: field.type for field in fields(result_type)}
        self._create(msgspec.json.format(msgspec.json.encode(plan), indent=2))
        self.results = {self._key(result): result for result in self._read()}

    def run(
        self,
        trial: Callable[..., tuple[R, Mapping[str, bytes]]],
        shared: Sequence[Any],
        keys: Sequence[K],
        *,
        jobs: int | None = None,
        scheduler: str | None = None,
    ) -> list[R]:
        """Do the trials that are missing or have failed, and return the results of all ``keys``.

        Parameters
        ----------
        trial : callable
            ``trial(*shared, key)`` returns a result, and files for the folder by their names.
        shared, jobs, scheduler
            As for ``run_trials``.
        keys : sequence of key
            The order of the lines and of the results.

        Raises
        ------
        AvaError
            If a line cannot be written, or the scheduler cannot be reached.
        """
        missing = [key for key in keys if not self._done(key)]
        done, together = len(keys) - len(missing), worker_count(jobs, len(missing))
        say(f"{done} of {len(keys)} trainings are done; results in {self.out}")
        try:
            with progress_counter("training", done, together) as show, self._path.open("a", newline="") as file:
                ended = run_trials(trial, shared, missing, jobs=jobs, scheduler=scheduler) if missing else ()
                for count, (key, outcome) in enumerate(ended, done + 1):
                    self.results[key] = self._keep(key, outcome)
                    file.write(self._lines([self.results[key]]))
                    file.flush()
                    show(count, len(keys))
            others = sorted((key for key in self.results if key not in set(keys)), key=astuple)
            lines = self._lines([self.results[key] for key in [*keys, *others]])
            write_atomically(self._path, (",".join(self._kinds) + "\n" + lines).encode())
        except OSError as error:
            raise AvaError(f"cannot write {self._path}: {error.strerror}") from error
        if failed := [key for key in keys if not self._done(key)]:
            say(f"{len(failed)} of {len(keys)} trainings {self._ended(failed[0])}")
        return [self.results[key] for key in keys]

    def _done(self, key: K) -> bool:
        return key in self.results and not self._ended(key).startswith(FAILED)

    def _ended(self, key: K) -> str:
        return str(self.results[key].ended)

    def _keep(self, key: K, outcome: tuple[R, Mapping[str, bytes]] | Failure) -> R:
        """Write the files of a trial, and return its result: without measures, if it failed."""
        if isinstance(outcome, Failure):
            return self.result_type(**asdict(key), ended=FAILED + outcome.reason)  # type: ignore[call-arg]
        result, files = outcome
        for name, content in files.items():
            (self.out / name).parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self.out / name, content)
        return result

    def _key(self, result: R) -> K:
        return self.key_type(**{field.name: getattr(result, field.name) for field in fields(self.key_type)})

    def _lines(self, results: Sequence[R]) -> str:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        # Through its type, so that a value that is read back, such as 1.0 for 1, is written with the same bytes.
        writer.writerows([kind(getattr(result, name)) for name, kind in self._kinds.items()] for result in results)
        return text.getvalue()

    def _create(self, plan: bytes) -> None:
        """Create the folder, or check that it belongs to this plan."""
        if self.out.is_file():
            raise AvaError(f"{self.out} is a file, and not a folder")
        try:
            self.out.mkdir(parents=True, exist_ok=True)
            if not (self.out / "plan.json").exists():
                if any(self.out.iterdir()):
                    raise AvaError(f"{self.out} is already used: choose another --out")
                write_atomically(self._path, (",".join(self._kinds) + "\n").encode())
                write_atomically(self.out / "plan.json", plan)
            if (self.out / "plan.json").read_bytes() != plan:
                raise AvaError(f"{self.out} holds results of other pictures or settings: choose another --out")
        except OSError as error:
            raise AvaError(f"cannot write {self.out}: {error.strerror}") from error

    def _read(self) -> list[R]:
        """Return the results in the file, and drop an incomplete last line: its training is done again."""
        try:
            text = self._path.read_text()
            whole = text[: text.rfind("\n") + 1]
            write_atomically(self._path, whole.encode())
        except OSError as error:
            raise AvaError(f"cannot read {self._path}: {error.strerror}") from error
        try:
            return [self._result(row) for row in csv.DictReader(io.StringIO(whole))]
        except (ValueError, TypeError, KeyError) as error:
            raise AvaError(f"{self._path} is damaged ({error}): repair it, or choose another --out") from error

    def _result(self, row: Mapping[str, str]) -> R:
        return self.result_type(**{name: self._kinds[name](value) for name, value in row.items()})
