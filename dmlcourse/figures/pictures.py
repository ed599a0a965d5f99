"""`show`: the one way a figure reaches a notebook, and never without a description.

The description goes to three places, because no single one reaches every reader:

* the output's metadata, ``{"image/png": {"alt": ...}}``, which is the convention of Jupyter.
  JupyterLab 4 and nbconvert do not use it by themselves: ``labextension/`` and ``export.py``
  beside this file pass it on to ``<img alt>``;
* the output's ``text/plain``: VS Code takes the ``alt`` of a picture from there;
* a folded block below, "The picture in words", for every reader and every front end.
"""

import sys
from base64 import b64encode
from html import escape

from IPython.display import display
from matplotlib.figure import Figure

from .style import png, raster

SHORTEST = 30
SLOT = '<span class="dmlcourse-picture"></span>'


def show(fig: Figure, alt: str) -> None:
    """Display a figure as a PNG with its description, and close it.

    ``alt`` says what the picture shows, so that a reader who cannot see it learns the same. It is
    part of the stored output that nbval compares: put no number in it that comes from training.

    Raises:
        TypeError: ``fig`` is not a matplotlib figure.
        ValueError: the description is empty or shorter than 30 characters.
    """
    picture = Picture(fig, alt)
    _close(fig)
    display(picture)
    display(Html(fold("The picture in words", paragraph(picture.alt))))


class Picture:
    """A figure rendered once, with its description: one output of a notebook.

    With ``html`` the output is that text, and the picture belongs where the text says `SLOT`. Such
    a text is the same on every machine, as nbval wants; the pixels are stored beside it.
    """

    def __init__(self, fig: Figure, alt: str, html: str | None = None) -> None:
        self.alt = described(alt)
        self.data = b64encode(png(_figure(fig))).decode()
        self.html = html

    def __repr__(self) -> str:
        return self.alt

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> tuple:
        data = {"image/png": self.data, "text/plain": self.alt}
        if self.html is not None:
            data["text/html"] = self.html
        return data, {"image/png": {"alt": self.alt}}


class Html:
    """HTML as one output of a notebook, and nothing beside it.

    A class with an HTML form alone would be stored with its ``<... at 0x7f...>`` as plain text,
    which differs from run to run.
    """

    def __init__(self, html: str) -> None:
        self.html = html

    def __repr__(self) -> str:
        return self.html

    def _ipython_display_(self) -> None:
        display({"text/html": self.html}, raw=True)


def inline(fig: Figure, alt: str) -> str:
    """Return a figure as an ``<img>`` element with its description, for use in a widget."""
    return img(b64encode(raster(_figure(fig))).decode(), described(alt))


def img(data: str, alt: str) -> str:
    """Return the ``<img>`` element of a base64 PNG and its description."""
    source = f"data:image/png;base64,{data}"
    return f'<img src="{source}" alt="{escape(alt)}" style="max-width: 100%; height: auto">'


def described(alt: str) -> str:
    """Return a description on one line; refuse one that describes nothing."""
    if not isinstance(alt, str):
        raise ValueError(f"alt must be a text that describes the picture; got {alt!r}.")
    alt = " ".join(alt.split())
    if len(alt) < SHORTEST:
        raise ValueError(
            f"alt has {len(alt)} characters, {alt!r}; {SHORTEST} are the least. "
            "Say what the picture shows: the axes, what is drawn, what to notice."
        )
    return alt


def paragraph(text: str) -> str:
    """Return plain text as a paragraph of HTML."""
    return f"<p>{escape(text)}</p>"


def fold(title: str, html: str) -> str:
    """Return HTML that stays folded under a title until the reader opens it."""
    return f"<details><summary>{escape(title)}</summary>{html}</details>"


def _figure(fig: Figure) -> Figure:
    if not isinstance(fig, Figure):
        raise TypeError(f"show needs a matplotlib Figure; got {type(fig).__name__}.")
    return fig


def _close(fig: Figure) -> None:
    """Forget a figure that pyplot made, or the notebook would draw it once more."""
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close(fig)
