"""Ten (or more) drawn medicine labels: pictures to try a model on where no picture is at hand.

They have the character of scanned package labels (a maker's heading, an emblem with the medicine's name, a
few lines of small print, grainy pastel paper), but every name is invented. Nothing is random and no font
of the system is used, so that a count and a size always give the same pictures.
"""

import colorsys
import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

Point = tuple[float, float]
Box = tuple[float, float, float, float]
Ink = tuple[int, int, int]

# Labels are laid out in units of 1/180 of the width and 1/250 of the height, and drawn 4 pixels to a unit.
WIDTH, HEIGHT, SCALE = 180, 250, 4

WHITE, BLACK, GREY = (255, 255, 255), (28, 26, 30), (84, 82, 88)

# Paper, main and second colour; name, substance, strength and form.
STANDARD = (
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

# Names beyond the ten are made of these: 11 and 13 have no common factor, so 143 pass before one returns.
BEGINNINGS = ("Bel", "Corva", "Dessi", "Fara", "Gilo", "Jura", "Lume", "Thorva", "Pery", "Sorva", "Vesta")
ENDINGS = ("dine", "lisk", "mar", "nex", "phil", "quil", "rane", "lin", "tavo", "vel", "xane", "zine", "mere")

MAKERS = (
    ("HOLLOWMERE PHARMA", "12 - 14 ALDER QUAY, EAST WARD", "PORT HOLLOWMERE - FENLAND"),
    ("LINDENHAVEN LABS", "7 OLD MILL ROAD, LINDENHAVEN", "TELEPHONE 857 300"),
    ("ASHGROVE REMEDIES", "36 CHAPEL STREET, ASHGROVE", "NORTH RIDING - TEL. 320 94"),
)


def draw_labels(count: int = 10, size: tuple[int, int] = (180, 250)) -> np.ndarray:
    """Draw medicine labels, all different; the same for the same arguments.

    Parameters
    ----------
    count : int
        How many, at least 1; the first ten are the standard ones, whatever the count.
    size : (width, height)
        In pixels; the design is made for 180 x 250 and stretched to other shapes.

    Returns
    -------
    (count, height, width, 3) float32
        RGB in [0, 1], in steps of 1/255.

    Raises
    ------
    ValueError
        `count` or a side is less than 1.
    """
    if count < 1 or min(size) < 1:
        raise ValueError(f"count and sides must be at least 1, not {count} labels of size {size}")
    labels = np.stack([_draw(_label(index), size) for index in range(count)])
    return np.rint(labels * 255).astype(np.float32) / 255  # the values that a picture read from a file has


@dataclass(frozen=True)
class _Label:
    index: int
    paper: Ink
    main: Ink
    second: Ink
    name: str
    substance: str
    strength: str
    form: str


def _label(index: int) -> _Label:
    """Choose the standard label of this index, or a variation on one with a new name and turned hues."""
    paper, main, second, name, substance, strength, form = STANDARD[index % len(STANDARD)]
    if index >= len(STANDARD):
        name = BEGINNINGS[index % len(BEGINNINGS)] + ENDINGS[index % len(ENDINGS)]
        strength = f"{5 * (1 + index % 17)} mg"
    turn = index // len(STANDARD) * 0.382  # the golden section spreads hues evenly, however many rounds
    inks = _ink(paper, turn), _ink(main, turn), _ink(second, turn)
    return _Label(index, *inks, name, substance, strength, form)


def _ink(colour: str, turn: float = 0) -> Ink:
    """Red, green and blue, 0 to 255, of a colour whose hue is turned by a part of the circle."""
    hue, saturation, value = colorsys.rgb_to_hsv(*ImageColor.getrgb(colour)[:3])
    red, green, blue = colorsys.hsv_to_rgb((hue + turn) % 1, saturation, value)
    return round(red), round(green), round(blue)


class _Sheet:
    """A coloured sheet to draw on, in the units of the layout."""

    def __init__(self, paper: Ink) -> None:
        self.image = Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE), paper)
        self.pen = ImageDraw.Draw(self.image)

    def box(self, box: Box, fill: Ink | None, *, edge: Ink | None = None, line: float = 1, corner: float = 0) -> None:
        self.pen.rounded_rectangle(_scaled(box), corner * SCALE, fill, edge, round(line * SCALE))

    def ellipse(self, box: Box, fill: Ink | None, *, edge: Ink | None = None, line: float = 1) -> None:
        self.pen.ellipse(_scaled(box), fill, edge, round(line * SCALE))

    def half_disc(self, box: Box, fill: Ink) -> None:
        self.pen.pieslice(_scaled(box), 180, 360, fill)

    def polygon(self, points: list[Point], fill: Ink) -> None:
        self.pen.polygon([(x * SCALE, y * SCALE) for x, y in points], fill)

    def text(self, text: str, box: Box, ink: Ink, *, bold: bool = False, align: float = 0.5) -> None:
        """Letter a text as high as the box, at its natural width or, if that is too much, condensed to fit.

        `align` is 0 for the left, 0.5 for the middle, 1 for the right.
        """
        mask = _lettering(text, bold)
        left, top, right, bottom = (round(edge) for edge in _scaled(box))
        width = min(right - left, round(mask.width * (bottom - top) / mask.height))
        mask = mask.resize((width, bottom - top), Image.Resampling.BICUBIC)
        self.pen.bitmap((left + round((right - left - width) * align), top), mask, ink)


