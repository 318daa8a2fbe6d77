"""Show this folder's bundle in the Embedding Projector, with Python alone.

Run it, open the address that it prints, stop it with Ctrl-C. It answers with the files of its own
folder and nothing else, to whatever page asks for them: that is how projector.tensorflow.org reads
them. By default only this machine can ask.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import socketserver
import sys
import webbrowser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urljoin, urlsplit

CONFIG = "projector_config.json"
PROJECTOR = "https://projector.tensorflow.org/?config="
PORT = 8000
MEDIA_TYPES = {
    ".bytes": "application/octet-stream",
    ".json": "application/json",
    ".pbtxt": "text/plain; charset=utf-8",
    ".png": "image/png",
    ".py": "text/plain; charset=utf-8",
    ".tsv": "text/tab-separated-values; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
}
HOST = re.compile(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")


class BundleServer(ThreadingHTTPServer):
    """Serves one folder; every answer may be read by pages of any site."""

    daemon_threads = True
    # Windows would let two programs listen on one port.
    allow_reuse_address = sys.platform != "win32"

    def __init__(self, folder: Path, host: str, port: int) -> None:
        self.folder = folder.resolve()
        super().__init__((host, port), Answer)

    def server_bind(self) -> None:
        """Listen without asking the network for this machine's name, which can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    @property
    def address(self) -> str:
        """Where a browser on this machine finds it; browsers trust no other http address."""
        host = str(self.server_address[0])
        return f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{self.server_address[1]}"

    @property
    def link(self) -> str:
        """The projector on this bundle."""
        return PROJECTOR + quote(f"{self.address}/{CONFIG}", safe="")

    def find(self, path: str) -> Path | None:
        """Give the file of the folder that a path of an address names; None if it has none."""
        try:
            file = (self.folder / unquote(urlsplit(path).path).lstrip("/")).resolve()
            # Links are followed first, so one that leads out leads nowhere.
            inside = self.folder in file.parents
            return file if inside and file.is_file() else None
        except (OSError, ValueError):  # a name that no file can have
            return None

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Say nothing of a browser that went away; say everything else."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Answer(BaseHTTPRequestHandler):
    """Answers one request."""

    server: BundleServer
    server_version = "bundle"
    sys_version = ""

    def do_GET(self) -> None:
        """Send a file, or at the root what there is to open."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Send the headers of a file."""
        self._answer(with_body=False)

    def do_OPTIONS(self) -> None:
        """Tell a browser that it may ask."""
        self.send_response(204)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def end_headers(self) -> None:
        """Add what every answer carries, errors too."""
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
        self.send_header("Access-Control-Allow-Headers", "*")
        self.send_header("Access-Control-Allow-Private-Network", "true")
        self.send_header("Cross-Origin-Resource-Policy", "cross-origin")
        self.send_header("Cache-Control", "no-cache")
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def _answer(self, with_body: bool) -> None:
        if self.path == "/":
            self._send(f"{self.server.link}\n".encode(), "text/plain; charset=utf-8", with_body)
            return
        file = self.server.find(self.path)
        if file is None:
            self.send_error(404, "This bundle has no such file")
        elif file == self.server.folder / CONFIG:
            config = with_addresses(file.read_bytes(), self._base())
            self._send(config, MEDIA_TYPES[".json"], with_body)
        else:
            self._send_file(file, with_body)

    def _base(self) -> str:
        """Give the address that the asking browser knows this server by."""
        asked = self.headers.get("Host", "")
        return f"http://{asked}/" if HOST.fullmatch(asked) else f"{self.server.address}/"

    def _send(self, content: bytes, media_type: str, with_body: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if with_body:
            self.wfile.write(content)

    def _send_file(self, file: Path, with_body: bool) -> None:
        with file.open("rb") as stream:
            self.send_response(200)
            self.send_header(
                "Content-Type", MEDIA_TYPES.get(file.suffix, "application/octet-stream")
            )
            self.send_header("Content-Length", str(file.stat().st_size))
            self.end_headers()
            if with_body:
                shutil.copyfileobj(stream, self.wfile, 1 << 20)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401
        """Say nothing of what went well."""

    def log_error(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401
        """Name what was asked for in vain."""
        sys.stderr.write(f"not served: {self.path!r}\n" if hasattr(self, "path") else "")


def with_addresses(config: bytes, base: str) -> bytes:
    """Give a config whose paths are whole addresses; the projector finds no others.

    Paths that are addresses already stay as they are, and so does what is no config at all.
    """
    try:
        found = json.loads(config)
        for one in found["embeddings"]:
            for holder, field in (
                (one, "tensorPath"),
                (one, "metadataPath"),
                (one, "bookmarksPath"),
                (one.get("sprite") or {}, "imagePath"),
            ):
                if holder.get(field):
                    holder[field] = urljoin(base, holder[field])
    except (AttributeError, KeyError, TypeError, ValueError):
        return config
    return json.dumps(found, indent=2).encode() + b"\n"


def serve(folder: Path, host: str, port: int | None) -> BundleServer:
    """Start to listen on a port; without one, on 8000 or any that is free."""
    try:
        return BundleServer(folder, host, PORT if port is None else port)
    except OSError:
        if port is not None:
            raise
        return BundleServer(folder, host, 0)


def main() -> int:
    """Serve until Ctrl-C."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, help="8000, or any that is free")
    options.add_argument("--host", default="127.0.0.1", help="0.0.0.0 lets other machines ask")
    options.add_argument("--open", action="store_true", help="open the projector in a browser")
    asked = options.parse_args()
    folder = Path(__file__).parent
    if not (folder / CONFIG).is_file():
        sys.stderr.write(f"There is no {CONFIG} beside this program; run it inside a bundle.\n")
        return 1
    try:
        server = serve(folder, asked.host, asked.port)
    except (OSError, OverflowError) as problem:
        where = f"{asked.host}, port {asked.port or PORT}"
        sys.stderr.write(f"It cannot listen on {where} ({problem}); choose another --port.\n")
        return 1
    sys.stdout.write(f"{server.link}\nOpen this address; stop with Ctrl-C.\n")
    sys.stdout.flush()
    if asked.open:
        webbrowser.open(server.link)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        sys.stdout.write("\n")
    finally:
        server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
