"""The verdict on a run, from its metrics, its samples and some of its pictures."""

import numpy as np

from ava_np.data.pictures import Pictures
from ava_np.data.zoom import zoom_out
from ava_np.evaluation.evaluate import Evaluation, sample_generator
from ava_np.evaluation.verdict import Finding, verdict
from ava_np.models import Model
from ava_np.run.folder import Run

JUDGED = 64  # samples, and pictures, whose spread is compared


def run_verdict(run: Run, model: Model, pictures: Pictures, evaluation: Evaluation | None) -> list[Finding]:
    """Return the verdict on a run of pictures.

    Parameters
    ----------
    run : Run
        The run; its last validation error stands for pictures that were held out.
    model : Model
        Its model.
    pictures : Pictures
        Some of its training pictures, at full size.
    evaluation : Evaluation or None
        Of the model; None without an encoder.
    """
    lines = run.metrics()
    errors = [line["validation"]["reconstruction_error"] for line in lines if "validation" in line]
    return verdict(
        run.specification.model,
        lines[-1]["nats"] if lines else {},
        samples=model.sample(JUDGED, sample_generator(run.specification)),
        pictures=zoom_out(np.asarray(pictures.array[:JUDGED]), run.specification.pictures.zoom),
        evaluation=evaluation,
        held_out=errors[-1] if errors else None,
    )
