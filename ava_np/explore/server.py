"""The server of the page: a small application for this machine alone.

It listens on the loopback address. A request needs the token of the address that ``ava explore`` prints, and the host
of that address: so neither another user, nor a page from elsewhere that a browser has open, can ask anything. The page
loads nothing from outside, and the size of a request is bounded.
"""

import base64
import io
import secrets
import socket
from collections.abc import Awaitable, Callable
from importlib.resources import files
from threading import Lock
from typing import Any

import msgspec
import numpy as np
import uvicorn
from PIL import Image
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from ava_np.errors import AvaError
from ava_np.explore.explorer import Explorer, rounded, side_by_side
from ava_np.images import to_image, to_png

HOST = "127.0.0.1"
MAX_BODY = 64 << 20  # bytes of a request: a picture file
MAX_CODES = 512  # that one request decodes
MAX_NEIGHBOURS = 12
FRAME_MILLISECONDS = 80
GIF_SIDE = 256  # pixels, to which pictures are enlarged
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
FILES = [
    ("", "page.html", "text/html"),
    ("page.css", "page.css", "text/css"),
    ("page.js", "page.js", "text/javascript"),
]


def application(explorer: Explorer, token: str, port: int) -> "Guarded":
    """Return the application.

    Parameters
    ----------
    explorer : Explorer
        The model.
    token : str
        The first part of every path.
    port : int
        The port that it listens on, which the Host header must name.
    """
    hosts = {f"{name}:{port}" for name in (HOST, "localhost")}
    lock = Lock()  # one computation at a time: the threads of the kernels are the machine's

    async def answer(request: Request, work: Callable[[bytes], Response]) -> Response:
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > MAX_BODY:
                return refused(413, f"a request holds at most {MAX_BODY >> 20} MB")

        def locked() -> Response:
            with lock:
                return work(bytes(body))

        try:
            return await run_in_threadpool(locked)
        except (AvaError, ValueError, MemoryError) as error:
            return refused(400, str(error))

    def route(path: str, work: Callable[[bytes], Response], method: str = "POST") -> Route:
        async def endpoint(request: Request) -> Response:
            return await answer(request, work)

        return Route(path, endpoint, methods=[method])

    def decode(body: bytes) -> Response:
        return png(explorer.strip(codes_in(body, explorer.model.latent)))

    def walk(body: bytes) -> Response:
        return Response(gif(explorer.model.decode(codes_in(body, explorer.model.latent))), media_type="image/gif")

    def sample(body: bytes) -> Response:
        asked = parsed(body, Sample)
        return JSONResponse({"codes": rounded(explorer.draw(asked.count, asked.seed))})

    def encode(body: bytes) -> Response:
        picture, code = explorer.encode(body)
        prepared = "data:image/png;base64," + base64.b64encode(to_png(picture)).decode()
        return JSONResponse({"code": rounded(code), "picture": prepared})

    def nearest(body: bytes) -> Response:
        (code,) = codes_in(body, explorer.model.latent)[:1]
        indices, distances = explorer.nearest(code, MAX_NEIGHBOURS)
        found = {
            "indices": indices.tolist(),
            "distances": rounded(distances),
            "codes": rounded(explorer.codes[indices]),
        }
        return JSONResponse(found)

    def pictures(body: bytes) -> Response:
        indices = parsed(body, Indices).indices
        if explorer.pictures is None or max(indices) >= len(explorer.pictures):
            raise ValueError("there is no such picture")
        return png(side_by_side(explorer.pictures[indices]))

    def facts(body: bytes) -> Response:
        return JSONResponse(explorer.facts())

    def file(name: str, kind: str) -> Callable[[bytes], Response]:
        content = files("ava_np.explore").joinpath(name).read_bytes()
        return lambda body: Response(content, media_type=kind)

    routes = [
        *(route(f"/{path}", file(name, kind), "GET") for path, name, kind in FILES),
        route("/facts", facts, "GET"),
        route("/decode", decode),
        route("/walk", walk),
        route("/sample", sample),
        route("/encode", encode),
        route("/nearest", nearest),
        route("/pictures", pictures),
    ]
    app = Starlette(routes=[Mount(f"/{token}", routes=routes)])
    return Guarded(app, hosts, token)


