"""The group of commands; errors become one line on standard error and an exit code.

Commands import slow modules inside their functions: ``ava --help`` loads neither numba nor matplotlib.
"""

import os
import sys
from io import TextIOWrapper
from typing import TYPE_CHECKING

import rich_click as click
from click.exceptions import Abort, ClickException, Exit

from ava_np import __version__
from ava_np.cli.bench import bench
from ava_np.cli.environment import launched_by_mpi, prepare_environment
from ava_np.cli.evaluate import evaluate
from ava_np.cli.experiment import experiment
from ava_np.cli.explore import explore
from ava_np.cli.export import export
from ava_np.cli.gradcheck import gradcheck
from ava_np.cli.info import info
from ava_np.cli.learn import learn
from ava_np.cli.report import report
from ava_np.cli.show import encode, interpolate, reconstruct, sample
from ava_np.cli.sweep import sweep
from ava_np.cli.trace import trace
from ava_np.cli.train import train
from ava_np.console import say
from ava_np.errors import AvaError, NotFiniteError

if TYPE_CHECKING:
    from ava_np.mpi import Ranks

# Two columns, so that the help text fits in 80 characters; metavars and ranges come after the text.
click.rich_click.OPTIONS_TABLE_COLUMN_TYPES = ["opt_long", "opt_short", "help"]
click.rich_click.OPTIONS_TABLE_HELP_SECTIONS = ["help", "default", "metavar"]

FAILURE, USAGE, NOT_FINITE, INTERRUPTED = 1, 2, 3, 130  # exit codes


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ava")
def ava() -> None:
    """Train and use autoencoders, VAEs, GANs and adversarial variational autoencoders (AVA) on a CPU.

    \b
    ava train                           train AVA5 on ten built-in pictures
    ava train photos --out runs/mine    train on your pictures
    ava sample runs/mine --count 64     draw new pictures
    ava evaluate runs/mine              measure the reconstruction error
    ava explore runs/mine               look at its codes in your browser
    ava gradcheck                       check every gradient
    ava trace ava5                      see one step with every number
    ava learn                           learn backpropagation by doing it
    ava info                            versions, and where the documentation is

    Exit codes: 0 success; 1 bad input or a failed check; 2 wrong option; 3 a loss or a gradient was not finite;
    130 interrupted.
    """
    prepare_environment()


for command in (
    train, sweep, report, sample, reconstruct, encode, interpolate, evaluate, explore, export, gradcheck, trace, learn,
    info, bench, experiment,
):  # fmt: skip
    ava.add_command(command)


def main() -> None:
    """Run ``ava``; print any error as one line on standard error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # not every terminal can print γ
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _lead_or_follow() if launched_by_mpi() else _run()
    except Exit as stop:
        code = stop.exit_code
    except ClickException as error:
        code = _failed(error.format_message(), USAGE)
    except NotFiniteError as error:
        code = _failed(str(error), NOT_FINITE)
    except AvaError as error:
        code = _failed(str(error), FAILURE)
    except MemoryError as error:
        code = _failed(f"not enough memory: {error}", FAILURE)
    except (KeyboardInterrupt, Abort) as stop:
        if isinstance(stop.__cause__, EOFError):  # click takes it for Ctrl-D at a prompt, and there is none
            code = _failed(f"unexpected end of a file: {stop.__cause__}", FAILURE)
        else:
            code = _failed("interrupted", INTERRUPTED)
    except BrokenPipeError:  # the reader of the pipe has closed it, which is not an error
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = FAILURE
    except OSError as error:
        code = _failed(f"{error.filename}: {error.strerror}" if error.filename else str(error), FAILURE)
    sys.exit(code)


def _run(ranks: "Ranks | None" = None) -> int:
    return ava.main(prog_name="ava", standalone_mode=False, obj=ranks) or 0


def _lead_or_follow() -> int:
    """Run ``ava`` in the first of the processes that ``mpirun`` has started; the others take part in its trainings."""
    prepare_environment()
    from ava_np.mpi import Ranks

    ranks = Ranks()
    if ranks.rank:
        ranks.follow()
        return 0
    try:
        return _run(ranks)
    finally:
        ranks.dismiss()


def _failed(message: str, code: int) -> int:
    say(f"Error: {' '.join(message.split())}")
    return code
