"""Write the diagrams into a folder: ``python -m ava_np.experiments.diagrams docs/images``."""

import sys
from pathlib import Path

from ava_np.experiments.diagrams import diagrams

for name, svg in diagrams():
    (Path(sys.argv[1]) / name).write_text(svg, "utf-8")
