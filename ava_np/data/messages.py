"""Text for error messages about files: one line that a terminal and JSON can hold."""

import re


def printable(text: str) -> str:
    """Escape control characters and bytes that are not UTF-8."""
    return re.sub(r"[\x00-\x1f\x7f\ud800-\udfff]", lambda match: ascii(match[0])[1:-1], text)


def reason(error: BaseException) -> str:
    """Return the message of an error of the system or of Pillow in one line."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split()) or type(error).__name__
