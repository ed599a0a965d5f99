"""A data folder and a server for each test, so that no test touches the network or the cache."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from small_sets import Server, small_mnist, small_omniglot

from dmlcourse.data import mnist, omniglot
from dmlcourse.data.download import Collection


@pytest.fixture
def data_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder."""
    monkeypatch.setenv("DMLCOURSE_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def server(data_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    # No proxy of the machine between us and 127.0.0.1.
    monkeypatch.setenv("NO_PROXY", "*")
    running = Server()
    yield running
    running.close()


@pytest.fixture
def small(server: Server, monkeypatch: pytest.MonkeyPatch) -> dict[str, Collection]:
    """MNIST and Omniglot with a few samples, on the local server, in place of the real ones."""
    collections = {"mnist": small_mnist(server), "omniglot": small_omniglot(server)}
    monkeypatch.setattr(mnist, "MNIST", collections["mnist"])
    monkeypatch.setattr(omniglot, "OMNIGLOT", collections["omniglot"])
    return collections
