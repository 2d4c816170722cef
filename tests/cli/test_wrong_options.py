"""Wrong options and arguments: refused with exit code 2, by name, before anything is read or written."""

from pathlib import Path

import pytest

from tests.cli.refusals import USAGE, refused


@pytest.mark.parametrize(
    "arguments",
    [
        ("--model", "pix2pix"),
        ("--architecture", "resnet"),
        ("--architecture", "missing.json"),
        ("--architecture", "list.json"),
        ("--prior", "cauchy"),
        ("--likelihood", "poisson"),
        ("--propagation", "both"),
        ("--optimiser", "newton"),
        ("--schedule", "wild"),
        ("--clip", "-1"),
        ("--weight-decay", "nan"),
        ("--validation", "1"),
        ("--test", "-0.1"),
        ("--smoothing", "1"),
        ("--shift", "-1"),
        ("--limit", "0"),
        ("--gamma", "2"),  # of vaegan, and the model is ava5
        ("--adversarial-weight", "2", "--model", "ava3"),
        ("--likelihood", "calibrated", "--model", "ae"),
        ("--beta", "2", "--propagation", "paper"),  # which is as printed
        ("--likelihood", "calibrated", "--model", "vae", "--propagation", "paper"),
        ("--validation", "0.5", "--model", "gan"),
        ("--momentum", "0.5", "--optimiser", "sgd"),
        ("--reduction", "max"),
        ("--latent", "0"),
        ("--latent", "-3"),
        ("--latent", "2.5"),
        ("--latent", "9" * 30),
        ("--hidden", ""),
        ("--hidden", "8,"),
        ("--hidden", "8,-1"),
        ("--hidden", "8,0"),
        ("--hidden", "eight"),
        ("--hidden", "8;4"),
        ("--hidden", "²"),
        ("--hidden", "9" * 30),
        ("--hidden", "9" * 5000),
        ("--size", "0"),
        ("--size", "-12"),
        ("--size", "12x"),
        ("--size", "0x9"),
        ("--size", "-1x9"),
        ("--size", "1.5x9"),
        ("--size", "1x2x3"),
        ("--size", "9" * 30 + "x9"),
        ("--fit", "squeeze"),
        ("--zoom", "0"),
        ("--zoom", "9" * 30),
        ("--shift", str(2**63)),
        ("--seed", str(2**63)),
        ("--beta", "1e300"),
        ("--clip", "1e10"),
        ("--epochs", "0"),
        ("--epochs", "9" * 30),
        ("--batch-size", "0"),
        ("--batch-size", "many"),
        ("--lr", "0"),
        ("--lr", "-0.1"),
        ("--lr", "1.1"),
        ("--lr", "nan"),
        ("--lr", "inf"),
        ("--lr", "fast"),
        ("--seed", "-1"),
        ("--momentum", "1"),
        ("--ema", "1"),
        ("--ema", "-0.1"),
        ("--augment", "blur", "--model", "gan"),
        ("--augment", "none,colour", "--model", "gan"),
        ("--augment", "", "--model", "gan"),
        ("--augment", "cutout"),  # of gan, dcgan and bigan, and the model is ava5
        ("--nesterov", "0.9"),
        ("--epochs",),
        ("another", "folder"),
    ],
)
def test_invalid_options_of_train_are_named(workspace: Path, arguments: tuple[str, ...]) -> None:
    word = arguments[0] if arguments[0].startswith("--") else "folder"
    refused(workspace, ("train", "photos", *arguments), USAGE, word)


@pytest.mark.parametrize(
    ("option", "word"),
    [
        (("--fit", "pad"), "--fit"),
        (("--flip",), "--flip"),
        (("--shift", "1"), "--shift"),
        (("--model", "dcgan"), "mlp"),
    ],
)
def test_options_that_toy_points_do_not_have_are_refused(workspace: Path, option: tuple[str, ...], word: str) -> None:
    refused(workspace, ("train", "toy:ring", *option), USAGE, word)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--resume",), ("--out",)),
        (("--resume", "--out", "run", "--size", "9"), ("--size",)),
        (("--resume", "--out", "run", "--batch-size", "4"), ("--batch-size",)),
        (("--resume", "--out", "run", "--overwrite"), ("--overwrite",)),
    ],
)
def test_resume_refuses_options_that_the_run_has_already(
    workspace: Path, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    refused(workspace, ("train", *arguments), USAGE, *words)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("paint",), ("paint",)),
        (("--colour",), ("--colour",)),
        (("sample",), ("RUN",)),
        (("sample", "run", "--count", "0"), ("--count",)),
        (("sample", "run", "--count", "9" * 30), ("--count",)),
        (("sample", "run", "--seed", "-1"), ("--seed",)),
        (("sample", "run", "--out", "grid.jpg"), ("--out", "grid.jpg", ".png")),
        (("reconstruct", "run", "--count", "0"), ("--count",)),
        (("reconstruct", "run", "--out", "grid"), ("--out", ".png")),
        (("interpolate", "run", "--steps", "1"), ("--steps",)),
        (("interpolate", "run", "--steps", "9" * 30), ("--steps",)),
        (("interpolate", "run", "--from", "9.png"), ("--from", "9.png", "1.png")),
        (("interpolate", "run", "--to", ""), ("--to", "1.png")),
        (("encode", "run", "--out", "codes.xls"), ("codes.xls", ".csv", ".npy")),
        (("gradcheck", "--model", "pix2pix"), ("--model", "pix2pix")),
        (("gradcheck", "--propagation", "both"), ("--propagation", "both")),
        (("evaluate", "run", "photos", "photos"), ("photos",)),
        (("experiment", "figures"), ("figures",)),
        (("experiment", "ava-tables", "--jobs", "9" * 30), ("--jobs",)),
        (("bench", "--repeats", "9" * 30), ("--repeats",)),
        (("bench", "gem"), ("did you mean 'gemm'?",)),
    ],
)
def test_invalid_arguments_of_other_commands_are_named(
    workspace: Path, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    refused(workspace, arguments, USAGE, *words)


@pytest.mark.parametrize(
    ("option", "word", "meant"),
    [
        ("--model", "AVE5", "ava5"),
        ("--optimiser", "Adem", "adam"),
        ("--architecture", "CONV", "conv64"),
        ("--prior", "swissroll", "swiss-roll"),
        ("--schedule", "cosin", "cosine"),
        ("--augment", "color", "colour"),
    ],
)
def test_word_that_was_probably_meant_is_named(workspace: Path, option: str, word: str, meant: str) -> None:
    refused(workspace, ("train", option, word), USAGE, option, f"{word!r}", f"did you mean {meant!r}? Choose one of")


def test_deep_architecture_is_refused(workspace: Path) -> None:
    (workspace / "deep.json").write_text('{"encoder": ' + 5000 * "[" + 5000 * "]" + "}")
    (workspace / "deeper.json").write_text('{"encoder": [{"layer": ' + 5000 * "[" + 5000 * "]" + "}]}")
    for name in ("deep.json", "deeper.json"):
        refused(workspace, ("train", "photos", "--architecture", name), USAGE, name)


def test_option_that_a_model_does_not_have_is_named_with_those_that_it_has(workspace: Path) -> None:
    refused(workspace, ("train", "--gamma", "2"), USAGE, "--gamma", "ava5 has no option", "propagation")
