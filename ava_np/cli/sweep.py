"""``ava sweep``: every combination of some options, trained and ranked."""

from itertools import product
from pathlib import Path
from shlex import join

import rich_click as click

from ava_np.cli.options import COUNT, engine_options
from ava_np.cli.train import run_options, train
from ava_np.console import echo
from ava_np.errors import OptionError
from ava_np.specification import RunOptions

HELD_OUT = ("--test", "0.2")
OF_A_RUN = {"out", "resume", "overwrite", "threads", "minutes", "checkpoint_every", "on_divergence", "strict", "log"}


class GridType(click.ParamType):
    """An option of ``ava train`` and its values: "lr=0.001,0.0003", or "hidden=256;128,64" where values have commas."""

    name = "OPTION=VALUE,VALUE"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> list[tuple[str, str]]:
        """Return the option with each of its values."""
        option, equals, values = str(value).partition("=")
        options = {opt for parameter in train.params for opt in parameter.opts}
        flag = f"--{option.removeprefix('--')}"
        if not equals or not values or flag not in options:
            self.fail(f"{value!r} is not an option of ava train and its values, as in lr=0.001,0.0003", param, ctx)
        return [(flag, one.strip()) for one in values.split(";" if ";" in values else ",")]


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", metavar="[SOURCE] [OPTIONS OF AVA TRAIN]", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--grid", multiple=True, required=True, type=GridType(),
    help="An option of ava train, and the values to try. May be repeated: all combinations are trained.",
)  # fmt: skip
@click.option("--seeds", type=COUNT, default=1, show_default=True, help="Trainings of each combination.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the results.  [default: runs/sweep]")
@engine_options
def sweep(
    arguments: tuple[str, ...],
    grid: tuple[list[tuple[str, str]], ...],
    seeds: int,
    out: Path | None,
    jobs: int | None,
    scheduler: str | None,
) -> None:
    """Train every combination of some options, and rank them on one page.

    All other options are those of ava train, and shared by all trainings. A fifth of the pictures is held out, unless
    --test or --validation says otherwise, and measures the result. If stopped, the same command continues; values and
    seeds may be added. Values that have commas themselves are separated by semicolons.

    \b
    ava sweep photos --grid lr=0.001,0.0003 --grid latent=8,16
    ava sweep mnist --limit 5000 --model vae --grid likelihood=gaussian,calibrated --seeds 3
    ava sweep photos --grid "hidden=256;256,128" --jobs 2 --out runs/widths
    """
    if not {"--test", "--validation"} & {argument.partition("=")[0] for argument in arguments}:
        arguments += HELD_OUT
    from ava_np.experiments.sweep import Key, run

    trainings = {}
    for seed, choice in product(range(seeds), product(*grid)):
        options = [part for pair in choice for part in pair]
        trainings[Key(join(options), seed)] = _options([*arguments, *options, "--seed", str(seed)])
    echo(str(run(arguments, trainings, out=out, jobs=jobs, scheduler=scheduler)))


def _options(arguments: list[str]) -> RunOptions:
    """Return the options of a run, from the arguments of ``ava train``."""
    try:
        with train.make_context("ava train", arguments) as context:
            given = {name: value for name, value in context.params.items() if value is not None}
        source = given.pop("source", None)
        if source is not None and Path(source).exists():
            source = str(Path(source).resolve())  # a worker may run in another folder
        if "trained_vae" in given:
            given["trained_vae"] = given["trained_vae"].resolve()
        of_a_run = {name: given.pop(name) for name in OF_A_RUN & given.keys()}
        if other := sorted(name for name, value in of_a_run.items() if value not in (False, ())):
            raise click.UsageError(f"a sweep has no --{other[0].replace('_', '-')} for its trainings: leave it out")
        return run_options(source, **given)
    except OptionError as error:
        raise click.BadParameter(str(error), param_hint=f"--{error.option.replace('_', '-')}") from error
