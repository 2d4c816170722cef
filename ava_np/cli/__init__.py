"""The ``ava`` command."""

from ava_np.cli.main import main

__all__ = ["main"]
