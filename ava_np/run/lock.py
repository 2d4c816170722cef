"""One writer for each run folder: a lock that the operating system releases when its process ends, and what is left."""

from fnmatch import fnmatchcase
from pathlib import Path

from filelock import FileLock, Timeout

from ava_np.errors import AvaError, RunError
from ava_np.files import PARTIAL
from ava_np.run.names import LOCK, PROGRESS, RUN_FILES

HALF_WRITTEN = tuple(PARTIAL.format(name=name, token="*") for name in (*RUN_FILES, "step-*.png"))


def lock_folder(folder: Path) -> FileLock:
    """Lock a run folder against other writers, in this process and in others.

    Parameters
    ----------
    folder : Path
        A folder that exists.

    Returns
    -------
    FileLock
        Locked until its ``release``, until nothing refers to it, or until the process ends, however it ends.

    Raises
    ------
    RunError
        If another writer holds the lock.
    AvaError
        If the folder cannot be written, or is on a file system without locks.
    """
    lock = FileLock(folder / LOCK, timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        raise RunError(
            f"{folder} is in use by another training: wait until it ends, or choose another folder"
        ) from None
    except OSError as error:
        raise AvaError(f"cannot lock {folder}: {folder / LOCK}: {error.strerror}") from error
    except NotImplementedError as error:
        raise AvaError(f"cannot lock {folder}: its file system has no locks") from error
    return lock


def remove_half_written(folder: Path) -> None:
    """Remove what a killed training left half written; the folder must be locked."""
    progress = folder / PROGRESS
    for path in (*folder.iterdir(), *(progress.iterdir() if progress.is_dir() else ())):
        if _is_half_written(path) and not path.is_dir():
            path.unlink(missing_ok=True)


def is_no_content(path: Path) -> bool:
    """Return whether a file in a folder is a lock, or half written, and does not keep a new run out."""
    return path.name == LOCK or _is_half_written(path)


def _is_half_written(path: Path) -> bool:
    return any(fnmatchcase(path.name, pattern) for pattern in HALF_WRITTEN)
