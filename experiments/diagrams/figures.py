"""Pictures of single ideas: the paper's two propagations, three ways through batch norm, a stamp, forces, a drift."""

import numpy as np

from ava_np.experiments.diagrams.svg import arrow, bar, box, circle, picture, text
from ava_np.trace import Row, trace_step


def _row(code: str) -> Row:
    """The row of AVA5, under the paper's rules, whose statement begins like this."""
    return next(row for row in trace_step("ava5", propagation="paper").rows if row.code.startswith(code))


def figure_1() -> str:
    """Return the paper's Figure 1 with the numbers of a step: one error goes to every pixel."""
    row = _row("causal_backward")
    assert row.before is not None
    change, shapes = (row.after - row.before)[0], []
    middle = 30 + 44 * len(change) / 2
    for i, value in enumerate(change):
        y = 52 + 44 * i
        shapes += [arrow(320, middle, 122, y, error=True), text(221, (y + middle) / 2 - 8, "1", "small")]
        shapes += [circle(105, y, f"x'{i + 1}"), text(45, y, f"{value:.4f}", "red")]
    shapes += [circle(340, middle, "d0", "learns", 20), text(432, middle, f"-d = {change[0]:.4f}", "red")]
    shapes.append(
        text(
            20,
            18,
            "Figure 1: d0 is the effect of all pixels. Its error goes to each, through weights of one.",
            "small left",
        )
    )
    return picture(520, 44 * len(change) + 50, "Causal propagation", *shapes)


def figure_3() -> str:
    """Return the paper's Figure 3 with the numbers of a step: the pixels' errors are collected."""
    row = _row("reverse_causal_backward")
    terms = row.formulas[0].split("·(")[-1].rstrip(")").split(" + ")
    assert row.before is not None
    change, shapes, middle = float((row.after - row.before)[0, 0]), [], 30 + 44 * len(terms) / 2
    for i, term in enumerate(terms):
        y = 52 + 44 * i
        shapes += [arrow(152, y, 335, middle, error=True), text(243, (y + middle) / 2 - 8, "1", "small")]
        shapes += [circle(135, y, f"x'{i + 1}"), text(58, y, term.replace("·", " · "), "red")]
    shapes += [circle(356, middle, "d0", "learns", 20), text(452, middle, f"-d(1 - d)Σ = {change:.4f}", "red")]
    shapes.append(
        text(
            20,
            18,
            "Figure 3: d0 is the cause of all pixels. It collects (x - x') a_g', as a hidden neuron would.",
            "small left",
        )
    )
    return picture(560, 44 * len(terms) + 50, "Reverse-causal propagation", *shapes)


def gaussian_head() -> str:
    """Return the way of values and errors through a code that is drawn."""
    return picture(
        620,
        210,
        "The Gaussian head of an encoder",
        box(70, 60, 90, 40, "μ", "learns"),
        box(70, 150, 90, 40, "s = log Σ", "learns"),
        box(250, 150, 90, 40, "e^(s/2)"),
        circle(250, 105, "r"),
        circle(390, 105, "·"),
        circle(480, 60, "+"),
        text(580, 60, "z"),
        arrow(117, 55, 460, 55),
        arrow(117, 145, 202, 145),
        arrow(296, 145, 378, 116),
        arrow(268, 105, 372, 105),
        arrow(403, 94, 468, 72),
        arrow(498, 55, 566, 55),
        arrow(566, 66, 500, 66, error=True),
        arrow(462, 66, 119, 66, error=True),
        text(290, 80, "δz", "red"),
        arrow(470, 78, 408, 104, error=True),
        arrow(376, 124, 298, 158, error=True),
        arrow(202, 156, 119, 156, error=True),
        text(180, 178, "½ δz r e^(s/2)", "red"),
        bar(276, 116),
        text(400, 192, "r is a constant: no error goes there", "small"),
        text(70, 24, "+ μ", "red"),
        text(70, 188, "+ ½(e^s - 1)", "red"),
        text(250, 20, "the divergence adds its own errors at μ and s", "small"),
    )


