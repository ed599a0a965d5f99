"""A session with a person, a session with a program, and a record that is the test's own."""

import pytest

WHERE = ["dmlcourse.benches.shell", "dmlcourse.benches.predictions"]


@pytest.fixture(autouse=True)
def record(monkeypatch, tmp_path):
    """Keep the record of the person who runs the tests out of it."""
    monkeypatch.setenv("DMLCOURSE_HOME", str(tmp_path))


@pytest.fixture
def a_person(monkeypatch):
    """Somebody is there."""
    for module in WHERE:
        monkeypatch.setattr(f"{module}.is_interactive", lambda: True)


@pytest.fixture
def a_program(monkeypatch):
    """Nobody is there."""
    for module in WHERE:
        monkeypatch.setattr(f"{module}.is_interactive", lambda: False)


@pytest.fixture
def displayed(monkeypatch) -> list:
    """What a notebook would display."""
    outputs: list = []
    for module in [*WHERE, "dmlcourse.figures.pictures"]:
        monkeypatch.setattr(f"{module}.display", outputs.append)
    return outputs
