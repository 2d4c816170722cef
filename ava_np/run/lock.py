"""One writer for each run folder: a lock that the operating system releases when its process ends."""

from pathlib import Path

from filelock import FileLock, Timeout

from ava_np.errors import AvaError, RunError

LOCK = ".lock"  # a file in the run folder, which stays there: to delete it would let two writers hold two locks


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
        raise AvaError(f"cannot lock {folder}: {error.strerror}") from error
    except NotImplementedError as error:
        raise AvaError(f"cannot lock {folder}: its file system has no locks") from error
    return lock
