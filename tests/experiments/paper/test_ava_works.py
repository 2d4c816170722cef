"""The measurement of AVA continues after a stop, and its verdicts follow from the numbers."""

import re
from math import nan
from pathlib import Path

import numpy as np
import pytest

from ava_np.errors import AvaError
from ava_np.experiments.paper import ava_works
from ava_np.experiments.paper.ava_works import WAYS, Data, Plan, read_data, run, train
from ava_np.experiments.paper.ava_works_summary import CLAIMS, Group, Key, Reference, Result, findings, group
from tests.command import write_pictures

REAL = Reference(
    data="a", sha256="", training=9, held_out=2, labelled=False, mean_error=0.1, pca_error=0.1, sharpness=0.2
)
TRAININGS = {"models": ("vae", "ava1"), "ways": ("printed", "defaults"), "architectures": ("mlp",), "quick": True}


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of small pictures, and a plan of a few steps on them."""
    monkeypatch.setattr(ava_works, "QUICK", Plan(2))
    return write_pictures(tmp_path / "pictures")


def results(model: str, way: str = "defaults", weight: float = 1.0, **measures: list[float]) -> list[Result]:
    """Return one result for each seed."""
    start = {"data": "a", "architecture": "mlp", "model": model, "way": way, "weight": weight, "ended": "trained"}
    seeds = range(len(next(iter(measures.values()))))
    return [
        Result(**start, seed=i, **{"error": nan} | {name: values[i] for name, values in measures.items()})  # type: ignore[arg-type]
        for i in seeds
    ]


def verdict(measure: str, ava: list[float], vae: list[float]) -> str:
    """Return the verdict on the claim that this measure decides."""
    (claim,) = (one for one in CLAIMS if one.measure == measure)
    groups = group(results("ava1", **{measure: ava}) + results("vae", **{measure: vae}))  # type: ignore[arg-type]
    return claim.verdict(groups[0], groups[1], REAL)


def test_a_claim_holds_only_if_every_seed_is_better() -> None:
    assert verdict("error", [0.1, 0.2], [0.3, 0.4]) == "holds"
    assert verdict("error", [0.3, 0.4], [0.1, 0.2]) == "the opposite"
    assert verdict("error", [0.1, 0.35], [0.3, 0.4]) == "undecided"
    assert verdict("error", [0.1, 0.2], [0.2, 0.4]) == "undecided"


def test_more_recall_is_better_and_the_best_sharpness_is_that_of_real_pictures() -> None:
    assert verdict("recall", [0.8, 0.9], [0.1, 0.2]) == "holds"
    assert verdict("sharpness", [0.19, 0.22], [0.1, 0.12]) == "holds"
    assert verdict("sharpness", [0.9, 0.8], [0.1, 0.12]) == "the opposite"  # noise is sharper than any picture


def test_one_seed_is_said_and_a_missing_measure_gives_no_verdict() -> None:
    assert verdict("error", [0.1], [0.3, 0.4]) == "holds, with one seed"
    assert verdict("frechet_distance", [nan, nan], [nan, nan]) == "not measured"


def test_each_ava_is_compared_with_the_vae_of_its_likelihood() -> None:
    groups = group(
        results("vae", "printed", error=[0.1])
        + results("vae", "defaults", error=[0.2])
        + results("ava1", "non-saturating", error=[0.3])
        + results("ava1", "defaults", error=[0.3])
        + results("ava1", "defaults", weight=5.0, error=[0.3])
        + results("ava1", "paper", error=[0.3])  # there is no VAE with the paper's propagation
    )
    compared = [(one.ava.key.way, one.vae.key.way) for one in findings(groups, {"a": REAL})]
    assert compared == [("non-saturating", "printed"), ("defaults", "defaults")]
    assert "0.3, and 0.1 for the VAE" in findings(groups, {"a": REAL})[0].sentence


def test_a_group_has_the_mean_and_range_over_its_seeds() -> None:
    (one,) = group(results("vae", error=[0.1, 0.2, 0.6]))
    assert isinstance(one, Group)
    assert str(one.spread("error")) == "0.3 (0.1 to 0.6)"
    assert one.spread("error").short == "0.3 ± 0.2"
    assert str(one.spread("recall")) == one.spread("recall").short == ""


def test_a_stopped_experiment_continues_to_the_same_results(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    page = run([pictures], out=whole, jobs=1, **TRAININGS).read_text()  # type: ignore[arg-type]
    trained: list[Key] = []

    def train_until_stopped(sets: dict[str, Data], steps: int, key: Key) -> tuple[Result, dict[str, bytes]]:
        trained.append(key)
        if len(trained) == 3:
            raise KeyboardInterrupt
        return train(sets, steps, key)

    monkeypatch.setattr(ava_works, "train", train_until_stopped)
    with pytest.raises(KeyboardInterrupt):
        run([pictures], out=stopped, jobs=1, **TRAININGS)  # type: ignore[arg-type]
    with (stopped / "results.csv").open("a") as file:
        file.write("0.1,0.2")  # an incomplete line
    run([pictures], out=stopped, jobs=1, **TRAININGS)  # type: ignore[arg-type]
    assert len(trained) == 4 + 1  # only the third is trained again
    for name in ("results.csv", "tables.csv", "report.html", "references.json"):
        assert (stopped / name).read_bytes() == (whole / name).read_bytes()
    assert not re.search(r"<script|https?:|src=\"(?!data:)", page)
    assert "AVA1, exact, printed objective, against VAE, exact, gaussian" in page


def test_results_of_other_pictures_are_refused(pictures: Path, tmp_path: Path) -> None:
    one = {**TRAININGS, "models": ("vae",), "ways": ("printed",)}
    run([pictures], out=tmp_path / "out", jobs=1, **one)  # type: ignore[arg-type]
    (pictures / "1.png").unlink()
    with pytest.raises(AvaError, match="other pictures"):
        run([pictures], out=tmp_path / "out", jobs=1, **one)  # type: ignore[arg-type]
    with pytest.raises(AvaError, match="already used"):
        run([pictures], out=pictures, jobs=1, **one)  # type: ignore[arg-type]


def test_every_way_trains_and_no_held_out_picture_is_trained_on(pictures: Path) -> None:
    data = read_data(pictures)
    assert not any(np.array_equal(one, other) for one in data.held_out for other in data.training)
    for way in WAYS:
        result, _ = train({data.name: data}, 1, Key(data.name, "mlp", "ava1", way, 1.0, 0))
        assert result.ended == "trained"
