"""Draw shapes and text on a coloured sheet, in units of the labels' layout."""

import colorsys
import math

import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

Point = tuple[float, float]
Box = tuple[float, float, float, float]
"""(left, top, right, bottom)."""

RGB = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""

# Labels are laid out in units of 1/180 of the width and 1/250 of the height, and drawn with 4 pixels per unit.
WIDTH, HEIGHT, SCALE = 180, 250, 4

WHITE, BLACK, GREY = (255, 255, 255), (28, 26, 30), (84, 82, 88)


class Sheet:
    """A coloured sheet; positions and sizes are in units of the layout."""

    def __init__(self, paper: RGB) -> None:
        self.image = Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE), paper)
        self.pen = ImageDraw.Draw(self.image)

    def box(self, box: Box, fill: RGB | None, *, edge: RGB | None = None, line: float = 1, corner: float = 0) -> None:
        """Draw a rectangle with corners of radius ``corner``."""
        self.pen.rounded_rectangle(_scaled(box), corner * SCALE, fill, edge, round(line * SCALE))

    def ellipse(self, box: Box, fill: RGB | None, *, edge: RGB | None = None, line: float = 1) -> None:
        """Draw an ellipse that fills the box."""
        self.pen.ellipse(_scaled(box), fill, edge, round(line * SCALE))

    def half_disc(self, box: Box, fill: RGB) -> None:
        """Draw the upper half of an ellipse that fills the box."""
        self.pen.pieslice(_scaled(box), 180, 360, fill)

    def polygon(self, points: list[Point], fill: RGB) -> None:
        """Draw a filled polygon."""
        self.pen.polygon([(x * SCALE, y * SCALE) for x, y in points], fill)

    def text(self, text: str, box: Box, colour: RGB, *, bold: bool = False, align: float = 0.5) -> None:
        """Write text as high as the box, at its natural width, or condensed if it is wider than the box.

        ``align`` is 0 for left, 0.5 for centre, 1 for right.
        """
        mask = _lettering(text, bold)
        left, top, right, bottom = (round(edge) for edge in _scaled(box))
        width = min(right - left, round(mask.width * (bottom - top) / mask.height))
        mask = mask.resize((width, bottom - top), Image.Resampling.BICUBIC)
        self.pen.bitmap((left + round((right - left - width) * align), top), mask, colour)


def _scaled(box: Box) -> Box:
    """Convert layout units to pixels."""
    left, top, right, bottom = box
    return left * SCALE, top * SCALE, right * SCALE, bottom * SCALE


def _lettering(text: str, bold: bool) -> Image.Image:
    """Return a mask of the text (mode L), cropped to its letters."""
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont
    try:
        font = ImageFont.load_default(64)
    except ImportError:  # Pillow without FreeType has only one small bitmap font
        font = ImageFont.load_default()
    right, bottom = font.getbbox(text)[2:]
    mask = Image.new("L", (math.ceil(right) + 8, math.ceil(bottom) + 8))
    ImageDraw.Draw(mask).text((4, 4), text, 255, font)
    if bold and mask.height > 32:
        mask = _thickened(mask)
    return mask.crop(mask.getbbox())


def _thickened(mask: Image.Image) -> Image.Image:
    """Set each pixel to the maximum of the 5 x 5 around it; the 2 pixels next to the edge must be empty."""
    values = np.asarray(mask)
    for axis in (0, 1):
        values = np.maximum.reduce([np.roll(values, shift, axis) for shift in range(-2, 3)])
    return Image.fromarray(values)


def rotated_hue(colour: str, turn: float = 0) -> RGB:
    """Return a colour such as "#28659e" with its hue rotated by a fraction of the colour circle."""
    hue, saturation, value = colorsys.rgb_to_hsv(*ImageColor.getrgb(colour)[:3])
    red, green, blue = colorsys.hsv_to_rgb((hue + turn) % 1, saturation, value)
    return round(red), round(green), round(blue)


def mixed(first: RGB, second: RGB) -> RGB:
    """Return the mean of two colours."""
    red, green, blue = ((a + b) // 2 for a, b in zip(first, second, strict=True))
    return red, green, blue


def on_circle(centre: Point, radius: float, turn: float) -> Point:
    """Return the point of a circle at a fraction of a turn, clockwise from the top."""
    angle = 2 * math.pi * turn
    return centre[0] + radius * math.sin(angle), centre[1] - radius * math.cos(angle)
