"""The medicine labels are always the same, all different, of any size, and need only Pillow."""

import numpy as np
import pytest
from PIL import Image, ImageFont
from PIL._util import DeferredError

from ava_np.data.medicine_labels import draw_medicine_labels


def test_the_standard_labels_are_ten_rgb_pictures_of_8_bits() -> None:
    labels = draw_medicine_labels()
    assert labels.shape == (10, 250, 180, 3)
    assert labels.dtype == np.float32
    assert labels.min() >= 0
    assert labels.max() <= 1
    np.testing.assert_array_equal(np.rint(labels * 255) / np.float32(255), labels)  # as read from files of 8 bits


def test_a_label_does_not_depend_on_the_count() -> None:
    first = draw_medicine_labels(3, (60, 80))
    np.testing.assert_array_equal(first, draw_medicine_labels(3, (60, 80)))
    np.testing.assert_array_equal(first, draw_medicine_labels(12, (60, 80))[:3])


def test_labels_have_light_paper_dark_print_and_strong_colours() -> None:
    labels = draw_medicine_labels()
    assert (labels.reshape(10, -1).mean(axis=1) > 0.6).all()  # light paper
    assert (labels.std(axis=(1, 2, 3)) > 0.1).all()  # with dark print
    assert (np.ptp(labels, axis=-1).max(axis=(1, 2)) > 0.4).all()  # and strong colours
    heading = labels[:, 14:34, 20:160].mean(axis=-1)
    paper = labels[:, 62:68, 20:160].mean(axis=-1)
    assert (heading.min(axis=(1, 2)) + 0.25 < paper.min(axis=(1, 2))).all()


def test_labels_differ_by_more_than_grain() -> None:
    labels = draw_medicine_labels(45, (45, 63))
    for index, label in enumerate(labels):
        distances = np.abs(labels[index + 1 :] - label).mean(axis=(1, 2, 3))
        assert (distances > 0.015).all()
    paper = labels[::10, :3].mean(axis=(1, 2))  # the same design in each round, on paper of another colour
    assert all(np.abs(paper[after] - paper[before]).max() > 0.05 for after in range(5) for before in range(after))


@pytest.mark.parametrize("size", [(16, 16), (100, 64), (33, 70), (360, 500)])
def test_labels_can_have_any_size(size: tuple[int, int]) -> None:
    labels = draw_medicine_labels(4, size)
    assert labels.shape == (4, size[1], size[0], 3)
    assert len({label.tobytes() for label in labels}) == 4


def test_the_design_does_not_depend_on_the_size() -> None:
    (large,), (small,) = draw_medicine_labels(1, (180, 250)), draw_medicine_labels(1, (90, 125))
    halved = large.reshape(125, 2, 90, 2, 3).mean(axis=(1, 3))
    assert np.abs(halved - small).mean() < 0.03


def test_labels_can_be_drawn_without_freetype(monkeypatch: pytest.MonkeyPatch) -> None:
    with_freetype = draw_medicine_labels()
    monkeypatch.setattr(ImageFont, "core", DeferredError.new(ImportError("no FreeType")))
    with pytest.raises(ImportError):
        ImageFont.load_default(20)
    without = draw_medicine_labels()
    assert without.shape == with_freetype.shape
    changed = np.abs(without - with_freetype).max(axis=-1) > 0.2
    shares = changed.mean(axis=(1, 2))
    assert (shares > 0.01).all()  # the letters differ
    assert (shares < 0.25).all()  # the rest does not


def test_no_font_and_no_picture_file_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError("a picture or a font was read from a file")

    monkeypatch.setattr("builtins.open", refuse)
    monkeypatch.setattr(Image, "open", refuse)
    draw_medicine_labels(10, (30, 40))


@pytest.mark.parametrize(("count", "size"), [(0, (10, 10)), (-1, (10, 10)), (1, (0, 10)), (1, (10, 0))])
def test_a_count_or_a_side_below_1_is_refused(count: int, size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        draw_medicine_labels(count, size)
