"""The group of commands, and how a fault becomes one line and an exit code.

Nothing slow is imported until a command needs it: ``ava --help`` loads neither numba nor matplotlib.
"""

import os
import sys
from io import TextIOWrapper

import rich_click as click
from click.exceptions import Abort, ClickException, Exit

from ava_np.cli.bench import bench
from ava_np.cli.check import evaluate, gradcheck, info
from ava_np.cli.experiment import experiment
from ava_np.cli.show import encode, interpolate, reconstruct, sample
from ava_np.cli.train import train
from ava_np.errors import AvaError, NotFiniteError

# Two columns, so that help has room in 80; metavars and ranges stand behind it.
click.rich_click.OPTIONS_TABLE_COLUMN_TYPES = ["opt_long", "opt_short", "help"]
click.rich_click.OPTIONS_TABLE_HELP_SECTIONS = ["help", "default", "metavar"]

FAULT, USAGE, NOT_FINITE, INTERRUPTED = 1, 2, 3, 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ava-np", prog_name="ava")
def ava() -> None:
    """Train and use autoencoders, VAEs, GANs and adversarial variational autoencoders (AVA) on a CPU.

    \b
    ava train                           AVA5 on ten built-in pictures
    ava train photos --out runs/mine    a model of your own pictures
    ava sample runs/mine --count 64     new pictures from it
    ava evaluate runs/mine              how well it shows the old ones back
    ava gradcheck                       every gradient, validated

    Exit codes: 0 success; 1 bad input, or a check that failed; 2 a wrong option; 3 training stopped because a loss
    or a gradient was not finite; 130 interrupted.
    """


for command in (train, sample, reconstruct, encode, interpolate, evaluate, gradcheck, info, bench, experiment):
    ava.add_command(command)


def main() -> None:
    """Run ``ava``; print any fault as one line on standard error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # not every terminal has a γ
            stream.reconfigure(errors="backslashreplace")
    try:
        code = ava.main(standalone_mode=False) or 0
    except Exit as stop:
        code = stop.exit_code
    except ClickException as error:
        code = _fault(error.format_message(), USAGE)
    except NotFiniteError as error:
        code = _fault(str(error), NOT_FINITE)
    except AvaError as error:
        code = _fault(str(error), FAULT)
    except MemoryError as error:
        code = _fault(f"not enough memory: {error}", FAULT)
    except (KeyboardInterrupt, Abort):
        code = _fault("interrupted", INTERRUPTED)
    except BrokenPipeError:  # the reader of a pipe went away: nothing to say, and nobody to say it to
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = FAULT
    except OSError as error:
        code = _fault(f"{error.filename}: {error.strerror}" if error.filename else str(error), FAULT)
    sys.exit(code)


def _fault(message: str, code: int) -> int:
    print("Error:", " ".join(message.split()), file=sys.stderr)
    return code
