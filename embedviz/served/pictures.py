"""Pictures: what the model saw of a row or of many, the recording around a row, pages' own."""

from __future__ import annotations

import io
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from embedviz import sheets, thumbnails
from embedviz.data import ByteArray, EmbeddingSet
from embedviz.errors import EmbedvizError
from embedviz.served import around
from embedviz.served.rows import Row, place_of, set_of, workspace_of
from embedviz.ui.packs import published

COLOURS: Mapping[str, thumbnails.Colours] = {"magma": "magma", "inverted": "inverted grey"}


def picture(request: Request) -> Response:
    """Draw the patch that the model saw as a PNG."""
    row = Row.of(request)
    patch = _patches(row.embedding_set)[row.index]
    png = io.BytesIO()
    thumbnails.picture(patch, colours=_colours(request)).save(png, "PNG")
    return Response(png.getvalue(), media_type="image/png")


def sheet(request: Request) -> Response:
    """Draw the patches of many rows as one PNG."""
    _, embedding_set = set_of(request)
    patches, index = _patches(embedding_set), place_of(request, "index")
    if index is None:
        raise EmbedvizError(f"Sheets have numbers; {request.path_params['index'][:20]} is none.")
    png = sheets.sheet(patches, request.path_params["level"], index, _colours(request))
    return Response(png, media_type="image/png")


def surroundings(request: Request) -> Response:
    """Draw the spectrogram of the recording around a row as a PNG."""
    row, colours = Row.of(request), _colours(request)
    upright = around.levels(row).T[::-1]
    return Response(sheets.png(upright, colours), media_type="image/png")


def drawn(request: Request) -> Response:
    """Send a PNG that a page of this workspace published."""
    path = published(workspace_of(request), request.path_params["digest"])
    return FileResponse(path, media_type="image/png")


def _patches(embedding_set: EmbeddingSet) -> ByteArray:
    if embedding_set.thumbnails is None:
        raise EmbedvizError("This set was made without pictures.")
    return embedding_set.thumbnails


def _colours(request: Request) -> thumbnails.Colours:
    colours = request.query_params.get("colours", "magma")
    if colours not in COLOURS:
        raise EmbedvizError(f"{colours!r} is no choice of colours; {' and '.join(COLOURS)} are.")
    return COLOURS[colours]
