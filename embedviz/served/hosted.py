"""The files of a bundle for pages of other sites, under an address that its owner switched on."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from embedviz.errors import EmbedvizError
from embedviz.projector.configs import CONFIG_JSON
from embedviz.served.answers import refused
from embedviz.served.bundles import NOT_KEPT, config_at, file_of
from embedviz.ui.hosting import hosted_bundle

FOR_ALL = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Max-Age": "600",
    # Browsers ask this before a public page may reach a server on the user's own network.
    "Access-Control-Allow-Private-Network": "true",
    "Cross-Origin-Resource-Policy": "cross-origin",
}


def hosted(request: Request) -> Response:
    """Send a file of a hosted bundle; its config with absolute addresses, as it was reached."""
    try:
        response = _file(request)
    except EmbedvizError as error:
        # A page of another site may read why, too.
        response = refused(error)
    response.headers.update(FOR_ALL)
    return response


def _file(request: Request) -> Response:
    if request.method == "OPTIONS":
        return Response(status_code=204)
    bundle, name = hosted_bundle(request.path_params["address"]), request.path_params["file"]
    if name != CONFIG_JSON:
        return file_of(bundle, name)
    # The link that the app shows says so where the user's browser reached the app over https: a
    # proxy in between may speak http with this server, and an https page fetches no http address.
    secure = request.query_params.get("over") == "https"
    scheme = "https" if secure else request.url.scheme
    here = str(request.url.replace(scheme=scheme, query="", fragment=""))
    config = config_at(bundle, here.removesuffix(CONFIG_JSON))
    return Response(config, media_type="application/json", headers=NOT_KEPT)
