"""Files that a browser sends in pieces, straight to the disk: a cut connection continues.

GET     /upload/<token>/<id>?name=night/1.wav&size=123456           how much has arrived
PUT     /upload/<token>/<id>?name=night/1.wav&size=123456&offset=0  the next piece
DELETE  /upload/<token>/<id>                                        the user does not want it

Both first ones answer with `{"offset": …, "done": …}`, the place to go on from. A piece for
another place is not taken and answered in the same way, with 409. The id is the browser's; of a
file that has come whole and is still kept, both are told that it is done.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from urllib.parse import urlsplit

from anyio import to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from embedviz.errors import EmbedvizError
from embedviz.served.answers import refused
from embedviz.served.rows import workspace_of
from embedviz.ui.incoming import DiskFull, Incoming, TooLarge

WRITE_BYTES = 1 << 20
MOST_UNWANTED_BYTES = 32 << 20
"""Of a piece that is not taken so much is read, or its browser would never see the answer."""
LARGEST_NUMBER_DIGITS = 15
NOT_KEPT = {"Cache-Control": "no-store"}


class Receiver:
    """Takes the pieces of all files; two at once of one file could not both be right."""

    def __init__(self) -> None:
        # Only the event loop looks at these.
        self._writing: set[Path] = set()
        self._unwanted: set[Path] = set()

    async def answer(self, request: Request) -> Response:
        """Say how much has arrived, take a piece, or forget a file."""
        asks = request.method in ("GET", "HEAD")
        if not asks and not from_own_page(request):
            return refused(EmbedvizError("Files are taken from the app's own page only."), 403)
        try:
            if request.method == "DELETE":
                return await self._forget(await to_thread.run_sync(_incoming, request))
            piece = _Piece.of(request)
            incoming = await to_thread.run_sync(_wanted, request, piece)
            if asks:
                return await to_thread.run_sync(_standing, incoming, piece)
            return await self._take(request, incoming, piece)
        except (EmbedvizError, OSError) as error:
            if request.method == "PUT":
                await _drain(request)
            return _answered(error)

    async def _take(self, request: Request, incoming: Incoming, piece: _Piece) -> Response:
        path = incoming.path
        if path in self._writing:
            await _drain(request)
            return await to_thread.run_sync(_standing, incoming, piece, 409)
        self._writing.add(path)
        try:
            file = await to_thread.run_sync(_opened, incoming, piece.offset)
            if file is None:
                await _drain(request)
                return await to_thread.run_sync(_standing, incoming, piece, 409)
            with file:
                rest = await self._all_but_the_rest(request, incoming, piece, file)
                if path in self._unwanted:
                    return _arrived(0)
                return await to_thread.run_sync(_ended, incoming, piece, file, rest)
        finally:
            self._writing.discard(path)
            if path in self._unwanted:
                self._unwanted.discard(path)
                await to_thread.run_sync(incoming.forget)

    async def _all_but_the_rest(
        self, request: Request, incoming: Incoming, piece: _Piece, file: FileIO
    ) -> bytearray:
        """Write a piece while it comes and give its last bytes, which are not yet written."""
        left, waiting = piece.size_bytes - piece.offset, bytearray()
        try:
            async for part in request.stream():
                left -= len(part)
                if left < 0:
                    raise _Nonsense("More arrived than the file was said to have.")
                waiting += part
                if len(waiting) >= WRITE_BYTES:
                    await to_thread.run_sync(_write, file, waiting)
                if incoming.path in self._unwanted:
                    break
        except ClientDisconnect:
            # What has come stays; the browser asks where to go on.
            pass
        return waiting

    async def _forget(self, incoming: Incoming) -> Response:
        if incoming.path in self._writing:
            self._unwanted.add(incoming.path)
        else:
            await to_thread.run_sync(incoming.forget)
        return _arrived(0)


class _Nonsense(EmbedvizError):
    """No page of ours asks like this."""


@dataclass(frozen=True)
class _Piece:
    """What the address of a piece says of it and of its file."""

    name: str
    size_bytes: int
    """Of the whole file."""
    offset: int

    @classmethod
    def of(cls, request: Request) -> _Piece:
        name = request.query_params.get("name", "")
        size, offset = _number(request, "size", ""), _number(request, "offset", "0")
        if not name:
            raise _Nonsense("A file needs a name.")
        if offset > size:
            raise _Nonsense(f"There is no place {offset} in {size} bytes.")
        return cls(name, size, offset)


def from_own_page(request: Request) -> bool:
    """Tell whether a page of this app asks, by what browsers say of themselves.

    The first header is sent over HTTPS and to this machine alone, the second always; a server in
    between may change the host that the second one is compared with.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin", "")
    return urlsplit(origin).netloc == request.headers.get("host", "") != ""


def _incoming(request: Request) -> Incoming:
    return Incoming.of(workspace_of(request), request.path_params["id"])


def _wanted(request: Request, piece: _Piece) -> Incoming:
    incoming = _incoming(request)
    incoming.check(piece.name, piece.size_bytes)
    return incoming


def _standing(incoming: Incoming, piece: _Piece, status: int = 200) -> Response:
    """Say how much has arrived."""
    if incoming.is_there(piece.size_bytes):
        return _arrived(piece.size_bytes, done=True, status=status)
    return _arrived(incoming.arrived_bytes, status=status)


def _number(request: Request, name: str, default: str) -> int:
    given = request.query_params.get(name, default)
    if not (given.isascii() and given.isdigit() and len(given) <= LARGEST_NUMBER_DIGITS):
        raise _Nonsense(f"{name}={given[:20]} is no number of bytes.")
    return int(given)


def _opened(incoming: Incoming, offset: int) -> FileIO | None:
    """Open a file to go on at `offset`; None where that is not its end."""
    return incoming.open() if offset == incoming.arrived_bytes else None


def _write(file: FileIO, waiting: bytearray) -> None:
    """Write all that waits."""
    # Unbuffered files may take less than they are given.
    while waiting:
        del waiting[: file.write(waiting)]


def _ended(incoming: Incoming, piece: _Piece, file: FileIO, rest: bytearray) -> Response:
    """End a piece and, with the last, the file."""
    _write(file, rest)
    file.close()
    there = incoming.arrived_bytes
    if there < piece.size_bytes:
        return _arrived(there)
    incoming.finish(piece.name)
    return _arrived(there, done=True)


async def _drain(request: Request) -> None:
    """Read what is still coming of a piece that is not taken."""
    count = 0
    try:
        async for part in request.stream():
            count += len(part)
            if count > MOST_UNWANTED_BYTES:
                return
    # The second one where the body was read before.
    except (ClientDisconnect, RuntimeError):
        return


def _arrived(offset: int, *, done: bool = False, status: int = 200) -> Response:
    return JSONResponse({"offset": offset, "done": done}, status, headers=NOT_KEPT)


def _answered(error: EmbedvizError | OSError) -> Response:
    if isinstance(error, EmbedvizError):
        known = {_Nonsense: 400, TooLarge: 413, DiskFull: 507}
        return refused(error, known.get(type(error), 404))
    if error.errno == errno.ENOSPC:
        return refused(EmbedvizError("The server's disk is full; make room first."), 507)
    if error.errno == errno.ENAMETOOLONG:
        return refused(EmbedvizError("The file's name, with its folders, is too long."), 400)
    raise error
