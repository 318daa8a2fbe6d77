"""A browser without a network: asks the app's routes and reads the answers."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import anyio
import numpy as np
import soundfile as sf
from PIL import Image
from starlette.applications import Starlette
from starlette.datastructures import Headers

from embedviz import server
from embedviz.data import EmbeddingSet, Source
from embedviz.store import write_set
from embedviz.ui.workspace import Workspace

RATE_HZ = 22050
SECONDS = 2.4


@dataclass(frozen=True)
class Answer:
    status_code: int
    headers: Headers
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode()

    @property
    def json(self) -> Any:
        assert self.status_code == 200, self.text
        return json.loads(self.content)

    @property
    def picture(self) -> Image.Image:
        assert self.status_code == 200, self.text
        assert self.headers["content-type"] == "image/png"
        return Image.open(io.BytesIO(self.content))

    @property
    def sound(self) -> tuple[np.ndarray, int]:
        """16-bit samples and their rate in Hz."""
        assert self.status_code == 200, self.text
        return sf.read(io.BytesIO(self.content), dtype="int16")


class Client:
    """Asks the routes as a browser would, without a network."""

    def __init__(self):
        self.app = Starlette(routes=server.routes())
        self.parts_read = 0

    def get(self, address: str, headers: Mapping[str, str] | None = None) -> Answer:
        return self._ask("GET", address, headers or {}, [])

    def post(self, address: str, *body: bytes) -> Answer:
        """Send a body, in parts where several are given."""
        return self._ask("POST", address, {}, list(body))

    def put(
        self,
        address: str,
        *body: bytes,
        headers: Mapping[str, str] | None = None,
        cut: bool = False,
    ) -> Answer:
        """Send a piece of a file as the app's page does; `cut` the connection at its end."""
        sent = {"origin": "http://testserver"} if headers is None else headers
        return self._ask("PUT", address, sent, list(body), cut=cut)

    def delete(self, address: str) -> Answer:
        return self._ask("DELETE", address, {"origin": "http://testserver"}, [])

    def _ask(
        self,
        method: str,
        address: str,
        headers: Mapping[str, str],
        body: list[bytes],
        *,
        cut: bool = False,
    ) -> Answer:
        path, _, query = address.partition("?")
        sent = {"host": "testserver", **headers}
        scope = {
            "type": "http",
            "method": method,
            "path": unquote(path),
            "query_string": query.encode(),
            "headers": [(k.lower().encode(), v.encode()) for k, v in sent.items()],
        }
        messages, waiting = [], list(body)
        self.parts_read = 0

        async def receive():
            if method == "GET":
                await anyio.sleep_forever()
            self.parts_read += 1
            if cut and not waiting:
                return {"type": "http.disconnect"}
            part = waiting.pop(0) if waiting else b""
            return {"type": "http.request", "body": part, "more_body": cut or bool(waiting)}

        async def send(message):
            messages.append(message)

        anyio.run(self.app, scope, receive, send)
        content = b"".join(message.get("body", b"") for message in messages[1:])
        return Answer(messages[0]["status"], Headers(raw=messages[0]["headers"]), content)


def noise() -> np.ndarray:
    """Noise as 16-bit numbers, so that no two windows sound alike."""
    rng = np.random.default_rng(0)
    return rng.integers(-32768, 32768, round(SECONDS * RATE_HZ), dtype=np.int16)


def put_set(
    made: EmbeddingSet, workspace: Workspace, path: Path, *, name: str = "esc10", **changes
) -> EmbeddingSet:
    """Write a set whose recordings all lie at `path`."""
    sources = {
        recording: Source(str(path), "0" * 64, SECONDS, RATE_HZ, 1)
        for recording in made.provenance.recordings
    }
    provenance = replace(made.provenance, recordings=sources, **changes)
    written = replace(made, provenance=provenance)
    write_set(written, workspace.set_path(name))
    return written
