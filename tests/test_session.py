"""Who runs this notebook: a person or a program. The browser tests ask a real JupyterLab."""

import sys
from types import SimpleNamespace

import pytest

from dmlcourse import session


def kernel_that_got(content: dict) -> SimpleNamespace:
    """A shell in a kernel whose current request has this content."""
    parent = {"content": content}
    return SimpleNamespace(kernel=SimpleNamespace(get_parent=lambda channel: parent))


@pytest.mark.parametrize(
    ("content", "interactive"),
    [({"allow_stdin": True}, True), ({"allow_stdin": False}, False), ({}, True)],
    ids=["JupyterLab", "nbclient and nbval", "a widget that was moved"],
)
def test_in_a_kernel_the_request_says_whether_somebody_can_answer(
    monkeypatch, content, interactive
):
    monkeypatch.setattr(session, "_shell", lambda: kernel_that_got(content))
    assert session.is_interactive() is interactive


@pytest.mark.parametrize("shell", [None, SimpleNamespace()], ids=["Python", "terminal IPython"])
@pytest.mark.parametrize("is_terminal", [True, False])
def test_in_a_terminal_it_is_standard_input(monkeypatch, shell, is_terminal):
    monkeypatch.setattr(session, "_shell", lambda: shell)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: is_terminal))
    assert session.is_interactive() is is_terminal


def test_without_standard_input_nobody_is_there(monkeypatch):
    monkeypatch.setattr(session, "_shell", lambda: None)
    monkeypatch.setattr(sys, "stdin", None)
    assert session.is_interactive() is False


def test_asking_does_not_import_ipython(monkeypatch):
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    session.is_interactive()
    assert "IPython" not in sys.modules
