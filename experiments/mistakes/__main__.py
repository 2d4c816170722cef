"""Print which check notices which mistake: ``python -m ava_np.experiments.mistakes``."""

from ava_np.console import echo, table
from ava_np.experiments.mistakes import rows

echo(table(["mistake", "own differences", "an independent objective", "what must be true", ""], rows()))
