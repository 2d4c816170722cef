"""The reason in an error message: that of an error of the system or of Pillow, in one line."""


def reason(error: BaseException) -> str:
    """Return the message of an error of the system or of Pillow in one line."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split()) or type(error).__name__
