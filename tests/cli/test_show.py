"""``ava sample``, ``reconstruct``, ``encode`` and ``interpolate``: their output for pictures and for toy points."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import ava_np
from ava_np.data.folder import load_pictures
from ava_np.data.zoom import zoom_out
from ava_np.report.charts import DOTS_PER_INCH, WIDTH
from tests.command import SMALL, ava, write_pictures
from tests.idx_files import digits, idx_bytes
from tests.results import ZOOM, picture, ran, refused


def test_sample_draws_a_grid(place: Path) -> None:
    assert ran("sample", "run", "--count", 6).strip() == str(Path("run", "samples-6.png"))
    assert picture(place / "run" / "samples-6.png").shape == (2 + 2 * (9 + 2), 2 + 3 * (12 + 2), 3)


def test_samples_depend_only_on_the_seed(place: Path) -> None:
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        ran("sample", "run", "--count", 4, "--seed", seed, "--out", f"{name}.png")
    a, b, c = ((place / f"{name}.png").read_bytes() for name in "abc")
    assert a == b != c


def test_samples_without_a_seed_differ_and_can_be_repeated(place: Path) -> None:
    first, second = (ava("sample", "run", "--count", 4, "--out", f"{name}.png") for name in "ab")
    assert (place / "a.png").read_bytes() != (place / "b.png").read_bytes()
    assert first.err.startswith("drawn with --seed ")
    ran("sample", "run", "--count", 4, "--seed", first.err.split()[-1], "--out", "c.png")
    assert (place / "a.png").read_bytes() == (place / "c.png").read_bytes()
    assert second.code == 0


def test_samples_in_separate_files_are_those_of_the_grid(place: Path) -> None:
    ran("sample", "run", "--count", 4, "--seed", 1, "--out", "grid.png")
    assert ran("sample", "run", "--count", 4, "--seed", 1, "--separate", "new/samples").strip() == "new/samples"
    files = [place / "new" / "samples" / f"{number}.png" for number in range(1, 5)]
    assert sorted((place / "new" / "samples").iterdir()) == files
    sheet = picture(place / "grid.png")
    cells = [sheet[top : top + 9, left : left + 12] for top in (2, 13) for left in (2, 16)]
    np.testing.assert_array_equal([picture(path) for path in files], cells)


def test_separate_files_are_refused_where_they_do_not_belong(place: Path) -> None:
    (place / "used").mkdir()
    (place / "used" / "1.png").touch()
    (place / "file").touch()
    for name in ("used", "file"):
        expected = f"Error: {name} is already in use: choose another --separate, or empty it"
        assert refused("sample", "run", "--separate", name) == expected
    assert "file/new" in refused("sample", "run", "--seed", 1, "--separate", "file/new")
    assert "not both" in refused("sample", "run", "--separate", "new", "--out", "grid.png")
    assert "leave it out" in refused("sample", "toy", "--separate", "new")
    assert not (place / "new").exists()


def test_samples_are_the_decoded_codes(place: Path) -> None:
    ran("sample", "run", "--count", 1, "--seed", 3, "--out", "one.png")
    expected = ava_np.load("run").sample(1, np.random.default_rng((3, 4)))[0]
    np.testing.assert_array_equal(picture(place / "one.png")[2:-2:ZOOM, 2:-2:ZOOM], np.rint(255 * expected))


def reconstructions(photos: Path) -> tuple[np.ndarray, np.ndarray]:
    """The zoomed-out pictures and their reconstructions, in 0 to 255."""
    small = zoom_out(load_pictures(photos, zoom=ZOOM).array, ZOOM)
    decoded = np.rint(255 * ava_np.load("run").reconstruct(small))
    assert len(np.unique(decoded, axis=0)) == len(decoded)
    return np.rint(255 * small), decoded


def cells(sheet: np.ndarray) -> Iterator[np.ndarray]:
    """The pictures of a sheet, zoomed out."""
    for top in range(2, len(sheet) - 2, 11):
        for left in range(2, sheet.shape[1] - 2, 14):
            yield sheet[top : top + 9 : ZOOM, left : left + 12 : ZOOM]


def test_reconstruct_draws_originals_above_reconstructions(place: Path, photos: Path) -> None:
    assert ran("reconstruct", "run", "--count", 4).strip() == str(Path("run", "reconstructions-4.png"))
    originals, decoded = reconstructions(photos)
    found = np.stack(list(cells(picture(place / "run" / "reconstructions-4.png"))))
    np.testing.assert_array_equal(found, np.concatenate([originals[:4], decoded[:4]]))


def test_reconstruct_draws_at_most_all_pictures(place: Path) -> None:
    assert ran("reconstruct", "run", "--count", 100).strip() == str(Path("run", "reconstructions-6.png"))


def test_interpolation_begins_and_ends_with_two_reconstructions(place: Path, photos: Path) -> None:
    _, decoded = reconstructions(photos)
    assert ran("interpolate", "run").strip() == str(Path("run", "interpolation.png"))
    found = np.stack(list(cells(picture(place / "run" / "interpolation.png"))))
    assert len(found) == 9
    np.testing.assert_array_equal(found[[0, -1]], decoded[[0, -1]])

    ran("interpolate", "run", "--from", "4.png", "--to", "2.png", "--steps", 3, "--out", "strip.png")
    found = np.stack(list(cells(picture(place / "strip.png"))))
    np.testing.assert_array_equal(found[[0, -1]], decoded[[3, 1]])
    assert len(found) == 3


def test_interpolation_takes_any_picture_file(place: Path, photos: Path, tmp_path: Path) -> None:
    _, decoded = reconstructions(photos)
    other = write_pictures(tmp_path / "other", 1, (30, 20), seed=5) / "1.png"
    other = other.rename(place / "other.png")
    small = zoom_out(load_pictures(other, size=(12, 9), zoom=ZOOM).array, ZOOM)
    expected = np.rint(255 * ava_np.load("run").reconstruct(small))[0]
    for ends, options in (
        ((decoded[1], expected), ("--from", "2.png", "--to", other)),
        ((expected, decoded[-1]), ("--from", "other.png")),
        ((decoded[2], expected), ("--from", photos / "3.png", "--to", other)),
    ):
        ran("interpolate", "run", *options, "--steps", 3, "--out", "strip.png")
        found = np.stack(list(cells(picture(place / "strip.png"))))
        np.testing.assert_array_equal(found[[0, -1]], ends)


def test_two_files_need_no_pictures_of_the_run(place: Path, tmp_path: Path) -> None:
    photos = write_pictures(tmp_path / "gone", seed=3)
    ran("train", photos, *SMALL, "--out", "orphan")
    photos.rename(place / "moved")
    ran("interpolate", "orphan", "--from", "moved/1.png", "--to", "moved/2.png")
    assert "no longer in" in refused("interpolate", "orphan", "--from", "moved/1.png")


def test_files_that_are_no_picture_are_refused(place: Path) -> None:
    (place / "text.png").write_text("no picture")
    (place / "digits").write_bytes(idx_bytes(digits()))
    assert "text.png" in refused("interpolate", "run", "--from", "text.png", "--to", "text.png")
    assert "give the file of one" in refused("interpolate", "run", "--from", "digits")
    expected = "there is no picture and no file 'none.png'; the first picture is '1.png'"
    assert expected in refused("interpolate", "run", "--to", "none.png")
    assert "no picture and no file" in refused("interpolate", "toy", "--to", "text.png")


def test_encode_writes_the_same_codes_everywhere(place: Path, photos: Path) -> None:
    text = ran("encode", "run")
    assert ran("encode", "run", "--out", "codes.csv").strip() == "codes.csv"
    assert ran("encode", "run", "--out", "codes.npy").strip() == "codes.npy"
    assert (place / "codes.csv").read_text() == text
    codes = np.load(place / "codes.npy")
    lines = [line.split(",") for line in text.splitlines()]
    assert lines[0] == ["picture", "z1", "z2"]
    assert [line[0] for line in lines[1:]] == [f"{number}.png" for number in range(1, 7)]
    np.testing.assert_array_equal(np.array([line[1:] for line in lines[1:]], np.float32), codes)
    small = zoom_out(load_pictures(photos, zoom=ZOOM).array, ZOOM)
    np.testing.assert_array_equal(codes, ava_np.load("run").encode(small))


def test_encoding_in_chunks_gives_the_same_codes(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    ran("encode", "run", "--out", "whole.npy")
    monkeypatch.setattr("ava_np.cli.show.CHUNK", 4)
    ran("encode", "run", "--out", "parts.npy")
    np.testing.assert_allclose(np.load(place / "parts.npy"), np.load(place / "whole.npy"), rtol=1e-5)


@pytest.mark.parametrize("command", ["reconstruct", "encode"])
def test_model_without_an_encoder_is_refused_before_pictures_are_read(place: Path, command: str) -> None:
    for folder in ((), ("no-pictures",)):
        assert refused(command, "gan", *folder).startswith("Error: gan has no encoder")


def test_model_without_an_encoder_interpolates_between_codes_of_its_prior(place: Path) -> None:
    ran("interpolate", "gan", "--seed", 3, "--steps", 5, "--out", "walk.png")
    found = np.stack(list(cells(picture(place / "walk.png"))))
    assert len(found) == 5
    model = ava_np.load("gan")
    ends = model.decode(model.prior(np.random.default_rng((3, 4)), 2))
    np.testing.assert_array_equal(found[[0, -1]], np.rint(255 * ends))
    ran("interpolate", "gan", "--steps", 5, "--out", "first.png")
    ran("interpolate", "gan", "--seed", 0, "--steps", 5, "--out", "zero.png")
    assert (place / "first.png").read_bytes() == (place / "zero.png").read_bytes()
    assert (place / "first.png").read_bytes() != (place / "walk.png").read_bytes()


def test_interpolate_refuses_options_that_the_model_cannot_use(place: Path, photos: Path) -> None:
    assert "leave out --from" in refused("interpolate", "gan", "--from", "1.png")
    assert "leave out --to" in refused("interpolate", "gan", "--to", "1.png")
    assert "leave out FOLDER" in refused("interpolate", "gan", photos)
    assert "not --seed" in refused("interpolate", "run", "--seed", 1)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (("sample", "toy"), "samples-1000.png"),
        (("sample", "line", "--count", 20), "samples-20.png"),
        (("reconstruct", "toy"), "reconstructions-100.png"),
        (("reconstruct", "toy", "--count", 7), "reconstructions-7.png"),
        (("interpolate", "toy"), "interpolation.png"),
        (("interpolate", "line"), "interpolation.png"),
    ],
)
def test_toy_points_are_drawn_in_a_chart(place: Path, arguments: tuple[object, ...], name: str) -> None:
    path = Path(str(arguments[1]), name)
    assert ran(*arguments).strip() == str(path)
    assert picture(path).shape[1] == WIDTH * DOTS_PER_INCH


def test_chart_contains_the_samples(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    seen = []

    def chart(data: np.ndarray, points: np.ndarray, label: str) -> None:
        seen.append((len(data), points.copy(), label))

    monkeypatch.setattr("ava_np.report.charts.toy_points", chart)
    monkeypatch.setattr("ava_np.report.charts.to_png", lambda figure: b"")
    ran("sample", "toy", "--count", 30, "--seed", 2)
    ((data, points, label),) = seen
    assert (data, label) == (100, "samples")
    np.testing.assert_array_equal(points, ava_np.load("toy").sample(30, np.random.default_rng((2, 4))))


def test_toy_points_can_be_encoded(place: Path) -> None:
    lines = ran("encode", "toy").splitlines()
    assert lines[0] == "picture,z1,z2"
    assert len(lines) == 101


def test_samples_come_from_the_prior_of_the_model(place: Path, photos: Path) -> None:
    ran("train", photos, *SMALL, "--model", "aae", "--prior", "gamma", "--out", "gamma")
    ran("sample", "gamma", "--count", 1, "--seed", 3, "--out", "one.png")
    model = ava_np.load("gamma")
    expected = model.decode(np.random.default_rng((3, 4)).gamma(2.0, 1.0, (1, 2)))[0]
    np.testing.assert_array_equal(picture(place / "one.png")[2:-2, 2:-2], np.rint(255 * expected))
    assert "N(0, I)" not in ran("sample", "--help")


def test_run_can_be_used_without_its_pictures(place: Path, tmp_path: Path) -> None:
    photos = write_pictures(tmp_path / "photos", seed=3)
    ran("train", photos, *SMALL, "--out", "orphan")
    photos.rename(tmp_path / "moved")
    ran("sample", "orphan")
    ran("info", "orphan")
    for command in ("evaluate", "reconstruct", "encode", "interpolate"):
        expected = f"Error: the pictures of orphan are no longer in {photos}: name the folder where they are now"
        assert refused(command, "orphan") == expected
        ran(command, "orphan", "moved")
