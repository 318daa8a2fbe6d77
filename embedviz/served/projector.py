"""The Embedding Projector over a bundle that the workspace wrote."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from embedviz.served.frontend import answer
from embedviz.served.rows import workspace_of
from embedviz.ui.exports import bundle_of


def projector(request: Request) -> Response:
    """Send the projector's page, or what it asks for."""
    bundle = bundle_of(workspace_of(request), request.path_params["bundle"])
    return answer(bundle, request.path_params["file"], request)
