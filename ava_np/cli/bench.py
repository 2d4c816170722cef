"""``ava bench``: times of steps, layers and the start, compared with PyTorch and JAX."""

import json
from pathlib import Path

import rich_click as click

from ava_np.cli.options import COUNT, Word
from ava_np.console import echo

WORKLOADS = ("w1", "w2", "w3", "layers", "optimisers", "gemm", "start", "memory", "growth")
REPEATS, QUICK_REPEATS = 8, 2


@click.command()
@click.argument("workloads", metavar="[WORKLOAD]...", nargs=-1, type=Word(WORKLOADS))
@click.option("--quick", is_flag=True, help="Run fewer sizes for a short time, as a trial.")
@click.option(
    "--json",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the rows to this file: workload, ours_ms, peer, peer_ms, ratio.",
)
@click.option(
    "--repeats",
    type=COUNT,
    help=f"Measurements of each library; the fastest counts.  [default: {REPEATS}; {QUICK_REPEATS} with --quick]",
)
def bench(workloads: tuple[str, ...], quick: bool, file: Path | None, repeats: int | None) -> None:
    """Measure training steps, layers, optimisers, start-up and memory, and compare with PyTorch and JAX if installed.

    Workloads: w1, a dense AVA1 in batches of 10 and 1; w2, a convolutional VAE; w3, a VAE-GAN; layers, 5x5 convolutions
    of w2 and w3; optimisers; gemm, a dense layer and every step of the GEMM staircase, compared with the processor's
    peak; start, the start of ava train; memory, the peak of w3; growth, the time over batch, width, size and threads.
    By default all, about ten minutes.

    A ratio is our time divided by the other library's: below 1, ava-np is faster. The results are compared before the
    times. The libraries take turns, and the fastest time of each counts. Stop other work on the machine first.

    \b
    ava bench --quick
    ava bench w1 w2 --json figures.json
    """
    if file is not None and not file.absolute().parent.is_dir():
        raise click.UsageError(f"--json: the folder {file.parent} does not exist; create it first")
    from ava_np.console import say
    from ava_np.experiments.bench.measure import as_json, as_table, load_warning, machine_name
    from ava_np.experiments.bench.workloads import run
    from ava_np.files import write_atomically

    chosen = tuple(dict.fromkeys(workloads)) or WORKLOADS
    warning = load_warning()
    if warning:
        say(warning)
    rows, rates = run(chosen, quick=quick, repeats=repeats or (QUICK_REPEATS if quick else REPEATS))
    if file is not None:
        write_atomically(file, json.dumps(as_json(rows), indent=2).encode() + b"\n")
    echo(f"{machine_name()}\n\n{as_table(rows, rates)}")
    if warning:
        echo(f"\n{warning}")
