"""Tell pictures from other files by their content, whatever their names, and say what the others are."""

import re
from functools import cache
from pathlib import Path

from PIL import Image

# Pillow's formats that are read. A list of its own, so that a decoder of a later Pillow is tried before it is trusted.
# Left out are, of what Pillow opens:
#   - EPS, for which it runs Ghostscript, and WMF, BUFR, GRIB, HDF5 and MPEG, of which it decodes nothing by itself;
#   - TGA, PCX, IM, IMT, IPTC, PCD, SPIDER, which have no magic number or one of two bytes, so that other files pass for
#     them; CUR, whose magic number is also that of a TGA; XBM and XPM, which begin like C programs;
#   - DDS and QOI, whose decoders are loops in Python: a damaged DDS file of a few bytes kept one busy for minutes;
#   - ICO and ICNS, which hold one icon in many sizes, and FLI and FITS, which are films and measurements;
#   - formats of old programs and games that nobody keeps photos in: BLP, DCX, FTEX, GBR, MCIDAS, MSP, PIXAR, XVTHUMB.
FORMATS = (
    *("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "PPM"),
    *("AVIF", "JPEG2000", "PSD", "SGI", "SUN"),
)

# Two letters are too few to tell a picture from a text. This is how files begin in which the rest is right too.
WHOLE_MAGIC = {
    "BMP": re.compile(rb"BM.{4}\0{4}.{4}[\x0c-\x7c]\0\0\0", re.DOTALL),
    "PPM": re.compile(rb"P[1-6Ff]\s+(#.*\n\s*)*[0-9]+\s+[0-9]+\s"),
    "SGI": re.compile(rb"\x01\xda[\0\1][\1\2]\0[\1-\3]"),
}
HEAD_BYTES = 512  # as far as comments in a PPM may reach

HEIC = "HEIC"
HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
HEIC_HINT = "pip install 'ava-np[heif]' reads them"

PLAIN_SUFFIX = re.compile(r"\.[a-z0-9_+-]{1,12}")
NO_SUFFIX = "without a suffix"
MAX_KINDS = 6  # named in one line


@cache
def formats() -> tuple[str, ...]:
    """Return the names of Pillow's formats that are read, among them HEIF if pillow-heif is installed."""
    Image.init()
    found = tuple(name for name in FORMATS if name in Image.OPEN)
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return found
    register_heif_opener()
    return (*found, "HEIF")


@cache
def suffixes() -> frozenset[str]:
    """Return the suffixes of the formats that are read, in lower case."""
    read = formats()  # first, because it adds to what is registered
    return frozenset(suffix for suffix, name in Image.registered_extensions().items() if name in read)


def other_kind(path: Path) -> str | None:
    """Return what a file is that is no picture: "HEIC" without pillow-heif, or its suffix. None for a picture.

    A file with a picture's suffix passes for a picture, so that one with other content is reported as damaged.
    """
    if path.suffix.lower() in suffixes():
        return None
    if is_unread_heic(path):
        return HEIC
    if _is_picture(_head(path), path.suffix):
        return None
    return path.suffix.lower() if PLAIN_SUFFIX.fullmatch(path.suffix.lower()) else NO_SUFFIX


def is_unread_heic(path: Path) -> bool:
    """Return whether a file is HEIC, whatever its name, and pillow-heif is not installed."""
    return "HEIF" not in formats() and _is_heic(_head(path))


def left_out_line(left_out: dict[str, tuple[str, ...]]) -> str:
    """Return one line about the files that are no pictures.

    Parameters
    ----------
    left_out : dict of str to tuple of str
        The names of the files by kind: ``Pictures.left_out``, with at least one name.

    Examples
    --------
    >>> from ava_np.data.formats import left_out_line
    >>> left_out_line({".txt": ("notes.txt",), "HEIC": ("1.heic", "2.heic")})
    "3 files left out: 2 HEIC (pip install 'ava-np[heif]' reads them), 1 .txt"
    """
    counts = sorted(((len(names), kind) for kind, names in left_out.items()), key=lambda pair: -pair[0])
    parts = [f"{count} {kind}{f' ({HEIC_HINT})' if kind == HEIC else ''}" for count, kind in counts[:MAX_KINDS]]
    if others := sum(count for count, _ in counts[MAX_KINDS:]):
        parts.append(f"{others} of other kinds")
    total = sum(count for count, _ in counts)
    return f"{total} {'file' if total == 1 else 'files'} left out: {', '.join(parts)}"


def _head(path: Path) -> bytes:
    """Return how a file begins; nothing if it cannot be read. A pipe is not opened, since that would wait."""
    try:
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except (OSError, ValueError):
        return b""


def _is_picture(head: bytes, suffix: str) -> bool:
    """Return whether a file begins like a picture of a format that is read."""
    for name in formats():
        _, accept = Image.OPEN[name]
        # A text instead of True says that this Pillow was built without the decoder.
        if accept is not None and accept(head) and not isinstance(accept(head), str):
            # Raw files of cameras (NEF, DNG, ARW) are TIFF with a suffix of their own: Pillow finds only a thumbnail.
            return not suffix if name == "TIFF" else name not in WHOLE_MAGIC or bool(WHOLE_MAGIC[name].match(head))
    return False


def _is_heic(head: bytes) -> bool:
    """Return whether a file begins like HEIC, the format of phones: a box of brands, some of which mean HEVC."""
    if head[4:8] != b"ftyp":
        return False
    end = int.from_bytes(head[:4], "big")
    return not HEIC_BRANDS.isdisjoint(head[start : start + 4] for start in range(8, min(end, len(head)), 4))
