"""The ``ava`` command line."""

from ava_np.cli.main import main

__all__ = ["main"]