def batch_norm_ways() -> str:
    """Return the three ways from x̂ back to x through a batch."""
    return picture(
        640,
        230,
        "Three ways back through batch normalisation",
        text(40, 110, "x"),
        box(230, 40, 110, 40, "mean m"),
        box(360, 110, 130, 40, "variance v"),
        box(530, 110, 120, 40, "(x - m)/√(v + ε)", "learns"),
        text(620, 110, "x̂"),
        arrow(52, 100, 174, 45),
        arrow(286, 46, 470, 96),
        arrow(240, 62, 330, 90),
        arrow(52, 108, 292, 108),
        arrow(427, 106, 468, 106),
        arrow(52, 120, 500, 132, bend=90),
        arrow(468, 118, 427, 118, error=True),
        arrow(292, 118, 56, 116, error=True),
        text(170, 128, "3: through the variance", "red"),
        arrow(476, 88, 288, 34, error=True),
        arrow(176, 34, 44, 96, error=True),
        text(80, 24, "2: through the mean", "red"),
        arrow(500, 142, 50, 130, error=True, bend=110),
        text(280, 208, "1: directly", "red"),
    )


def stamp() -> str:
    """Return a convolution that reads a window, and its transpose that stamps it."""
    shapes = [text(90, 16, "y = A x: a window is read", "small"), text(390, 16, "dx = Aᵀ dy: it is stamped", "small")]
    for left, kind in ((20, "line"), (320, "error")):
        for i in range(4):
            for k in range(4):
                inside = 1 <= i <= 2 and 1 <= k <= 2
                kind_of = "learns" if inside else "box"
                place = f'x="{left + 28 * k}" y="{34 + 28 * i}"'
                shapes.append(f'<rect {place} width="28" height="28" class="{kind_of}"/>')
                if inside:
                    shapes.append(text(left + 14 + 28 * k, 48 + 28 * i, f"W{i}{k}", "small"))
        value = "y" if kind == "line" else "dy"
        shapes.append(circle(left + 200, 90, value, "learns"))
        ends = (left + 88, 90, left + 182, 90) if kind == "line" else (left + 182, 90, left + 88, 90)
        shapes.append(arrow(*ends, error=kind == "error"))
    shapes.append(text(130, 166, "Σ x·W = one value", "small"))
    shapes.append(text(430, 166, "dy·W is added to every pixel of the window", "small"))
    return picture(600, 184, "A convolution and its stamp", *shapes)


def minibatch_forces() -> str:
    """Return the forces between codes that minibatch discrimination's error makes."""
    M = np.array([0.0, 0.35, 1.4])
    pairs = np.exp(-np.abs(M[:, None] - M)) * np.sign(M[:, None] - M)
    shapes = [
        text(
            20,
            18,
            "To descend the sum of o pushes every picture away from the near ones",
            "small left",
        )
    ]
    for b, (place, force) in enumerate(zip(M, 2 * pairs.sum(1), strict=True)):
        x = 120 + 260 * place
        shapes += [circle(x, 80, f"M{b + 1}", "learns")]
        end = x + np.sign(force) * (18 + 40 * abs(force))
        shapes += [
            arrow(x + np.sign(force) * 18, 80, end, 80, error=True),
            text((x + end) / 2, 62, f"{force:+.2f}", "red"),
        ]
    shapes.append('<path d="M20 112H600" class="line"/>')
    shapes.append(text(310, 128, "one number M of each picture", "small"))
    return picture(620, 146, "Forces between the pictures of a batch", *shapes)


def drift() -> str:
    """Return how (10) moves d(x') to 1 - 1/e from any start, if e > 1, and to 0 otherwise."""
    shapes = [
        text(20, 16, "dt/dτ = d((1 - d) e - 1), the step of (10) at x': d against the number of steps", "small left")
    ]
    for e, kind in ((4.0, "blue"), (0.5, "red")):
        for start in (-3.0, -1.0, 1.0, 3.0):
            t, points = start, []
            for i in range(201):
                d = 1 / (1 + np.exp(-t))
                points.append(f"{60 + 2.2 * i:.1f} {190 - 150 * d:.1f}")
                t += 0.1 * d * ((1 - d) * e - 1)
            style = "plot" if kind == "blue" else "error"
            shapes.append(f'<path d="M{" L".join(points)}" class="{style}"/>')
    rest = 190 - 150 * (1 - 1 / 4)
    shapes += [
        '<path d="M60 190H510M60 40V190" class="line"/>',
        text(40, 40, "d = 1", "small"),
        text(46, 190, "0", "small"),
    ]
    shapes += [text(560, rest, "e = 4: d = 3/4", "blue"), text(560, 176, "e = ½: d = 0", "red")]
    return picture(640, 210, "The fixed points of rule (10)", *shapes)


FIGURES = {
    "figure-1": figure_1,
    "figure-3": figure_3,
    "gaussian-head": gaussian_head,
    "batch-norm-ways": batch_norm_ways,
    "convolution-stamp": stamp,
    "minibatch-forces": minibatch_forces,
    "rule-10-drift": drift,
}
"""The pictures by the names of their files."""
