"""Columns of a set and what pages published, as packed bytes."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from embedviz.errors import EmbedvizError
from embedviz.packing import pack_column
from embedviz.served.answers import tagged
from embedviz.served.rows import workspace_of
from embedviz.ui.packs import published

PACKED = "application/octet-stream"


def column(request: Request) -> Response:
    """Send a column of a set's table; labels change, so it is asked for anew each time."""
    workspace = workspace_of(request)
    name, title = request.path_params["name"], request.path_params["column"]
    # Taken first: labels that are set meanwhile must not get the tag of those before.
    state = workspace.state(name)
    table = workspace.open_set(name).table
    if title not in table:
        raise EmbedvizError(f"The set has no column {title!r}.")
    return tagged(request, lambda: pack_column(table[title]), PACKED, state=state)


def pack(request: Request) -> Response:
    """Send values that a page of this workspace published."""
    path = published(workspace_of(request), request.path_params["digest"])
    return FileResponse(path, media_type=PACKED)
