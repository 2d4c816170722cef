"""The file of the model card in a run folder: replaced as long as nobody has edited it.

The card ends with a line that has the checksum of the text above. If the text has another one, somebody has written it,
and it stays.
"""

import hashlib
from pathlib import Path

from ava_np.errors import AvaError
from ava_np.files import write_atomically
from ava_np.run.names import CARD

MARK = "\n<!-- written by ava-np, and replaced as long as the text above has the checksum {} -->\n"


def is_ours(path: Path) -> bool:
    """Return whether a card is as ``write_card`` left it.

    Raises
    ------
    AvaError
        If it cannot be read.
    """
    try:
        text, mark, end = path.read_bytes().rpartition(MARK.partition("{")[0].encode())
    except OSError as error:
        raise AvaError(f"cannot read {path}: {error.strerror}") from error
    return bool(mark) and mark + end == _mark(text)


def write_card(folder: Path, text: str) -> bool:
    """Write the card of a run, unless there is one that somebody has edited; return whether it was written.

    Parameters
    ----------
    folder : Path
        The run folder.
    text : str
        The card, without its last line.

    Raises
    ------
    AvaError
        If the file cannot be read or written.

    Examples
    --------
    >>> import tempfile
    >>> from ava_np.run.card_file import write_card
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = [write_card(Path(folder), "# A model"), write_card(Path(folder), "# The model")]
    ...     length = Path(folder, "README.md").write_text("# My model")
    ...     written += [write_card(Path(folder), "# A model")]
    >>> written
    [True, True, False]
    """
    path, content = folder / CARD, text.encode()
    if path.exists() and not is_ours(path):
        return False
    write_atomically(path, content + _mark(content))
    return True


def _mark(text: bytes) -> bytes:
    return MARK.format(hashlib.sha256(text).hexdigest()[:16]).encode()
