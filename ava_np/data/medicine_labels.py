"""Draw medicine labels: the built-in pictures, for trying a model without other data.

They look like scanned package labels: a maker's heading, an emblem with the medicine's name, a few lines of small
print, and grainy pastel paper. All names are invented. Nothing is random and no system font is used, so the same count
and size always give the same pictures.
"""

import numpy as np
from PIL import Image

from ava_np.data.drawing import Sheet, rotated_hue
from ava_np.data.medicine_label_designs import Label, draw_label

# Paper, main and second colour; name, substance, strength and form.
STANDARD_LABELS = (
    ("#d1ceed", "#192038", "#28659e", "OSKAVIL", "verodinol", "20 mg", "40 TABLETS"),
    ("#d7f0f5", "#1c2533", "#2270a8", "Hexamere", "hexidrane", "5 mg", "24 TABLETS"),
    ("#d3d7eb", "#84b1f5", "#1f3366", "Bruvessin", "soothing gel", "75 ml", "1 BOTTLE"),
    ("#c3c4e6", "#b8212a", "#fac232", "Mirodelle", "solaxine", "60 g", "OINTMENT"),
    ("#f0eace", "#faee82", "#296b43", "Corthavo", "herb extract", "50 mg", "50 CAPSULES"),
    ("#cad3eb", "#10666b", "#56bfbf", "Veldrasol", "bromalene", "10 mg", "30 TABLETS"),
    ("#d0d1a3", "#e9e1fa", "#802b20", "Fennocal", "fenocaltine", "4 mg", "100 TABLETS"),
    ("#d0d9ad", "#2e853c", "#db425d", "Quillomar", "avetadin", "250 mg", "12 CAPSULES"),
    ("#e0d3b8", "#ffffff", "#99262d", "VELLORINE", "senvarol", "15 ml", "SYRUP"),
    ("#d2e6aa", "#f5dd5d", "#e05b22", "Zephorane B", "vitamin blend", "50 mg", "50 TABLETS"),
)

# Names of further labels combine these: 11 and 13 have no common factor, so a name repeats only after 143 labels.
BEGINNINGS = ("Bel", "Corva", "Dessi", "Fara", "Gilo", "Jura", "Lume", "Thorva", "Pery", "Sorva", "Vesta")
ENDINGS = ("dine", "lisk", "mar", "nex", "phil", "quil", "rane", "lin", "tavo", "vel", "xane", "zine", "mere")


def draw_medicine_labels(count: int = 10, size: tuple[int, int] = (180, 250)) -> np.ndarray:
    """Draw medicine labels, all different; the same arguments always give the same pictures.

    Parameters
    ----------
    count : int
        Number of labels, at least 1. The first ten are the standard ones, whatever the count.
    size : (width, height)
        Size in pixels. The design is made for 180 x 250 and is stretched to other shapes.

    Returns
    -------
    ndarray, (count, height, width, 3) float32
        RGB in [0, 1], in steps of 1/255.

    Raises
    ------
    ValueError
        If ``count`` or a side is less than 1.

    Examples
    --------
    >>> from ava_np.data.medicine_labels import draw_medicine_labels
    >>> labels = draw_medicine_labels(3, size=(36, 50))
    >>> labels.shape, labels.dtype
    ((3, 50, 36, 3), dtype('float32'))
    """
    if count < 1 or min(size) < 1:
        raise ValueError(f"count and sides must be at least 1, not {count} labels of size {size}")
    labels = np.stack([_draw(_label(index), size) for index in range(count)])
    return np.rint(labels * 255).astype(np.float32) / 255  # values that a file of 8 bits can hold


def _label(index: int) -> Label:
    """Return the standard label of this index, or a variation of one with a new name and rotated hues."""
    paper, main, second, name, substance, strength, form = STANDARD_LABELS[index % len(STANDARD_LABELS)]
    if index >= len(STANDARD_LABELS):
        name = BEGINNINGS[index % len(BEGINNINGS)] + ENDINGS[index % len(ENDINGS)]
        strength = f"{5 * (1 + index % 17)} mg"
    turn = index // len(STANDARD_LABELS) * 0.382  # the golden section spreads hues evenly for any number of rounds
    colours = rotated_hue(paper, turn), rotated_hue(main, turn), rotated_hue(second, turn)
    return Label(index, *colours, name, substance, strength, form)


def _draw(label: Label, size: tuple[int, int]) -> np.ndarray:
    """Draw a label, (height, width, 3) in [0, 1]."""
    sheet = Sheet(label.paper)
    draw_label(sheet, label)
    drawn = np.asarray(sheet.image.resize(size, Image.Resampling.LANCZOS), np.float32) / 255
    return np.clip(drawn * _scan_texture(label.index, size), 0, 1)


def _scan_texture(index: int, size: tuple[int, int]) -> np.ndarray:
    """Return factors about 1, (height, width, 3): uneven lighting times noise in each pixel, as in a scan."""
    row, column = np.indices(size[::-1], np.uint32)
    y, x = row / size[1], column / size[0]
    phase = 1.7 * index
    light = 0.97 + 0.03 * np.sin(3.1 * x + phase) * np.cos(2.3 * y - phase)
    light += 0.02 * np.sin(9 * x - 7 * y + phase)
    # An integer hash of position and label, because a random generator may change between versions of NumPy.
    channels = []
    for channel in range(3):
        bits = column * np.uint32(374761393) + row * np.uint32(668265263) + np.uint32(97 * index + channel)
        bits = (bits ^ (bits >> np.uint32(13))) * np.uint32(1274126177)
        bits = (bits ^ (bits >> np.uint32(16))) * np.uint32(2246822519)
        channels.append((bits ^ (bits >> np.uint32(15))) / 2**32 - 0.5)
    grain = np.stack(channels, axis=-1)
    grain = 0.5 * grain + 0.5 * grain.mean(axis=-1, keepdims=True)
    return (light[..., None] * (1 + 0.10 * grain)).astype(np.float32)
