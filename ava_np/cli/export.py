"""``ava export``: a trained model as ONNX graphs, or as a PyTorch module with its weights."""

from pathlib import Path

import rich_click as click

from ava_np.cli.options import Word, run_argument
from ava_np.console import echo
from ava_np.errors import AvaError

FORMATS = ("onnx", "torch")


@click.command()
@run_argument
@click.option("--format", "format_", type=Word(FORMATS), required=True, help="What to write.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder to write into.  [default: RUN/onnx or RUN/torch]")
def export(run_folder: Path, format_: str, out: Path | None) -> None:
    """Export a run's model, for programs without this one.

    onnx: a file for each network, for onnxruntime and others (pip install 'ava-np[export]'). Pictures are (N, H, W, C)
    in [0, 1], N is any number, and the values have names: pictures, codes, mean, log_variance, logit.

    torch: model.py, a readable module that needs PyTorch and safetensors alone, and model.safetensors.

    \b
    ava export runs/mine --format onnx
    ava export runs/mine --format torch --out mine-torch
    """
    from ava_np.files import write_atomically
    from ava_np.run.folder import Run

    model = Run.open(run_folder).model()
    if format_ == "onnx":
        try:
            from ava_np.export.onnx import to_onnx
        except ImportError:
            raise AvaError("--format onnx needs onnx: pip install 'ava-np[export]'") from None
        files = {f"{name}.onnx": content for name, content in to_onnx(model).items()}
    else:
        from ava_np.export.torch import to_torch

        files = to_torch(model)
    out = out or run_folder / format_
    try:
        out.mkdir(parents=True, exist_ok=True)
        others = sorted(path.name for path in out.iterdir() if path.name not in files)
    except OSError as error:
        raise AvaError(f"cannot write {out}: {error.strerror}") from error
    if others:  # such as a run, whose weights have the same name
        raise AvaError(f"{out} holds other files, such as {others[0]}: choose another --out")
    for name, content in files.items():
        write_atomically(out / name, content)
    echo("\n".join(str(out / name) for name in files))
