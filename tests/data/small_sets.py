"""Sets of a few samples in the formats of the real ones, and a server that hands them out."""

from __future__ import annotations

import gzip
import io
import struct
import threading
import zipfile
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import md5, sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
from PIL import Image

from dmlcourse.data import omniglot
from dmlcourse.data.download import Collection, RemoteFile
from dmlcourse.data.mnist import unpack as unpack_idx

SIDE = omniglot.SIDE


def idx(values: np.ndarray, magic: int | None = None) -> bytes:
    """An array of bytes in the idx format, not packed yet."""
    magic = 0x0800 + values.ndim if magic is None else magic
    return struct.pack(f">{1 + values.ndim}I", magic, *values.shape) + values.tobytes()


def digits(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return (
        rng.integers(256, size=(count, 28, 28), dtype=np.uint8),
        rng.integers(10, size=count, dtype=np.uint8),
    )


def png(ink: np.ndarray) -> bytes:
    """A picture of one bit a pixel, black where there is ink."""
    out = io.BytesIO()
    Image.fromarray(~ink.astype(bool)).save(out, "PNG")
    return out.getvalue()


def archive(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return out.getvalue()


def drawing(number: int, writer: int) -> np.ndarray:
    """Ink (105, 105): a block, placed by the number of the character and as wide as the writer."""
    ink = np.zeros((SIDE, SIDE), bool)
    ink[3 * number : 3 * number + 10, 20 : 30 + writer] = True
    return ink


def drawings(folder: str, characters: tuple[str, ...], first: int, writers: int = 2) -> dict:
    """The members of an archive: each character by each writer, numbered on from ``first``."""
    return {
        f"{folder}/{name}/{first + i:04}_{w:02}.png": png(drawing(first + i, w))
        for i, name in enumerate(characters)
        for w in range(1, writers + 1)
    }


BACKGROUND = ("Greek/character01", "Greek/character02", "Hebrew/character01")
EVALUATION = ("Gurmukhi/character41", "Gurmukhi/character42", "Tibetan/character01")
# Query 1 shows class 3, query 2 class 1, query 3 class 2.
ANSWERS = (3, 1, 2)


def runs() -> dict[str, bytes]:
    """The members of an archive of two runs with three characters each."""
    members: dict[str, bytes] = {}
    for run in ("run01", "run02"):
        for i in (1, 2, 3):
            members[f"{run}/training/class{i:02}.png"] = png(drawing(i, 1))
        lines = []
        for item, answer in enumerate(ANSWERS, start=1):
            members[f"{run}/test/item{item:02}.png"] = png(drawing(answer, 2))
            lines.append(f"{run}/test/item{item:02}.png {run}/training/class{answer:02}.png")
        members[f"{run}/class_labels.txt"] = ("\n".join(lines) + "\n").encode()
    return members


def expected_digest(members: dict[str, bytes]) -> str:
    """What ``omniglot.digest`` must give, worked out from the members alone."""
    names = sorted(name for name in members if name.endswith(".png"))
    bits = b"".join(
        np.packbits(~np.asarray(Image.open(io.BytesIO(members[name]))), axis=1).tobytes()
        for name in names
    )
    texts = [members[name].decode().splitlines() for name in members if name.endswith(".txt")]
    lines = sorted(line for text in texts for line in text)
    return sha256("\n".join([*names, *lines, ""]).encode() + bits).hexdigest()


def small_mnist(server: Server) -> Collection:
    """Five training and three test digits, handed out by ``server``."""
    files = []
    for part, count in (("train", 5), ("t10k", 3)):
        for kind, values in zip(("images-idx3", "labels-idx1"), digits(count, count), strict=True):
            name = f"{part}-{kind}-ubyte.gz"
            raw = idx(values)
            packed = gzip.compress(raw, mtime=0)
            server.answers[f"/{name}"] = Answer(packed)
            files.append(
                RemoteFile(
                    f"mnist/{name}",
                    f"{server.address}/{name}",
                    len(packed),
                    values.shape,
                    sha256(raw).hexdigest(),
                    unpack_idx,
                    md5(packed).hexdigest(),
                )
            )
    return Collection("mnist", "MNIST", "Somebody, 1998. CC BY-SA 3.0.", tuple(files))


def small_omniglot(server: Server) -> Collection:
    """Six characters by two writers, and two runs of three, handed out by ``server``."""
    contents = {
        "images_background.zip": drawings("images_background", BACKGROUND, 1),
        "images_evaluation.zip": drawings("images_evaluation", EVALUATION, 4),
        "all_runs.zip": runs(),
    }
    files = []
    for name, members in contents.items():
        packed = archive(members)
        is_runs = name == "all_runs.zip"
        server.answers[f"/{name}"] = Answer(packed)
        files.append(
            RemoteFile(
                f"omniglot/{name}",
                f"{server.address}/{name}",
                len(packed),
                (sum(member.endswith(".png") for member in members), SIDE, SIDE),
                expected_digest(members),
                omniglot.unpack_runs if is_runs else omniglot.unpack,
                None if is_runs else md5(packed).hexdigest(),
            )
        )
    return Collection("omniglot", "Omniglot", "Somebody, 2015. MIT licence.", tuple(files))


@dataclass(frozen=True)
class Answer:
    """What the server sends.

    It breaks off after ``sent`` bytes where that is given; or waits there until it may ``go_on``.
    """

    body: bytes
    status: int = 200
    sent: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    meeting: threading.Barrier | None = None
    go_on: threading.Event | None = None
    says_length: bool = True


class Server:
    """A web server on this machine, with an answer for each path, and the paths asked for."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                outer._answer(self, outer.answers.get(self.path, Answer(b"no", 404)))

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_port}"
        # A short poll: closing waits for one.
        settings = {"poll_interval": 0.01}
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs=settings)
        self.thread.start()

    def _answer(self, request: BaseHTTPRequestHandler, answer: Answer) -> None:
        if answer.meeting:
            answer.meeting.wait(timeout=20)
        request.send_response(answer.status)
        if answer.says_length:
            request.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers.items():
            request.send_header(name, value)
        request.end_headers()
        # Whoever asked may have left.
        with suppress(OSError):
            request.wfile.write(answer.body[: answer.sent])
            if answer.go_on and answer.go_on.wait(timeout=30):
                request.wfile.write(answer.body[answer.sent :])

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()
