"""Text from files, names and messages, made fit to be shown: one line that a terminal, a page and JSON can hold."""

import re

# Control characters (C0, C1, DEL), which can command a terminal; separators of lines; overrides of the direction of
# writing, which can show a name as another; and what stands for bytes that are not UTF-8.
UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """Escape control characters, overrides of the direction of writing, and bytes that are not UTF-8.

    Examples
    --------
    >>> print(printable("a red \\x1b[31mname"))
    a red \\x1b[31mname
    """
    return UNFIT.sub(lambda match: ascii(match[0])[1:-1], text)


def reason(error: BaseException) -> str:
    """Return the message of an error of the system or of Pillow in one line."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split()) or type(error).__name__
