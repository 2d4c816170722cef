"""The model card of a run, README.md: with it, the run folder is a model folder of the Hugging Face Hub."""

from pathlib import Path

import jinja2
import msgspec

from ava_np.data.pictures import Pictures
from ava_np.data.split import Split
from ava_np.errors import printable
from ava_np.evaluation.evaluate import Evaluation
from ava_np.evaluation.verdict import Finding
from ava_np.models import Model
from ava_np.report.command import command
from ava_np.report.names import model_title, terms_of
from ava_np.run.card_file import write_card
from ava_np.run.folder import Run


def write_model_card(
    run: Run,
    model: Model,
    pictures: Pictures,
    evaluation: Evaluation | None,
    split: Split,
    findings: list[Finding],
) -> None:
    """Write README.md into a run folder: data, figures, limits, and how the model is made and used.

    It names no folder of this machine, only the last part of the source's path. A card that somebody has edited stays.

    Parameters
    ----------
    run, model, pictures, evaluation, split, findings
        As for ``ava_np.report.page.write_report``.

    Raises
    ------
    AvaError
        If the file cannot be written.
    """
    specification, lines = run.specification, run.metrics()
    source, toy = specification.pictures.source, specification.pictures.toy
    name = None if source is None else printable(source if toy else Path(source).name or "pictures").replace("`", "'")
    shown = msgspec.structs.replace(
        specification, pictures=msgspec.structs.replace(specification.pictures, source=name, cache=None)
    )
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("ava_np.report", "."), undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    text = environment.get_template("card.md.jinja").render(
        title=model_title(specification.model),
        kind="gan" if model.encoder_name is None else "autoencoder",
        model=model,
        parameters=sum(network.parameter_count for network in model.networks.values()),
        name=name,
        toy=toy,
        counts={part: len(indices) for part, indices in split._asdict().items()},
        size=pictures.array.shape[2:0:-1],
        evaluated=len(pictures.names),
        evaluation=evaluation,
        findings=findings,
        training=specification.training,
        steps=lines[-1]["step"] if lines else 0,
        nats=lines[-1]["nats"] if lines else {},
        terms=terms_of(specification.model, lines[-1]["nats"] if lines else ()),
        command=" ".join(command(shown)),
    )
    write_card(run.folder, text)
