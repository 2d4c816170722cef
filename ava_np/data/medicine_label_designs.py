"""Designs of the medicine labels: heading, ten emblems, small print and four extras, drawn on a ``Sheet``."""

from dataclasses import dataclass

from ava_np.data.drawing import BLACK, GREY, RGB, WHITE, Sheet, mixed, on_circle, rotated_hue

MAKERS = (
    ("HOLLOWMERE PHARMA", "12 - 14 ALDER QUAY, EAST WARD", "PORT HOLLOWMERE - FENLAND"),
    ("LINDENHAVEN LABS", "7 OLD MILL ROAD, LINDENHAVEN", "TELEPHONE 857 300"),
    ("ASHGROVE REMEDIES", "36 CHAPEL STREET, ASHGROVE", "NORTH RIDING - TEL. 320 94"),
)


@dataclass(frozen=True)
class Label:
    """Text and colours of one label; ``index`` also selects its maker and its designs."""

    index: int
    paper: RGB
    main: RGB
    second: RGB
    name: str
    substance: str
    strength: str
    form: str


def draw_label(sheet: Sheet, label: Label) -> None:
    """Draw a whole label on a sheet of its paper colour."""
    _heading(sheet, label)
    EMBLEMS[label.index % len(EMBLEMS)](sheet, label)
    _small_print(sheet, label)
    EXTRAS[label.index % len(EXTRAS)](sheet, label)


def _heading(sheet: Sheet, label: Label) -> None:
    """Draw the maker's name and address at the top."""
    maker, street, town = MAKERS[label.index % len(MAKERS)]
    blue = rotated_hue("#225399", 0.03 * (label.index % 3))
    sheet.text(maker, (14, 14, 166, 34), blue, bold=True)
    sheet.text(street, (15, 42, 165, 48), GREY, align=0)
    sheet.text(town, (15, 53, 165, 59), GREY, align=0)


def _small_print(sheet: Sheet, label: Label) -> None:
    """Draw three bulleted lines at the bottom left."""
    index = label.index
    expiry = f"EXPIRY: {1 + index % 12:02d}/{2031 + index % 5}"
    lines = (f"REGISTRATION: {27583 + 541 * index}", expiry, label.form)
    for line, text in enumerate(lines):
        top = 200 + 13 * line
        sheet.ellipse((16, top + 4, 18, top + 6), BLACK)
        sheet.text(text, (22, top, 120, top + 6.5), BLACK, bold=True, align=0)


def _oval(sheet: Sheet, label: Label) -> None:
    """Draw an oval plate."""
    sheet.ellipse((18, 96, 162, 156), label.main)
    sheet.ellipse((22, 99, 158, 153), None, edge=label.paper, line=1)
    sheet.text(label.name, (36, 114, 144, 132), WHITE, bold=True)
    sheet.text(label.strength, (60, 137, 120, 145), label.paper)


def _hexagon(sheet: Sheet, label: Label) -> None:
    """Draw a hexagon with the initial, above the name."""
    for radius, ink in ((42, label.main), (38, WHITE), (35, label.main)):
        sheet.polygon([on_circle((90, 113), radius, k / 6) for k in range(6)], ink)
    sheet.text(label.name[0].upper(), (70, 94, 110, 132), WHITE, bold=True)
    sheet.text(label.name, (30, 163, 150, 181), label.second, bold=True)


def _plate(sheet: Sheet, label: Label) -> None:
    """Draw a plate with an underline."""
    sheet.box((8, 100, 172, 148), label.main)
    sheet.box((8, 148, 172, 151), label.second)
    sheet.text(label.name, (30, 105, 150, 126), label.second, bold=True)
    sheet.text(label.strength, (16, 134, 60, 143), label.second, bold=True, align=0)
    sheet.text(label.substance, (75, 134, 164, 143), WHITE, align=1)


def _sun(sheet: Sheet, label: Label) -> None:
    """Draw a half sun with rays between lines of text."""
    sheet.box((10, 92, 170, 150), label.main)
    for ray in range(13):
        turn = (ray - 6) / 24
        ends = [on_circle((90, 150), 4, turn + quarter) for quarter in (-0.25, 0.25)]
        sheet.polygon([*ends, on_circle((90, 150), 42, turn)], label.second)
    sheet.half_disc((68, 128, 112, 172), label.second)
    sheet.box((10, 150, 170, 156), WHITE)
    sheet.box((10, 156, 170, 160), label.main)
    sheet.box((10, 162, 170, 165), label.second)
    sheet.text(label.name, (28, 97, 152, 117), WHITE, bold=True)
    sheet.text(label.strength, (76, 138, 104, 147), label.main, bold=True)
    for line in range(5):
        sheet.box((16, 124 + 5 * line, 38 + 3 * (line % 2), 125.5 + 5 * line), WHITE)
        sheet.box((140 - 2 * (line % 2), 124 + 5 * line, 164, 125.5 + 5 * line), WHITE)


def _leaves(sheet: Sheet, label: Label) -> None:
    """Draw leaves in both lower corners."""
    sheet.box((10, 84, 170, 176), label.main)
    for side in (-1, 1):
        root = (90 + side * 76, 174)
        for turn in (0.01, 0.08, 0.145, 0.21):
            left, tip, right = (
                on_circle(root, length, -side * (turn + tilt)) for length, tilt in ((20, -0.03), (40, 0), (20, 0.03))
            )
            sheet.polygon([root, left, tip, right], label.second)
    sheet.box((10, 84, 170, 106), label.second)
    sheet.ellipse((16, 86, 34, 104), WHITE)
    sheet.text(label.form.split()[0], (19, 91, 31, 99), label.second, bold=True)
    sheet.text(label.form.split()[-1], (42, 90, 160, 100), WHITE, bold=True, align=0)
    sheet.text(label.name, (24, 112, 156, 134), (190, 44, 40), bold=True)
    sheet.box((52, 147, 128, 163), WHITE, edge=(190, 44, 40), corner=8)
    sheet.text(label.substance, (60, 151, 120, 160), (190, 44, 40))


