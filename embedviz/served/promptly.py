"""Answers that leave at once.

Head and body of an answer are written one after the other. With Nagle's algorithm the body waits
until the browser has acknowledged the head: 40 ms on Linux, for every picture and every sound.
asyncio turns the algorithm off, but only for sockets that name TCP as their protocol, and the one
that Streamlit 1.67 binds names none (`starlette_server._bind_socket`).
"""

from __future__ import annotations

import gc
import socket


def answer_promptly() -> int:
    """Turn the delay off for all connections to come of this process's servers and count those."""
    # Streamlit hands the socket to nobody; connections inherit what is set on it.
    servers = [thing for thing in gc.get_objects() if _listens(thing)]
    for server in servers:
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return len(servers)


def _listens(thing: object) -> bool:
    if type(thing) is not socket.socket or thing.fileno() < 0:
        return False
    internet = thing.family in (socket.AF_INET, socket.AF_INET6)
    if not internet or thing.type != socket.SOCK_STREAM:
        return False
    return bool(thing.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
