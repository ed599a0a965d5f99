"""The panel of chapter 00: what the reader has done in the whole course, and what next.

The command ``dmlcourse progress`` says the same in a terminal.
"""

from __future__ import annotations

from html import escape

import ipywidgets as widgets
from IPython.display import display

from .. import journal
from ..figures.pictures import Html, paragraph
from ..progress import Progress
from ..progress.standing import DONE, Calibration, Chapter
from ..progress.words import (
    ABOUT_TIME,
    EMPTY,
    count,
    duration,
    own_progress,
    summary,
    what_next,
)
from ..session import is_interactive
from .predictions import CELL, calibration_table, table
from .shell import live

# The same for every reader and on every machine, whatever chapters there are: it is stored.
_STILL = f"{EMPTY} Run this cell in JupyterLab to see your own record here."
_HEADS = ("Chapter", "Exercises done", "Points", "Hints", "Time at work")


def progress_panel() -> None:
    """Show the reader's record with a button that reads it again.

    A program sees the line for a reader without a record: a stored output is nobody's record.
    """
    display(panel() if is_interactive() else Html(paragraph(_STILL)))


def panel() -> widgets.VBox:
    """Return the live form: the button, a line that is spoken when it changes, and the rest."""
    refresh = widgets.Button(description="Refresh", tooltip="Read your record again")
    spoken, rest = widgets.HTML(), widgets.HTML()

    def read(_: object = None) -> None:
        now = own_progress()
        spoken.value = live(paragraph(summary(now) if now.entries else EMPTY))
        rest.value = html(now)

    refresh.on_click(read)
    read()
    return widgets.VBox([refresh, spoken, rest])


def html(progress: Progress) -> str:
    """Return what is below the first line: next steps, chapters, predictions, whose file it is.

    Colours come from the page around it, so that it reads in a dark theme as in a light one.
    """
    said = "".join(map(_code, what_next(progress)))
    if progress.entries:
        said += _chapters(progress) + paragraph(ABOUT_TIME) + _calibration(progress.calibration)
    return said + _whose(progress)


def _chapters(progress: Progress) -> str:
    return table("By chapter", _HEADS, "".join(map(_row, progress.chapters)))


def _row(chapter: Chapter) -> str:
    hints = sum(one.hints for one in chapter.standings)
    time = duration(chapter.seconds) if chapter.seconds else "none yet"
    cells = (_bar(chapter), f"{chapter.earned} of {chapter.points}", hints or "none", time)
    data = "".join(f'<td style="{CELL}">{cell}</td>' for cell in cells)
    return f'<tr><th scope="row" style="{CELL}">{escape(chapter.number)}</th>{data}</tr>'


def _bar(chapter: Chapter) -> str:
    """The number in words, and the same as a bar, which a screen reader passes over."""
    of = len(chapter.standings)
    inside = "".join(map(_box, (one.state == DONE for one in chapter.standings)))
    return f'{chapter.done} of {of} <span aria-hidden="true">{inside}</span>'


def _box(full: bool) -> str:
    """One exercise of the bar: full or empty, in the colour of the text around it."""
    fill = "background:currentColor" if full else "opacity:.55"
    shape = "display:inline-block;width:1em;height:.8em;margin-left:2px;border:1px solid"
    return f'<span style="{shape};{fill}"></span>'


def _calibration(made: Calibration) -> str:
    return calibration_table(made) if made.levels else ""


def _whose(progress: Progress) -> str:
    if not progress.entries:
        return ""
    said = (
        f"Your record, {count(progress.entries, 'entry', 'entries')}, is the file "
        f"`{journal.path()}`. It is yours and stays on this machine. In a terminal, "
        "`dmlcourse progress` says more, `dmlcourse progress --export me.json` writes it to a "
        "file that you can hand on, and `dmlcourse progress --delete` deletes it."
    )
    return _code(said)


def _code(text: str) -> str:
    """A paragraph in which what stands between backticks is code."""
    parts = escape(text).split("`")
    return f"<p>{''.join(f'<code>{p}</code>' if i % 2 else p for i, p in enumerate(parts))}</p>"
