"""One file from a web address that somebody gave: from public hosts only, and never more than said.

A server must not fetch for a stranger what lies on its own network, so every address that a name
stands for is looked at before a connection and again after it, and so is every redirection. There
is no detour by a proxy, which would hide where a connection leads.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from embedviz.errors import EmbedvizError

LARGEST_BYTES = 4_000_000_000
MOST_REDIRECTS = 5
TIMEOUT_S = 30.0
LONGEST_S = 3600.0

_CHUNK_BYTES = 1 << 18
_REDIRECTS = (301, 302, 303, 307, 308)
_LONGEST_NAME = 120

Progress = Callable[[int, int], None]
"""Is told the bytes done and all bytes, 0 where unknown; raising from it stops the download."""
Allowed = Callable[[str], bool]
"""Tells whether an IP address may be connected to."""


@dataclass(frozen=True)
class Fetched:
    """A file and the address that it really came from, after all redirections."""

    path: Path
    url: str


def is_public(address: str) -> bool:
    """Tell whether an IP address is one of the internet's, not of this machine or its network."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return found.is_global and not found.is_multicast


def fetch(
    url: str,
    folder: Path,
    *,
    most_bytes: int = LARGEST_BYTES,
    allowed: Allowed = is_public,
    progress: Progress | None = None,
) -> Fetched:
    """Bring a file from the web into `folder`, under the name at the end of its address.

    Parameters
    ----------
    url
        Begins with `http://` or `https://`.
    folder
        Must exist; a file of the same name is replaced.
    most_bytes
        A file that is larger is refused, as soon as that is known.
    allowed, progress
        See `Allowed` and `Progress`.

    Raises
    ------
    EmbedvizError
        If the address is none that may be fetched from, the server does not give the file, or it
        is too large or too slow.
    """
    address = url
    try:
        for _ in range(MOST_REDIRECTS + 1):
            parts = _checked(address)
            connection = _connection(parts, allowed)
            try:
                answer = _asked(connection, parts)
                if answer.status not in _REDIRECTS:
                    path = folder / _name(parts)
                    _receive(answer, path, most_bytes, address, progress)
                    return Fetched(path, address)
                address = urljoin(address, answer.headers.get("Location", ""))
            finally:
                connection.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise EmbedvizError(f"{address} could not be fetched: {_reason(error)}.") from error
    raise EmbedvizError(f"{url} leads on more than {MOST_REDIRECTS} times; give the last address.")


def _checked(url: str) -> SplitResult:
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise EmbedvizError(f"{url} is no web address; give one that starts with https://.")
    return parts


class _Guarded(http.client.HTTPConnection):
    """Connects to allowed addresses alone, whatever a name stands for a moment later."""

    allowed: Allowed = staticmethod(is_public)

    def connect(self) -> None:
        for *_, place in socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM):
            self._refuse_private(str(place[0]))
        super().connect()
        self._refuse_private(str(self.sock.getpeername()[0]))

    def _refuse_private(self, address: str) -> None:
        if not self.allowed(address):
            self.close()
            raise EmbedvizError(
                f"{self.host} is not on the public internet; save the file and import it from disk."
            )


# HTTPSConnection connects through the class behind it, so the guard comes before the handshake.
class _GuardedTls(http.client.HTTPSConnection, _Guarded):
    """The same with encryption."""


def _connection(parts: SplitResult, allowed: Allowed) -> _Guarded:
    host = (parts.hostname or "").encode("idna").decode()
    connection: _Guarded
    if parts.scheme == "https":
        connection = _GuardedTls(host, parts.port or 443, timeout=TIMEOUT_S, context=_context())
    else:
        # Without a port, the end of an IPv6 address would be taken for one.
        connection = _Guarded(host, parts.port or 80, timeout=TIMEOUT_S)
    connection.allowed = allowed
    return connection


def _context() -> ssl.SSLContext:
    # Some systems have no certificates where Python looks for them.
    from requests.utils import DEFAULT_CA_BUNDLE_PATH

    context = ssl.create_default_context()
    context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
    return context


def _asked(connection: _Guarded, parts: SplitResult) -> http.client.HTTPResponse:
    target = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~")
    if parts.query:
        target += "?" + quote(parts.query, safe="/%:@!$&'()*+,;=~?")
    # Compressed on the way, a small file could grow beyond all limits.
    headers = {"User-Agent": "embedviz", "Accept": "*/*", "Accept-Encoding": "identity"}
    connection.request("GET", target, headers=headers)
    return connection.getresponse()


def _receive(
    answer: http.client.HTTPResponse,
    path: Path,
    most_bytes: int,
    url: str,
    progress: Progress | None,
) -> None:
    if answer.status != http.client.OK:
        raise ValueError(f"the server answered {answer.status} {answer.reason}")
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise ValueError("the server sends it compressed, though asked not to")
    whole = int(answer.headers.get("Content-Length") or 0)
    started_s, done = time.monotonic(), 0
    with path.open("wb") as file:
        while True:
            if max(whole, done) > most_bytes:
                raise EmbedvizError(
                    f"{url} has more than {most_bytes:,} bytes, as many as may be fetched; save "
                    "it and import it from disk."
                )
            chunk = answer.read(_CHUNK_BYTES)
            if not chunk:
                break
            file.write(chunk)
            done += len(chunk)
            if progress is not None:
                progress(done, whole)
            if time.monotonic() - started_s > LONGEST_S:
                raise ValueError(f"it was not complete after {LONGEST_S / 60:.0f} minutes")
    if done < whole:
        raise ValueError(f"the connection broke after {done:,} of {whole:,} bytes")


def _name(parts: SplitResult) -> str:
    name = PurePosixPath(unquote(parts.path)).name
    safe = "".join(c if c.isalnum() or c in "._-" else "_" for c in name).lstrip(".")
    return safe[-_LONGEST_NAME:] or "download"


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {TIMEOUT_S:g} s"
    if isinstance(error, socket.gaierror):
        return "there is no host of that name, or this machine is offline"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return str(error) or type(error).__name__
