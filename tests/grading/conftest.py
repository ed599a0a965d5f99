"""A release of chapter 02, short limits, and the jail where there is one."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from notebooks import NAME, SEED, Book, released_notebook

from dmlcourse.grading import jail
from dmlcourse.grading.marking import Config
from dmlcourse.grading.release import Release, read_releases


@pytest.fixture(scope="session")
def released() -> NotebookNode:
    return released_notebook()


@pytest.fixture(scope="session")
def release_folder(released: NotebookNode, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("release")
    nbformat.write(released, folder / NAME)
    return folder


@pytest.fixture(scope="session")
def release(release_folder: Path) -> Release:
    return read_releases(release_folder)[0]


@pytest.fixture
def book(released: NotebookNode) -> Book:
    return Book(released)


@pytest.fixture(scope="session")
def jailed() -> None:
    """Skips where this machine has no jail."""
    there, why = jail.available()
    if not there:
        pytest.skip(why)


@pytest.fixture(scope="session")
def config(release: Release) -> Config:
    """Short limits, so that what hangs does not hang for long, and the seed of most tests."""
    limits = jail.Limits(cell=1, case=1, grace=0.5, submission=60, memory=512 * jail.MB)
    return Config((release,), seed=SEED, limits=limits)
