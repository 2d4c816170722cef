"""The model card: it says what is there, names no folder of this machine, its code runs, and an edited card stays."""

import re
from pathlib import Path

import pytest

from tests.command import ava, write_pictures

OPTIONS = ("--hidden", "8", "--latent", "2", "--epochs", "2")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run of a VAE on a folder of pictures."""
    folder = tmp_path_factory.mktemp("card")
    write_pictures(folder / "my photos")
    assert ava("train", folder / "my photos", "--model", "vae", *OPTIONS, "--out", folder / "run").code == 0
    return folder / "run"


def test_card_has_the_front_matter_of_the_hub(run: Path) -> None:
    text = (run / "README.md").read_text("utf-8")
    _, front, _ = re.split(r"^---\n", text, maxsplit=2, flags=re.MULTILINE)
    lines = front.splitlines()
    assert lines[:2] == ["library_name: ava-np", "pipeline_tag: unconditional-image-generation"]
    assert lines[-3:] == ["tags:", "- vae", "- autoencoder"]
    assert any(line.startswith("license: ") for line in lines)


def test_card_names_the_data_and_no_folder_of_this_machine(run: Path) -> None:
    text = (run / "README.md").read_text("utf-8")
    assert "`my photos`" in text
    assert "ava train 'my photos' --model vae" in text
    assert str(run.parent) not in text


def test_code_of_the_card_runs_in_the_run_folder(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (run / "README.md").read_text("utf-8"), re.DOTALL)
    monkeypatch.chdir(run)
    names: dict[str, object] = {}
    exec(code, names)
    assert names["again"].shape == names["pictures"].shape  # type: ignore[attr-defined]


def test_cells_of_its_table_have_no_bar_of_their_own(run: Path) -> None:
    rows = [line for line in (run / "README.md").read_text("utf-8").splitlines() if line.startswith("|")]
    assert len(rows) > 4
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {3}


def test_the_same_run_has_the_same_card(run: Path, tmp_path: Path) -> None:
    pictures = run.parent / "my photos"
    assert ava("train", pictures, "--model", "vae", *OPTIONS, "--out", tmp_path / "run").code == 0
    assert (tmp_path / "run" / "README.md").read_bytes() == (run / "README.md").read_bytes()


def test_a_card_is_replaced_until_somebody_edits_it(tmp_path: Path) -> None:
    """By --resume, ``ava report`` and --overwrite."""
    pictures, run = write_pictures(tmp_path / "photos"), tmp_path / "run"
    card = run / "README.md"
    assert ava("train", pictures, *OPTIONS, "--out", run).code == 0
    first = card.read_text("utf-8")
    assert ava("train", "--resume", "--out", run, "--epochs", "3").code == 0
    assert "--epochs 3" in card.read_text("utf-8")
    assert ava("train", pictures, *OPTIONS, "--out", run, "--overwrite").code == 0
    assert card.read_text("utf-8") == first
    mine = first.replace("license: unknown", "license: cc-by-4.0")
    card.write_text(mine, "utf-8")
    assert ava("report", run).code == 0
    assert ava("train", pictures, *OPTIONS, "--out", run, "--overwrite").code == 0
    assert card.read_text("utf-8") == mine


def test_card_of_points_and_of_a_gan(tmp_path: Path) -> None:
    assert ava("train", "toy:ring", "--model", "gan", *OPTIONS, "--out", tmp_path / "run").code == 0
    text = (tmp_path / "run" / "README.md").read_text("utf-8")
    assert "`toy:ring`" in text
    assert "pipeline_tag" not in text
    assert "model.encode" not in text
    assert text.count("- gan\n") == 1
