"""Run a learner's code: whatever it does, what went wrong is one line."""

import dis
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import numpy as np

SECONDS = 10
NOTHING = "it does nothing yet"
MODULE = "exercise"
"""``__name__`` of a learner's file while it runs."""

OF_STUBS = {"RESUME", "NOP", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST"}


class AnswerError(Exception):
    """A learner's code did not do what it should; the text says what."""


@contextmanager
def guarded(seconds: float | None = None) -> Iterator[None]:
    """Turn what a learner's code raises into ``AnswerError``: an exit and a loop without end, too.

    Parameters
    ----------
    seconds : float, optional
        How long it may take, ``SECONDS`` by default; 0 stands for any time.

    Examples
    --------
    >>> with guarded():
    ...     1 // 0
    Traceback (most recent call last):
    ava_np.learn.running.AnswerError: ZeroDivisionError: integer division or modulo by zero
    """
    try:
        with np.errstate(all="ignore"), _time_limit(SECONDS if seconds is None else seconds):
            yield
    except (KeyboardInterrupt, AnswerError):
        raise
    except BaseException as error:
        raise AnswerError(_in_one_line(error)) from None


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Raise a ``TimeoutError`` after some seconds, where the system can interrupt a program."""
    if not seconds or not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"it has not ended in {seconds:g} seconds: is there a loop without end?")

    previous = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def _in_one_line(error: BaseException) -> str:
    """An exception with the line of the learner's file that raised it."""
    line, trace = 0, error.__traceback__
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: {error.msg}"
    while trace is not None:
        if trace.tb_frame.f_globals.get("__name__") == MODULE:
            line = trace.tb_lineno
        trace = trace.tb_next
    return f"{f'line {line}: ' if line else ''}{type(error).__name__}: {error}"


def is_stub(function: Callable[..., Any]) -> bool:
    """Return whether the body of a function is still ``...``.

    Examples
    --------
    >>> is_stub(lambda x: ...), is_stub(lambda x: x + 1)
    (True, False)
    """
    code = getattr(function, "__code__", None)
    return code is not None and all(one.opname in OF_STUBS for one in dis.get_instructions(code))