class Guarded:
    """Refuses every request that does not name the host and the token, and adds the headers to every answer."""

    def __init__(self, app: Starlette, hosts: set[str], token: str) -> None:
        self.app, self.hosts, self.start = app, hosts, f"/{token}/"

    async def __call__(self, scope: Any, receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
        """Answer one request."""

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                extra = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        if host not in self.hosts:
            await refused(403, "this server answers to its own address only")(scope, receive, send_with_headers)
        elif not secrets.compare_digest(scope["path"][: len(self.start)].encode(), self.start.encode()):
            await refused(403, "the address needs its token: copy the whole line")(scope, receive, send_with_headers)
        else:
            await self.app(scope, receive, send_with_headers)


class Codes(msgspec.Struct):
    """The body of a request to decode."""

    codes: list[list[float]]


class Sample(msgspec.Struct):
    """The body of a request for samples."""

    count: int
    seed: int

    def __post_init__(self) -> None:
        if not (1 <= self.count <= MAX_CODES and 0 <= self.seed < 2**32):
            raise ValueError(f"from 1 to {MAX_CODES} samples, with a seed from 0")


class Indices(msgspec.Struct):
    """The body of a request for training pictures."""

    indices: list[int]

    def __post_init__(self) -> None:
        if not 1 <= len(self.indices) <= MAX_CODES or min(self.indices) < 0:
            raise ValueError(f"from 1 to {MAX_CODES} pictures, counted from 0")


def parsed(body: bytes, kind: type[Any]) -> Any:
    """Return the body of a request; a ``ValueError`` says what is wrong with it."""
    return msgspec.json.decode(body, type=kind)


def codes_in(body: bytes, latent: int) -> np.ndarray:
    """Return the codes of a request, (codes, latent)."""
    codes = parsed(body, Codes).codes
    if not 1 <= len(codes) <= MAX_CODES or any(len(code) != latent for code in codes):
        raise ValueError(f"from 1 to {MAX_CODES} codes of {latent} numbers")
    return np.array(codes, np.float64)


def png(array: np.ndarray) -> Response:
    """Return an array as a PNG file."""
    return Response(to_png(array, compression=1), media_type="image/png")


def gif(pictures: np.ndarray) -> bytes:
    """Return pictures as an endless GIF, small ones enlarged."""
    factor = max(1, GIF_SIDE // max(pictures.shape[1:3]))
    pictures = pictures.repeat(factor, axis=1).repeat(factor, axis=2)
    frames = [to_image(picture) for picture in pictures]
    if frames[0].mode != "L":
        palette = to_image(side_by_side(pictures)).quantize(256)
        frames = [frame.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG) for frame in frames]
    file = io.BytesIO()
    frames[0].save(file, format="GIF", save_all=True, append_images=frames[1:], duration=FRAME_MILLISECONDS, loop=0)
    return file.getvalue()


def refused(status: int, text: str) -> JSONResponse:
    """Return an answer that says in one line why there is no other."""
    return JSONResponse({"error": text}, status)


def serve(explorer: Explorer, port: int, ready: Callable[[str], None]) -> None:
    """Serve the page until Ctrl-C.

    Parameters
    ----------
    explorer : Explorer
        The model.
    port : int
        0 for any that is free.
    ready : callable
        Called with the address, once it can be opened.

    Raises
    ------
    AvaError
        If the port is in use.
    """
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
    except OSError as error:
        listening.close()
        raise AvaError(f"port {port} cannot be used ({error.strerror}): choose another --port") from None
    token, port = secrets.token_urlsafe(16), listening.getsockname()[1]
    settings = uvicorn.Config(
        application(explorer, token, port), log_level="error", access_log=False, server_header=False, lifespan="off"
    )
    with listening:
        listening.listen(128)
        ready(f"http://{HOST}:{port}/{token}/")
        uvicorn.Server(settings).run(sockets=[listening])
