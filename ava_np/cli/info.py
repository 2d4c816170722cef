"""``ava info``: the content of a run, or the installed versions."""

import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

import ava_np
from ava_np.cli.options import json_option, print_json
from ava_np.console import echo
from ava_np.errors import printable

if TYPE_CHECKING:
    from ava_np.run.folder import Run


@click.command()
@click.argument("run_folder", metavar="[RUN]", required=False, type=click.Path(path_type=Path))
@click.option("--memory", is_flag=True, help="How much memory the training of RUN needs at most, by part.")
@json_option
def info(run_folder: Path | None, memory: bool, as_json: bool) -> None:
    """Describe a run, or this installation if RUN is left out.

    \b
    ava info runs/mine
    ava info runs/mine --memory
    ava info --json
    """
    if memory and run_folder is None:
        raise click.UsageError("--memory needs a run: ava info RUN --memory; ava train says it before its first step")
    if run_folder is None:
        described = _installation()
    elif memory:
        described = {"memory": _memory(run_folder, as_json)}
    else:
        described = _run(run_folder)
    if as_json:
        print_json(described)
        return
    for section, values in described.items():
        echo(section)
        for key, value in values.items():
            echo(f"  {key:<24} {_text(value)}")


def _run(folder: Path) -> dict[str, Any]:
    import msgspec

    from ava_np.report.names import layers_text
    from ava_np.run.folder import Run

    run = Run.open(folder)
    model = run.model()
    specification: dict[str, Any] = msgspec.to_builtins(run.specification)
    specification["networks"] = {
        name: f"{layers_text(network)}; {network.theta.size:,} parameters" for name, network in model.networks.items()
    }
    specification["progress"] = _progress(run)
    del specification["format"], specification["id"]
    return specification


def _memory(folder: Path, in_bytes: bool) -> dict[str, Any]:
    """The bound on the memory of a run's training, by part: as text, or in bytes."""
    from ava_np.data.sources import largest_file
    from ava_np.errors import RunError
    from ava_np.run.folder import Run
    from ava_np.run.memory import size_text, training_memory
    from ava_np.run.training import new_trainer

    specification = Run.open(folder).specification
    pictures = specification.pictures
    if not pictures.count:
        raise RunError(f"{folder} does not say how many pictures it has: it is of format 2; resume it once")
    largest = largest_file(pictures.source, pictures.limit, pictures.max_pixels, by_folder=pictures.by_folder)
    bound = training_memory(new_trainer(specification), pictures, largest)
    parts = {**bound.parts(), "at most": bound.total}
    return parts if in_bytes else {name: size_text(size) for name, size in parts.items()}


def _progress(run: "Run") -> dict[str, Any]:
    """How far the weights are trained, and what the last terms say; the metrics may be ahead of them after a crash."""
    from ava_np.evaluation.verdict import of_terms

    steps = run.header().steps
    lines = [line for line in run.metrics() if steps is None or line["step"] <= steps]
    last: dict[str, Any] = lines[-1] if lines else {"epoch": 0, "step": 0, "nats": {}}
    verdict = [str(finding) for finding in of_terms(run.specification.model, last["nats"])]
    return {
        "epochs": last["epoch"],
        "steps": last["step"] if steps is None else steps,
        "nats": last["nats"],
        **({"verdict": verdict} if verdict else {}),
    }


def _text(value: Any) -> str:
    """A value of a specification as text: yes or no, lists without brackets, an empty string for None."""
    match value:
        case str():
            return printable(value)
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.6g}"
        case dict():
            return ", ".join(f"{_text(name)} {_text(inner)}" for name, inner in value.items())
        case [dict(), *_]:
            return json.dumps(value)
        case [*inner]:
            return ", ".join(map(_text, inner))
        case None:
            return ""
    return str(value)


def _documentation() -> str:
    """Where the pages are that messages call docs/...: in the checkout, or where an installation has put them."""
    from importlib import metadata

    checkout = Path(ava_np.__file__).parents[1] / "docs" / "README.md"
    if checkout.is_file():
        return str(checkout.parent)
    with suppress(metadata.PackageNotFoundError):
        for file in metadata.files("ava-np") or ():
            if file.name == "README.md" and file.parent.name == "ava-np":
                return str(Path(str(file.locate())).resolve().parent)
    return "not installed"


def _installation() -> dict[str, Any]:
    import platform

    import llvmlite.binding
    import numba
    import numpy as np
    import PIL

    return {
        "versions": {
            "python": platform.python_version(),
            "ava-np": ava_np.__version__,
            "numpy": np.__version__,
            "numba": numba.__version__,
            "pillow": PIL.__version__,
        },
        "machine": {
            "processor": llvmlite.binding.get_host_cpu_name(),
            "threads": numba.get_num_threads(),
        },
        "documentation": {"docs": _documentation()},
    }