def _block(sheet: Sheet, label: Label) -> None:
    """Draw a block with a cut corner."""
    sheet.box((6, 98, 174, 152), label.main)
    sheet.polygon([(120, 152), (174, 118), (174, 152)], label.second)
    sheet.text("Rx", (13, 104, 26, 113), label.second, bold=True)
    sheet.text(label.name, (32, 106, 160, 130), WHITE, bold=True)
    sheet.text(label.substance + " " + label.strength, (32, 138, 118, 146), WHITE, align=0)


def _barred(sheet: Sheet, label: Label) -> None:
    """Draw a block between two bars."""
    sheet.box((10, 92, 170, 164), label.main)
    for top in (92, 159):
        sheet.box((10, top, 170, top + 5), label.second)
    sheet.text(label.name, (22, 101, 158, 122), BLACK, bold=True)
    sheet.text(label.substance, (35, 128, 145, 138), label.second)
    sheet.text(label.strength, (60, 143, 120, 154), BLACK, bold=True)


def _capsule(sheet: Sheet, label: Label) -> None:
    """Draw a capsule above the name."""
    sheet.box((10, 84, 170, 172), label.main)
    sheet.box((40, 92, 140, 124), WHITE, corner=16)
    sheet.box((90, 92, 140, 124), label.second, corner=16)
    sheet.box((90, 92, 106, 124), label.second)
    sheet.box((52, 97, 128, 101), mixed(label.second, WHITE), corner=2)
    sheet.text(label.name, (22, 131, 158, 151), WHITE, bold=True)
    sheet.text(label.substance + "  " + label.strength, (30, 157, 150, 166), WHITE)


def _frame(sheet: Sheet, label: Label) -> None:
    """Draw a double frame."""
    sheet.box((6, 94, 174, 152), label.main, edge=label.second, line=3)
    sheet.box((11, 99, 169, 147), None, edge=label.second)
    sheet.text(label.name, (18, 106, 162, 130), label.second, bold=True)
    sheet.text(label.substance, (40, 135, 140, 143), BLACK)


def _sunrise(sheet: Sheet, label: Label) -> None:
    """Draw a large half disc on the horizon."""
    sheet.box((8, 78, 172, 178), label.main)
    sheet.half_disc((26, 100, 154, 228), label.second)
    sheet.box((8, 164, 172, 178), mixed(label.second, label.main))
    sheet.box((16, 84, 28, 96), label.second, corner=6)
    sheet.text(MAKERS[label.index % len(MAKERS)][0], (36, 87, 160, 93), BLACK, align=0)
    sheet.text(label.name, (36, 128, 144, 148), BLACK, bold=True)
    sheet.text(label.strength, (64, 152, 116, 161), WHITE, bold=True)
    sheet.text(label.form, (50, 168, 130, 175), BLACK)


def _bar_code(sheet: Sheet, label: Label) -> None:
    """Draw a bar code whose bars depend on the index."""
    sheet.box((122, 198, 168, 238), WHITE)
    left, pattern = 125.0, 2654435761 * (label.index + 3) % 2**32
    while left < 164:
        width = 0.8 + 0.8 * (pattern & 1)
        sheet.box((left, 201, left + width, 229), BLACK)
        left += width + 0.9 + 0.8 * (pattern >> 1 & 1)
        pattern = pattern >> 1 | (pattern & 1) << 31
    sheet.text(f"{40 + label.index} {271828 + 1009 * label.index}", (126, 231, 164, 236), BLACK)


def _warning(sheet: Sheet, label: Label) -> None:
    """Draw a warning triangle."""
    sheet.polygon([(146, 198), (168, 236), (124, 236)], (200, 40, 36))
    sheet.polygon([(146, 206), (161, 232.5), (131, 232.5)], (250, 214, 70))
    sheet.polygon([(144.2, 213), (147.8, 213), (146.8, 224), (145.2, 224)], BLACK)
    sheet.ellipse((144.3, 226, 147.7, 229.4), BLACK)


def _cross(sheet: Sheet, label: Label) -> None:
    """Draw a green cross."""
    green = (38, 130, 84)
    sheet.box((138, 200, 154, 236), green, corner=1)
    sheet.box((128, 210, 164, 226), green, corner=1)
    sheet.box((143, 205, 149, 231), WHITE)
    sheet.box((133, 215, 159, 221), WHITE)


def _seal(sheet: Sheet, label: Label) -> None:
    """Draw a round seal with the number of the label."""
    points = [on_circle((146, 218), 20 - 3 * (k % 2), k / 36) for k in range(36)]
    sheet.polygon(points, label.second)
    sheet.ellipse((132, 204, 160, 232), None, edge=WHITE)
    sheet.text("No", (139, 208, 153, 215), WHITE)
    sheet.text(f"{label.index + 1}", (136, 218, 156, 227), WHITE, bold=True)


# Both are used in turn; with 10 emblems and 4 extras, a combination repeats after 20 labels.
EMBLEMS = (_oval, _hexagon, _plate, _sun, _leaves, _block, _barred, _capsule, _frame, _sunrise)
EXTRAS = (_bar_code, _cross, _warning, _seal)
