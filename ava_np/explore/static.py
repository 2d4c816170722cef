"""One page that needs no server: pictures along each number of the code, or over the plane of two, computed at once."""

import base64
from importlib.resources import files

import jinja2
import numpy as np

from ava_np.explore.explorer import Explorer
from ava_np.images import to_png

STEPS = 11  # pictures along a number
SIDE = 15  # pictures along a side of the plane of two numbers
MAX_NUMBERS = 24  # that have a slider
REACH = 2.5  # standard deviations each way


def static_page(explorer: Explorer) -> bytes:
    """Return the page: one HTML file with all its pictures, the same bytes for the same model.

    Of a code of two numbers, it has a picture at each of 15 x 15 places; of a longer code, eleven pictures along each
    of the 24 numbers that vary most, with the others at their mean.

    Examples
    --------
    >>> import ava_np
    >>> from ava_np.explore.explorer import Explorer
    >>> from ava_np.explore.static import static_page
    >>> page = static_page(Explorer(ava_np.build("gan", (8, 8, 1), latent=2))).decode()
    >>> page.count("data:image/png"), "http://" in page
    (1, False)
    """
    model, centre, reach = explorer.model, explorer.centre, explorer.reach
    offsets = np.linspace(-REACH, REACH, SIDE if model.latent == 2 else STEPS)
    if model.latent == 2:
        rows = [[centre + reach * (x, y) for x in offsets] for y in offsets]
        names = ["z1", "z2"]
    else:
        order = np.argsort(-explorer.deviation, kind="stable")[:MAX_NUMBERS]
        names = [f"z{index + 1}" for index in order]
        units = np.eye(model.latent)[order] * reach[order, None]
        rows = [[centre + offset * unit for offset in offsets] for unit in units]
    sheet = np.concatenate([explorer.strip(np.array(row)) for row in rows])
    height, width, _ = model.shape
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=True)
    template = environment.from_string(files("ava_np.explore").joinpath("static.html").read_text("utf-8"))
    page = template.render(
        name=model.specification.name,
        width=width,
        height=height,
        latent=model.latent,
        names=names,
        steps=len(offsets),
        plane=model.latent == 2,
        sheet=base64.b64encode(to_png(sheet)).decode(),
    )
    return page.encode()
