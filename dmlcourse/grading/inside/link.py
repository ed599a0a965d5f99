"""What both ends of the jail agree on: messages over a socket, and where a submission may write.

A message is eight bytes of length, then the bytes.
"""

from __future__ import annotations

import socket
import time

PREFIX = 8
MOST_ASKED, MOST_REPLIED = 256 << 20, 8 << 20
PIECE = 1 << 20
# Not /tmp: the course, and the environment it runs in, may lie there.
SCRATCH = "/scratch"


class Closed(Exception):
    """The other end is gone."""


class TooLong(Exception):
    """The other end announces a message that is longer than what is taken."""


def send(link: socket.socket, message: bytes) -> None:
    """Send one message."""
    link.sendall(len(message).to_bytes(PREFIX, "big") + message)


def receive(link: socket.socket, most: int, deadline: float | None = None) -> bytes:
    """The next message, at most ``most`` bytes long, before ``deadline`` (``time.monotonic``).

    Raises:
        Closed: the connection ended.
        TooLong: nothing of the message has been read then.
        TimeoutError: the deadline passed.
    """
    size = int.from_bytes(_exactly(link, PREFIX, deadline), "big")
    if size > most:
        raise TooLong(f"a message of {size} bytes; at most {most} are taken")
    return _exactly(link, size, deadline)


def _exactly(link: socket.socket, size: int, deadline: float | None) -> bytes:
    found = bytearray()
    while len(found) < size:
        if deadline is not None:
            left = deadline - time.monotonic()
            # Asked each time: whoever sends a byte now and then must not wait for ever.
            if left <= 0:
                raise TimeoutError("the deadline passed")
            link.settimeout(left)
        piece = link.recv(min(size - len(found), PIECE))
        if not piece:
            raise Closed("the connection ended")
        found += piece
    return bytes(found)
