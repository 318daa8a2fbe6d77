"""The Embedding Projector's own page, from the `tensorboard` package, over one of our bundles.

The page is three files and some fonts, and asks six questions relative to its own address. They
are answered here rather than by TensorBoard's server, which would import TensorFlow where it is
installed, read vectors as text into Python's numbers and show the first 100,000 points only.

    runs                           [".": the bundle]
    info?run=.                     its embeddings, as projector_config.json lists them
    tensor?run=.&name=vggish       float32, little-endian
    metadata, sprite_image, bookmarks   ?run=.&name=vggish
"""

from __future__ import annotations

import zipfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from embedviz.errors import BundleError
from embedviz.served.bundles import NOT_KEPT, config_at, entries_of, file_of

PAGE, SCRIPT, FONTS = "projector_binary.html", "projector_binary.js", "font-roboto/"
RUN = "."
PARTS = {
    "tensor": "tensor",
    "metadata": "metadata",
    "sprite_image": "sprite",
    "bookmarks": "bookmarks",
}
"""What the page asks for -> the field of an `Entry` that names the file."""
POLICY = "; ".join(
    (
        "default-src 'none'",
        # A library in it writes functions at run time.
        "script-src 'self' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "base-uri 'none'",
        "form-action 'none'",
    )
)
"""The page shows other people's words and must fetch from here alone."""


def answer(bundle: Path, asked: str, request: Request) -> Response:
    """Answer what the projector's page asks for; an empty `asked` is the page itself.

    Raises
    ------
    BundleError
        The bundle cannot be read or has no such thing, or the package is not installed.
    """
    if asked in ("", PAGE):
        return _page()
    if asked == SCRIPT:
        return FileResponse(installed() / SCRIPT, media_type="text/javascript")
    if asked.startswith(FONTS):
        return _font(asked)
    if asked == "runs":
        return JSONResponse([RUN], headers=NOT_KEPT)
    if asked == "info":
        return Response(config_at(bundle, ""), media_type="application/json", headers=NOT_KEPT)
    if asked in PARTS:
        return _part(bundle, asked, request.query_params.get("name", ""))
    raise BundleError(f"The projector has no {asked[:100]!r}.")


def _part(bundle: Path, asked: str, name: str) -> Response:
    entry = entries_of(bundle).get(name)
    file = getattr(entry, PARTS[asked]) if entry else ""
    if not file:
        raise BundleError(f"This bundle has no {asked} of {name[:100]!r}.")
    return file_of(bundle, file)


def _page() -> Response:
    # The fonts lie at the root of TensorBoard's own server; here they lie beside the page.
    page = (installed() / PAGE).read_bytes().replace(b"url(/font-roboto/", b"url(font-roboto/")
    return Response(page, media_type="text/html", headers={"Content-Security-Policy": POLICY})


def _font(name: str) -> Response:
    with zipfile.ZipFile(installed().parents[2] / "webfiles.zip") as packed:
        try:
            return Response(packed.read(name), media_type="font/woff2")
        except KeyError:
            raise BundleError(f"The projector has no {name[:100]!r}.") from None


@cache
def installed() -> Path:
    """Find the projector's files without importing the package that they lie in.

    Raises
    ------
    BundleError
        The package is not installed, or holds no projector.
    """
    found = find_spec("tensorboard")
    folder = Path((found and found.origin) or "").parent / "plugins/projector/tf_projector_plugin"
    if not (folder / PAGE).is_file():
        raise BundleError(
            "The projector's page is not installed; run pip install 'tensorboard>=2.20,<2.22'."
        )
    return folder
