"""The errors of this package: each carries one line that says what is wrong and what to do."""

import re
from collections.abc import Collection
from difflib import get_close_matches

# Control characters (C0, DEL, C1), separators of lines and paragraphs, what turns the direction of writing around, and
# bytes that are not UTF-8. With these a file name could move the cursor, or look like another name.
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """Return a text, such as the name of a file, with everything escaped that a terminal or JSON must not hold.

    Examples
    --------
    >>> print(printable("cat\\u202egpj.exe\\n"))
    cat\\u202egpj.exe\\n
    """
    return UNPRINTABLE.sub(lambda match: ascii(match[0])[1:-1], text)


class AvaError(Exception):
    """An error in the user's input. The command line prints its message as one line, without a traceback.

    Parameters
    ----------
    message : str
        What is wrong and what to do. What a terminal must not hold, as names of files may, is escaped.

    Examples
    --------
    >>> import ava_np
    >>> try:
    ...     ava_np.load("no-such-run")
    ... except ava_np.AvaError as error:
    ...     print(error)
    no-such-run does not exist
    """

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


class OptionError(AvaError, ValueError):
    """An option that does not exist for this model, optimiser or source.

    Parameters
    ----------
    option : str
        Name of the option.
    message : str
        What is wrong and what to do.
    """

    def __init__(self, option: str, message: str) -> None:
        super().__init__(message)
        self.option = option


class PictureError(AvaError):
    """A folder or a picture that cannot be used."""


class RunError(AvaError):
    """A run folder that is missing, in use, damaged or of another version."""


class ArchitectureError(AvaError, ValueError):
    """Layers that do not fit the pictures, or each other."""


class NotFiniteError(AvaError):
    """A loss, a gradient or a parameter that is not finite."""


def advice(word: str, choices: Collection[str]) -> str:
    """Return what to do about a word that is not one of the choices, for the end of a message.

    Parameters
    ----------
    word : str
        What was given.
    choices : collection of str
        What could be given, in small letters.

    Examples
    --------
    >>> from ava_np.errors import advice
    >>> advice("ADEM", ["adam", "sgd"])
    "did you mean 'adam'? Choose one of adam, sgd"
    >>> advice("newton", ["adam", "sgd"])
    'choose one of adam, sgd'
    """
    close = get_close_matches(word.lower(), choices, n=1)
    return f"{f'did you mean {close[0]!r}? C' if close else 'c'}hoose one of {', '.join(choices)}"