def _scaled(box: Box) -> Box:
    left, top, right, bottom = box
    return left * SCALE, top * SCALE, right * SCALE, bottom * SCALE


def _lettering(text: str, bold: bool) -> Image.Image:
    """Mode L mask of a text, cropped to its ink."""
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont
    try:
        font = ImageFont.load_default(64)
    except ImportError:  # a Pillow without FreeType has one small bitmap font
        font = ImageFont.load_default()
    right, bottom = font.getbbox(text)[2:]
    mask = Image.new("L", (math.ceil(right) + 8, math.ceil(bottom) + 8))
    ImageDraw.Draw(mask).text((4, 4), text, 255, font)
    if bold and mask.height > 32:
        mask = _thickened(mask)
    return mask.crop(mask.getbbox())


def _thickened(mask: Image.Image) -> Image.Image:
    """Each pixel as bright as the brightest of the 5 x 5 around it; no ink is within 2 pixels of the edge."""
    ink = np.asarray(mask)
    for axis in (0, 1):
        ink = np.maximum.reduce([np.roll(ink, shift, axis) for shift in range(-2, 3)])
    return Image.fromarray(ink)


def _draw(label: _Label, size: tuple[int, int]) -> np.ndarray:
    sheet = _Sheet(label.paper)
    _heading(sheet, label)
    EMBLEMS[label.index % len(EMBLEMS)](sheet, label)
    _small_print(sheet, label)
    EXTRAS[label.index % len(EXTRAS)](sheet, label)
    drawn = np.asarray(sheet.image.resize(size, Image.Resampling.LANCZOS), np.float32) / 255
    return np.clip(drawn * _texture(label.index, size), 0, 1)


def _texture(index: int, size: tuple[int, int]) -> np.ndarray:
    """Light and grain of a scan, (height, width, 3), about 1: uneven lighting times noise in each pixel."""
    row, column = np.indices(size[::-1], np.uint32)
    y, x = row / size[1], column / size[0]
    phase = 1.7 * index
    light = 0.97 + 0.03 * np.sin(3.1 * x + phase) * np.cos(2.3 * y - phase)
    light += 0.02 * np.sin(9 * x - 7 * y + phase)
    # An integer hash of place and label: its numbers depend on no version of a random generator.
    channels = []
    for channel in range(3):
        bits = column * np.uint32(374761393) + row * np.uint32(668265263) + np.uint32(97 * index + channel)
        bits = (bits ^ (bits >> np.uint32(13))) * np.uint32(1274126177)
        bits = (bits ^ (bits >> np.uint32(16))) * np.uint32(2246822519)
        channels.append((bits ^ (bits >> np.uint32(15))) / 2**32 - 0.5)
    grain = np.stack(channels, axis=-1)
    grain = 0.5 * grain + 0.5 * grain.mean(axis=-1, keepdims=True)
    return (light[..., None] * (1 + 0.10 * grain)).astype(np.float32)


def _heading(sheet: _Sheet, label: _Label) -> None:
    maker, street, town = MAKERS[label.index % len(MAKERS)]
    blue = _ink("#225399", 0.03 * (label.index % 3))
    sheet.text(maker, (14, 14, 166, 34), blue, bold=True)
    sheet.text(street, (15, 42, 165, 48), GREY, align=0)
    sheet.text(town, (15, 53, 165, 59), GREY, align=0)


