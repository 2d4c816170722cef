"""``ava evaluate``: reconstruction errors, AVA (17) and its baselines, or the modes of a toy distribution."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import rich_click as click

from ava_np.cli.measures import MeasuresType, measure
from ava_np.cli.options import COUNT, Word, folder_argument, json_option, print_json, run_argument
from ava_np.console import echo
from ava_np.specification import Part

if TYPE_CHECKING:
    from ava_np.data.pictures import Pictures
    from ava_np.models import Model
    from ava_np.run.folder import Run

MAX_LISTED, WORST = 100, 10  # pictures whose errors are listed; of more, only the worst


@click.command()
@run_argument
@folder_argument
@click.option(
    "--part",
    type=Word(get_args(Part)),
    help="Part of the run's pictures.  [default: train; with --measures held-out ones]",
)
@click.option(
    "--measures",
    type=MeasuresType(),
    help="Print these measures instead, each beside what needs no model: reconstruction, image, likelihood, parzen, "
    "codes, sharpness, samples.",
)
@click.option(
    "--importance-samples", type=COUNT, help="With --measures: samples per picture for the likelihood.  [default: 100]"
)
@json_option
def evaluate(
    run_folder: Path,
    folder: Path | None,
    part: Part | None,
    measures: tuple[str, ...] | None,
    importance_samples: int | None,
    as_json: bool,
) -> None:
    """Evaluate a run on its pictures, or on those in FOLDER.

    With --part, FOLDER is where the run's own pictures are now.

    Reconstruction error: each picture compared with its own reconstruction. (17), the paper's measure: ONE decoded
    image compared with all pictures. (17) rewards an average, so trivial baselines are listed next to it. Both are the
    mean of ½‖difference‖ over pixels and pictures, with values in [0, 1]. At most 1000 pictures are evaluated.

    For a model without an encoder (gan, dcgan), (17) is measured for 100 samples. For a toy distribution, 1000 samples
    are drawn: the modes that they find are counted, and the share of good samples is measured.

    --measures takes at most 2000 pictures, held-out ones if the run has any, and at most 10,000 training pictures to
    compare with. docs/manual/measures.md says what each value means.

    \b
    ava evaluate runs/mine
    ava evaluate runs/mine held-out --json
    ava evaluate runs/mine --part test
    ava evaluate runs/mine --measures all
    ava evaluate runs/mine --measures likelihood,samples --json > measures.json
    """
    from ava_np.run.folder import Run

    if importance_samples is not None and measures is None:
        raise click.UsageError("--importance-samples is an option of --measures")
    run = Run.open(run_folder)
    if run.specification.pictures.toy:
        if folder is not None or part is not None:
            raise click.UsageError("samples are compared with the toy distribution itself: leave out FOLDER and --part")
        if measures is not None:
            raise click.UsageError("--measures are of pictures: leave it out for a toy distribution")
        values, text = _toy(run)
    elif measures is not None:
        measure(run, folder, part, measures, importance_samples or 100, as_json=as_json)
        return
    else:
        values, text = _pictures(run, *_evaluated(run, folder, part))
    if as_json:
        print_json(values)
    else:
        echo(text)


def _evaluated(run: "Run", folder: Path | None, part: Part | None) -> "tuple[Model, Pictures, Pictures]":
    """The model, at most 1000 pictures of a part or a folder, and as many training pictures; report if there are more.

    The training pictures of a run are not read for another folder: its own pictures stand for them.
    """
    from ava_np.cli.pictures import pictures_of
    from ava_np.console import say
    from ava_np.run.pictures import subsample

    own = folder is None or part is not None
    model, every = run.model(), pictures_of(run, folder, own=own)
    if own:
        data, part = run.split(every), part or "train"
        count, pictures = len(getattr(data.split, part)), run.evaluation_pictures(data, part)
        training = run.evaluation_pictures(data)
    else:
        count, pictures = len(every.names), subsample(every)
        training = pictures
    if len(pictures.names) < count:
        say(f"evaluating {len(pictures.names):,} of {count:,} pictures, evenly spaced")
    return model, pictures, training


def _pictures(run: "Run", model: "Model", pictures: "Pictures", training: "Pictures") -> tuple[dict[str, Any], str]:
    """The result of ``evaluate`` for pictures, as JSON and as text."""
    from ava_np.console import table
    from ava_np.evaluation.evaluate import MAX_COMPARED, evaluate, sample_generator, sample_rmses
    from ava_np.evaluation.metrics import baselines
    from ava_np.report.names import BASELINES
    from ava_np.run.verdict import run_verdict

    zoom = run.specification.pictures.zoom
    values: dict[str, Any]
    result = None
    if model.encoder_name is None:
        rmses = sample_rmses(model, pictures.array, zoom, sample_generator(run.specification))
        values = {"rmse": float(rmses.min()), "rmse_mean": float(rmses.mean()), "samples": MAX_COMPARED}
        values["baselines"] = baselines(pictures.array, zoom)
        names, text = (f"best of {MAX_COMPARED} samples", f"{MAX_COMPARED} samples, mean"), ""
    else:
        result = evaluate(model, pictures.array, zoom, training.array)
        errors = dict(zip(pictures.names, result.reconstruction_errors.tolist(), strict=True))
        best = pictures.names[result.best]
        values = {
            "reconstruction_error": result.reconstruction_error,
            "mean_image_error": result.mean_image_error,
            "pca_error": result.pca_error,
            "reconstruction_errors": errors,
            "rmse": result.rmse,
            "rmse_mean": result.rmse_mean,
        }
        values |= {"image_best": best, "baselines": result.baselines}
        names = (f"imageBest, from {best}", "reconstructions, mean")
        heading, listed = "picture", list(errors.items())
        if len(errors) > MAX_LISTED:
            heading = f"the {WORST} worst of {len(errors):,} pictures"
            listed = sorted(listed, key=lambda item: -item[1])[:WORST]
        text = table([heading, "reconstruction error"], [[name, f"{value:.4f}"] for name, value in listed])
        rows = [["mean", f"{result.reconstruction_error:.4f}"], ["the mean picture", f"{result.mean_image_error:.4f}"]]
        if not result.pca_is_perfect:
            rows.append([f"PCA of {model.latent}", f"{result.pca_error:.4f}"])
        text += "\n\n" + table(["reconstruction error", ""], rows) + "\n\n"
    findings = run_verdict(run, model, training, result)
    values["verdict"] = [finding._asdict() for finding in findings]
    text += "".join(f"{finding}\n" for finding in findings) + "\n"
    rows = [[names[0], f"{values['rmse']:.4f}"], [names[1], f"{values['rmse_mean']:.4f}"]]
    rows += [[BASELINES[name].label, f"{value:.4f}"] for name, value in values["baselines"].items()]
    return values, text + table(["one image compared with all", "(17)"], rows)


def _toy(run: "Run") -> tuple[dict[str, Any], str]:
    """The result of ``evaluate`` for a toy distribution, as JSON and as text."""
    from ava_np.console import table
    from ava_np.evaluation.evaluate import evaluate_toy

    result = evaluate_toy(run.model(), run.specification)
    values: dict[str, Any] = {"samples": len(result.points)}
    values |= {"modes": result.modes_found, "of": result.mode_count, "good": result.good_fraction}
    rows = [
        ["modes found", f"{result.modes_found} of {result.mode_count}"],
        ["good samples", f"{100 * result.good_fraction:.1f} %"],
    ]
    if result.points.shape[1] == 1:
        points = result.points.astype("float64")  # whose squares do not overflow
        values |= {"mean": float(points.mean()), "deviation": float(points.std())}
        rows += [["mean", f"{values['mean']:.4f}"], ["standard deviation", f"{values['deviation']:.4f}"]]
    return values, table([f"{len(result.points):,} samples", ""], rows)
