"""Small finished runs for the tests of the report, and its page as tags and text."""

from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from ava_np.data.pictures import Pictures
from ava_np.data.split import Split
from ava_np.evaluation.evaluate import Evaluation, evaluate
from ava_np.models import Model
from ava_np.report.page import write_report
from ava_np.report.sheets import write_pictures
from ava_np.run import training
from ava_np.run.folder import Run
from ava_np.run.names import REPORT
from ava_np.specification import (
    FORMAT,
    PicturesSpecification,
    Specification,
    TrainingSpecification,
    specify_model,
)

WIDTH, HEIGHT, ZOOM, COUNT, EPOCHS, SEED = 12, 9, 3, 5, 4, 7
PAGE = ["samples.png", "reconstructions.png", "image_best.png", "losses.png", REPORT]
HOSTILE = '<script>alert("1")</script>&\'$\\frac{$.png'


class Finished(NamedTuple):
    """A trained run with all that its report shows."""

    run: Run
    model: Model
    pictures: Pictures
    evaluation: Evaluation | None

    @property
    def split(self) -> Split:
        return self.run.split(self.pictures).split

    def show(self) -> str:
        """Write the pictures and the page; return the page's text."""
        write_pictures(self.run, self.model, self.pictures, self.evaluation)
        write_report(*self, self.split)
        return text(self.run)


def specify(folder: Path, name: str = "ava5", channels: Any = 3, seed: int = SEED, **options: Any) -> Specification:
    return Specification(
        FORMAT,
        specify_model(name, **{"latent": 2, "hidden": (8,), "architecture": "mlp"} | options),
        PicturesSpecification(str(folder), (WIDTH, HEIGHT), channels, ZOOM),
        TrainingSpecification("adam", 1e-2, "sum", batch_size=2, epochs=EPOCHS, seed=seed),
    )


def specify_toy(name: str, toy: str, **options: Any) -> Specification:
    """A model of a toy distribution, trained on 100 points."""
    d = 1 if toy == "gaussian" else 2
    return Specification(
        FORMAT,
        specify_model(name, latent=2, hidden=(8,), output="linear", **options),
        PicturesSpecification(f"toy:{toy}", (d, 1), 1, 1, limit=100),
        TrainingSpecification("adam", 1e-2, "sum", batch_size=50, epochs=EPOCHS, seed=SEED),
    )


def finish(folder: Path, specification: Specification, pictures: Pictures) -> Finished:
    """Create a run, train it and evaluate it; the report is not yet written."""
    run = Run.create(folder, specification)
    trainer = training.resume(run)
    for _ in training.train(run, trainer, run.split(pictures)):
        pass
    return evaluated(run, trainer.model, pictures)


def evaluated(run: Run, model: Model, pictures: Pictures) -> Finished:
    evaluation = None
    if model.encoder_name is not None and not run.specification.pictures.toy:
        evaluation = evaluate(model, pictures.array, ZOOM)
    return Finished(run, model, pictures, evaluation)


def read(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture, np.float32) / 255


class Page(HTMLParser):
    """The tags of a page, checked to be balanced, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.text += data


def page(run: Run) -> Page:
    return Page((run.folder / REPORT).read_text("utf-8"))


def text(run: Run) -> str:
    """The text of a run's page, with single spaces."""
    return " ".join(page(run).text.split())
