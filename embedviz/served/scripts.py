"""The map's own JavaScript and styles, as they lie in the app's `assets`."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import Response

from embedviz.errors import EmbedvizError
from embedviz.served.answers import tag_of, tagged
from embedviz.ui.home import asset

MEDIA_TYPES = {"js": "text/javascript", "css": "text/css"}

_NAME = re.compile(r"[a-z][a-z0-9_-]*\.(js|css)")


def script(request: Request) -> Response:
    """Send a module or a style sheet, anew where it has changed."""
    name = request.path_params["file"]
    known = _NAME.fullmatch(name)
    if known is None or not asset(name).is_file():
        raise EmbedvizError(f"The map has no part {name!r}.")
    content = asset(name).read_bytes()
    return tagged(request, lambda: content, MEDIA_TYPES[known[1]], state=tag_of(content))
