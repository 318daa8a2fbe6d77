"""Rows that were chosen on a map: kept where the page's actions find them."""

from __future__ import annotations

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from embedviz.data import EmbeddingSet
from embedviz.errors import EmbedvizError
from embedviz.packing import unpack_rows
from embedviz.served.answers import refused
from embedviz.served.columns import PACKED
from embedviz.served.rows import set_of, workspace_of
from embedviz.ui.packs import keep_selection, selection_bits
from embedviz.ui.workspace import Workspace


async def choose(request: Request) -> Response:
    """Keep the rows whose bits are sent and give their id."""
    workspace, embedding_set = await to_thread.run_sync(set_of, request)
    bits = await _body(request, most=-(-len(embedding_set) // 8))
    return await to_thread.run_sync(
        _kept, workspace, request.path_params["name"], embedding_set, bits
    )


def chosen(request: Request) -> Response:
    """Send the bits of rows that were chosen."""
    params = request.path_params
    bits = selection_bits(workspace_of(request), params["name"], params["id"])
    return Response(bits, media_type=PACKED)


def _kept(workspace: Workspace, name: str, embedding_set: EmbeddingSet, bits: bytes) -> Response:
    try:
        rows = unpack_rows(bits, len(embedding_set))
    except EmbedvizError as error:
        return refused(error, 400)
    identity = keep_selection(workspace, name, bits, len(embedding_set))
    answer = {"id": identity, "count": len(rows)}
    return JSONResponse(answer, headers={"Cache-Control": "no-store"})


async def _body(request: Request, *, most: int) -> bytes:
    """Read a body of up to `most` bytes; of a longer one just so much that it shows."""
    content = b""
    async for part in request.stream():
        content += part[: most + 1 - len(content)]
        if len(content) > most:
            break
    return content