def _small_print(sheet: _Sheet, label: _Label) -> None:
    index = label.index
    expiry = f"EXPIRY: {1 + index % 12:02d}/{2031 + index % 5}"
    lines = (f"REGISTRATION: {27583 + 541 * index}", expiry, label.form)
    for line, text in enumerate(lines):
        top = 200 + 13 * line
        sheet.ellipse((16, top + 4, 18, top + 6), BLACK)
        sheet.text(text, (22, top, 120, top + 6.5), BLACK, bold=True, align=0)


def _oval(sheet: _Sheet, label: _Label) -> None:
    sheet.ellipse((18, 96, 162, 156), label.main)
    sheet.ellipse((22, 99, 158, 153), None, edge=label.paper, line=1)
    sheet.text(label.name, (36, 114, 144, 132), WHITE, bold=True)
    sheet.text(label.strength, (60, 137, 120, 145), label.paper)


def _hexagon(sheet: _Sheet, label: _Label) -> None:
    for radius, ink in ((42, label.main), (38, WHITE), (35, label.main)):
        sheet.polygon([_around((90, 113), radius, k / 6) for k in range(6)], ink)
    sheet.text(label.name[0].upper(), (70, 94, 110, 132), WHITE, bold=True)
    sheet.text(label.name, (30, 163, 150, 181), label.second, bold=True)


def _plate(sheet: _Sheet, label: _Label) -> None:
    sheet.box((8, 100, 172, 148), label.main)
    sheet.box((8, 148, 172, 151), label.second)
    sheet.text(label.name, (30, 105, 150, 126), label.second, bold=True)
    sheet.text(label.strength, (16, 134, 60, 143), label.second, bold=True, align=0)
    sheet.text(label.substance, (75, 134, 164, 143), WHITE, align=1)


def _sun(sheet: _Sheet, label: _Label) -> None:
    sheet.box((10, 92, 170, 150), label.main)
    for ray in range(13):
        turn = (ray - 6) / 24
        ends = [_around((90, 150), 4, turn + quarter) for quarter in (-0.25, 0.25)]
        sheet.polygon([*ends, _around((90, 150), 42, turn)], label.second)
    sheet.half_disc((68, 128, 112, 172), label.second)
    sheet.box((10, 150, 170, 156), WHITE)
    sheet.box((10, 156, 170, 160), label.main)
    sheet.box((10, 162, 170, 165), label.second)
    sheet.text(label.name, (28, 97, 152, 117), WHITE, bold=True)
    sheet.text(label.strength, (76, 138, 104, 147), label.main, bold=True)
    for line in range(5):
        sheet.box((16, 124 + 5 * line, 38 + 3 * (line % 2), 125.5 + 5 * line), WHITE)
        sheet.box((140 - 2 * (line % 2), 124 + 5 * line, 164, 125.5 + 5 * line), WHITE)


def _leaves(sheet: _Sheet, label: _Label) -> None:
    sheet.box((10, 84, 170, 176), label.main)
    for side in (-1, 1):
        root = (90 + side * 76, 174)
        for turn in (0.01, 0.08, 0.145, 0.21):
            left, tip, right = (
                _around(root, length, -side * (turn + lean)) for length, lean in ((20, -0.03), (40, 0), (20, 0.03))
            )
            sheet.polygon([root, left, tip, right], label.second)
    sheet.box((10, 84, 170, 106), label.second)
    sheet.ellipse((16, 86, 34, 104), WHITE)
    sheet.text(label.form.split()[0], (19, 91, 31, 99), label.second, bold=True)
    sheet.text(label.form.split()[-1], (42, 90, 160, 100), WHITE, bold=True, align=0)
    sheet.text(label.name, (24, 112, 156, 134), (190, 44, 40), bold=True)
    sheet.box((52, 147, 128, 163), WHITE, edge=(190, 44, 40), corner=8)
    sheet.text(label.substance, (60, 151, 120, 160), (190, 44, 40))


def _block(sheet: _Sheet, label: _Label) -> None:
    sheet.box((6, 98, 174, 152), label.main)
    sheet.polygon([(120, 152), (174, 118), (174, 152)], label.second)
    sheet.text("Rx", (13, 104, 26, 113), label.second, bold=True)
    sheet.text(label.name, (32, 106, 160, 130), WHITE, bold=True)
    sheet.text(label.substance + " " + label.strength, (32, 138, 118, 146), WHITE, align=0)


def _barred(sheet: _Sheet, label: _Label) -> None:
    sheet.box((10, 92, 170, 164), label.main)
    for top in (92, 159):
        sheet.box((10, top, 170, top + 5), label.second)
    sheet.text(label.name, (22, 101, 158, 122), BLACK, bold=True)
    sheet.text(label.substance, (35, 128, 145, 138), label.second)
    sheet.text(label.strength, (60, 143, 120, 154), BLACK, bold=True)


