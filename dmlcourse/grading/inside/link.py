"""Messages over a socket: eight bytes of length, then the bytes. Used at both ends."""

from __future__ import annotations

import socket
import time

PREFIX = 8
MOST_ASKED, MOST_REPLIED = 256 << 20, 8 << 20
PIECE = 1 << 20


class Closed(Exception):
    """The other end is gone, is silent, or sends what is no message."""


def send(link: socket.socket, message: bytes) -> None:
    """Send one message."""
    link.sendall(len(message).to_bytes(PREFIX, "big") + message)


def receive(link: socket.socket, most: int, deadline: float | None = None) -> bytes:
    """The next message, at most ``most`` bytes long, before ``deadline`` (``time.monotonic``).

    Raises:
        Closed: the connection ended, or the message is too long.
        TimeoutError: the deadline passed.
    """
    size = int.from_bytes(_exactly(link, PREFIX, deadline), "big")
    if size > most:
        raise Closed(f"a message of {size} bytes; at most {most} are taken")
    return _exactly(link, size, deadline)


def _exactly(link: socket.socket, size: int, deadline: float | None) -> bytes:
    found = bytearray()
    while len(found) < size:
        if deadline is not None:
            # Zero would mean "do not wait", which is another error.
            link.settimeout(max(deadline - time.monotonic(), 1e-3))
        piece = link.recv(min(size - len(found), PIECE))
        if not piece:
            raise Closed("the connection ended")
        found += piece
    return bytes(found)
