"""Whether a person sits at the other end of this session.

A notebook runs in two ways. A person runs it in JupyterLab, cell by cell: widgets make sense, and
an exercise not yet attempted is no error. Or a program runs it (the build, nbval, nbclient): its
output must be complete without widgets, and an exercise without an answer must fail.

The Jupyter protocol says which of the two it is. Every request to run a cell carries
``allow_stdin``: may the kernel ask the sender to type something? JupyterLab says yes, as does every
front end in which ``input()`` works; nbclient and nbval say no, because nobody is there to type.
"""

import sys
from typing import Any


def is_interactive() -> bool:
    """Tell whether a person can answer: in a kernel, whether the current request allows input.

    In a terminal (IPython or plain Python) the answer is whether standard input is a terminal.
    """
    shell = _shell()
    if hasattr(shell, "kernel"):
        return _allows_input(shell.kernel.get_parent("shell"))
    return sys.stdin is not None and sys.stdin.isatty()


def _shell() -> Any:
    """The running IPython shell, or None. IPython that nobody has imported is not running."""
    if "IPython" not in sys.modules:
        return None
    from IPython import get_ipython

    return get_ipython()


def _allows_input(request: dict) -> bool:
    """Read the flag. A request without it is a widget's message, so somebody moved the widget."""
    return bool(request.get("content", {}).get("allow_stdin", True))
