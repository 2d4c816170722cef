"""The diagrams of the documentation, drawn from traces and from formulas."""

from collections.abc import Iterator

from ava_np.experiments.diagrams.figures import FIGURES
from ava_np.experiments.diagrams.flow import draw_flow
from ava_np.specification import MODELS
from ava_np.trace import trace_step


def diagrams() -> Iterator[tuple[str, str]]:
    """Yield each diagram: the name of its file, and its SVG.

    Examples
    --------
    >>> next(diagrams())[0]
    'figure-1.svg'
    """
    for name, draw in FIGURES.items():
        yield f"{name}.svg", draw()
    for name in MODELS:
        yield f"model-{name}.svg", draw_flow(trace_step(name))
