"""What every answer has in common: its headers, one sentence for an error, ranges, tags."""

from __future__ import annotations

import math
import re
from collections.abc import Awaitable, Callable
from hashlib import sha256

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from embedviz.errors import EmbedvizError

HEADERS = {
    "Cache-Control": "private, max-age=3600",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    # The address of the page holds the token.
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
ASK_AGAIN = {"Cache-Control": "private, no-cache"}
"""For what can change: a browser keeps it, but asks each time whether it still holds."""


def answering(make: Callable[[Request], Response]) -> Callable[[Request], Response]:
    """Turn errors into sentences and add the headers that every answer carries."""

    def answer(request: Request) -> Response:
        try:
            return finished(make(request))
        except EmbedvizError as error:
            return refused(error)

    return answer


def answering_later(
    make: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    """Do the same for what must wait for the body of a request."""

    async def answer(request: Request) -> Response:
        try:
            return finished(await make(request))
        except EmbedvizError as error:
            return refused(error)

    return answer


def finished(response: Response) -> Response:
    """Add the headers that the answer does not state itself."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def refused(error: EmbedvizError, status: int = 404) -> Response:
    """Answer with an error's sentence, which nobody keeps."""
    sentence = PlainTextResponse(str(error), status, headers={"Cache-Control": "no-store"})
    return finished(sentence)


def tagged(request: Request, make: Callable[[], bytes], media_type: str, *, state: str) -> Response:
    """Answer with what can change, unless the browser holds what `state` names already."""
    headers = ASK_AGAIN | {"ETag": f'"{state}"'}
    held = request.headers.get("if-none-match", "")
    # Servers in between weaken a tag where they compress.
    if headers["ETag"] in (tag.strip().removeprefix("W/") for tag in held.split(",")):
        return Response(status_code=304, headers=headers)
    return Response(make(), media_type=media_type, headers=headers)


def tag_of(content: bytes) -> str:
    """Give a state for content that is quickly made."""
    return sha256(content).hexdigest()[:16]


def ranged(content: bytes, media_type: str, request: Request) -> Response:
    """Answer with the bytes asked for: Safari plays, and Chromium seeks, nothing else."""
    size = len(content)
    headers = {"Accept-Ranges": "bytes"}
    asked = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("range", ""))
    if asked is None or not any(asked.groups()):
        return Response(content, media_type=media_type, headers=headers)
    first, last = asked.groups()
    start = int(first) if first else max(size - int(last), 0)
    stop = min(int(last) + 1, size) if first and last else size
    if start >= stop:
        return Response(status_code=416, headers=headers | {"Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    return Response(content[start:stop], 206, media_type=media_type, headers=headers)


def number(request: Request, name: str, what: str, default: str = "") -> float:
    """Give a number from the address's query; `what` says of what, as in "seconds".

    Raises
    ------
    EmbedvizError
        It is not there and has no default, or it is no number.
    """
    given = request.query_params.get(name, default)
    try:
        value = float(given)
    except ValueError:
        value = math.nan
    if math.isnan(value):
        raise EmbedvizError(f"{name}={given} is no number of {what}.")
    return value


def whole_number(request: Request, name: str, default: str) -> int:
    """Give a number of rows, at least 1, from the address's query.

    Raises
    ------
    EmbedvizError
        It is none.
    """
    given = request.query_params.get(name, default)
    if not re.fullmatch(r"[0-9]{1,9}", given) or int(given) < 1:
        raise EmbedvizError(f"{name}={given} is no number of rows; 1 and above are.")
    return int(given)