def _capsule(sheet: _Sheet, label: _Label) -> None:
    sheet.box((10, 84, 170, 172), label.main)
    sheet.box((40, 92, 140, 124), WHITE, corner=16)
    sheet.box((90, 92, 140, 124), label.second, corner=16)
    sheet.box((90, 92, 106, 124), label.second)
    sheet.box((52, 97, 128, 101), _mixed(label.second, WHITE), corner=2)
    sheet.text(label.name, (22, 131, 158, 151), WHITE, bold=True)
    sheet.text(label.substance + "  " + label.strength, (30, 157, 150, 166), WHITE)


def _frame(sheet: _Sheet, label: _Label) -> None:
    sheet.box((6, 94, 174, 152), label.main, edge=label.second, line=3)
    sheet.box((11, 99, 169, 147), None, edge=label.second)
    sheet.text(label.name, (18, 106, 162, 130), label.second, bold=True)
    sheet.text(label.substance, (40, 135, 140, 143), BLACK)


def _sunrise(sheet: _Sheet, label: _Label) -> None:
    sheet.box((8, 78, 172, 178), label.main)
    sheet.half_disc((26, 100, 154, 228), label.second)
    sheet.box((8, 164, 172, 178), _mixed(label.second, label.main))
    sheet.box((16, 84, 28, 96), label.second, corner=6)
    sheet.text(MAKERS[label.index % len(MAKERS)][0], (36, 87, 160, 93), BLACK, align=0)
    sheet.text(label.name, (36, 128, 144, 148), BLACK, bold=True)
    sheet.text(label.strength, (64, 152, 116, 161), WHITE, bold=True)
    sheet.text(label.form, (50, 168, 130, 175), BLACK)


def _around(centre: Point, radius: float, turn: float) -> Point:
    """Point on a circle, by parts of a turn from the top, clockwise."""
    angle = 2 * math.pi * turn
    return centre[0] + radius * math.sin(angle), centre[1] - radius * math.cos(angle)


def _mixed(first: Ink, second: Ink) -> Ink:
    red, green, blue = ((a + b) // 2 for a, b in zip(first, second, strict=True))
    return red, green, blue


def _bar_code(sheet: _Sheet, label: _Label) -> None:
    sheet.box((122, 198, 168, 238), WHITE)
    left, pattern = 125.0, 2654435761 * (label.index + 3) % 2**32
    while left < 164:
        width = 0.8 + 0.8 * (pattern & 1)
        sheet.box((left, 201, left + width, 229), BLACK)
        left += width + 0.9 + 0.8 * (pattern >> 1 & 1)
        pattern = pattern >> 1 | (pattern & 1) << 31
    sheet.text(f"{40 + label.index} {271828 + 1009 * label.index}", (126, 231, 164, 236), BLACK)


def _warning(sheet: _Sheet, label: _Label) -> None:
    sheet.polygon([(146, 198), (168, 236), (124, 236)], (200, 40, 36))
    sheet.polygon([(146, 206), (161, 232.5), (131, 232.5)], (250, 214, 70))
    sheet.polygon([(144.2, 213), (147.8, 213), (146.8, 224), (145.2, 224)], BLACK)
    sheet.ellipse((144.3, 226, 147.7, 229.4), BLACK)


def _cross(sheet: _Sheet, label: _Label) -> None:
    green = (38, 130, 84)
    sheet.box((138, 200, 154, 236), green, corner=1)
    sheet.box((128, 210, 164, 226), green, corner=1)
    sheet.box((143, 205, 149, 231), WHITE)
    sheet.box((133, 215, 159, 221), WHITE)


def _seal(sheet: _Sheet, label: _Label) -> None:
    points = [_around((146, 218), 20 - 3 * (k % 2), k / 36) for k in range(36)]
    sheet.polygon(points, label.second)
    sheet.ellipse((132, 204, 160, 232), None, edge=WHITE)
    sheet.text("No", (139, 208, 153, 215), WHITE)
    sheet.text(f"{label.index + 1}", (136, 218, 156, 227), WHITE, bold=True)


# Both are taken in turn; with 4 extras to 10 emblems, a combination returns after 20 labels.
EMBLEMS = (_oval, _hexagon, _plate, _sun, _leaves, _block, _barred, _capsule, _frame, _sunrise)
EXTRAS = (_bar_code, _cross, _warning, _seal)
