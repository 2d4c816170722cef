"""Requests to an ASGI application, without a network."""

import asyncio
import json
from typing import Any, NamedTuple
from urllib.parse import urlsplit

CHUNK = 500  # bytes of a body that arrive at once


class Answer(NamedTuple):
    """What the application has answered."""

    status_code: int
    headers: dict[str, str]
    content: bytes

    def json(self) -> Any:
        """Return the content as values."""
        return json.loads(self.content)


def ask(app: Any, method: str, url: str, content: bytes = b"") -> Answer:
    """Send a request, and return the answer."""
    parts = urlsplit(url)
    bodies = [content[i : i + CHUNK] for i in range(0, len(content), CHUNK)] or [b""]
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": bodies.pop(0), "more_body": bool(bodies)}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": parts.path,
        "raw_path": parts.path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", parts.netloc.encode())],
        "server": (parts.hostname, parts.port),
        "client": ("127.0.0.1", 50000),
    }
    asyncio.run(app(scope, receive, send))
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], headers, b"".join(message.get("body", b"") for message in sent[1:]))
