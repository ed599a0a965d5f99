"""A class as one HTML page for the wall: large, without a script, and without a name.

Every word on it comes from the course, none from a record; whatever it is, it is escaped. The first
line says what to explain again now; what the last row of a room cannot read stands further down.
"""

from __future__ import annotations

from html import escape

from .classes import FEWEST, Classroom, Row, Topic
from .words import count, sentence_of

# How a page of ours is recognised: only such a page is replaced.
MARK = '<meta name="generator" content="dmlcourse class">'
STYLE = """
:root{color-scheme:light}
body{font:1.5rem/1.4 system-ui,sans-serif;max-width:58rem;margin:1.5rem auto;padding:0 1.5rem;
color:#1f2328;background:#fff}
h1{font-size:2.2rem;margin:0 0 .3rem}h2{font-size:1.6rem;margin:0}p{margin:.2rem 0}
section{margin:2rem 0 0;break-inside:avoid}
svg{display:block;width:100%;height:2.2rem;margin:.3rem 0}
ul{margin:.4rem 0 0;padding-left:1.3rem}li{margin:.4rem 0}b{font-weight:650}
.now{font-size:2.2rem;font-weight:650;line-height:1.25;margin:.6rem 0 1rem}
.said{color:#3d444d;font-size:1.25rem}
.key{display:flex;flex-wrap:wrap;gap:.2rem 1.6rem;font-size:1.2rem}
.key svg{display:inline-block;width:2rem;height:1.1rem;margin:0 .4rem 0 0;vertical-align:-.15rem}
@media print{body{font-size:13pt;max-width:none;margin:0}h1{font-size:20pt}h2{font-size:15pt}
.said,.key{font-size:11pt}}
""".strip()
# Full, striped, empty: told apart without colour too, on paper and on a pale projector.
PATTERN = (
    '<svg width="0" height="0" style="position:absolute;width:0;height:0" aria-hidden="true">'
    '<defs><pattern id="stripes" width="7" height="7" patternUnits="userSpaceOnUse" '
    'patternTransform="rotate(45)"><rect width="7" height="7" fill="#fbe3cf"/>'
    '<rect width="3" height="7" fill="#b3541e"/></pattern></defs></svg>'
)
# What can be read from the last row of a room.
MOST_MISTAKES = 4
# Exercises whose first mistake is shown with its sentence.
MOST_QUOTED = 3
FILLS = {"passed": "#117733", "tried": "url(#stripes)", "not begun": "#fff"}


def page(found: Classroom) -> str:
    """The page of a class. The same records give the same bytes."""
    open_ = [row for row in found.rows if row.tried >= FEWEST]
    body = f"<p>{escape(_opening(found))}</p>{_now(open_)}{_key() if open_ else ''}"
    body += "".join(_section(row, i < MOST_QUOTED) for i, row in enumerate(open_))
    body += _nearly_through([row for row in found.rows if row not in open_]) + _topics(found.topics)
    # No script may run and nothing is loaded, whatever got past the escaping.
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'{MARK}\n<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Where the class stands</title><style>{STYLE}</style></head>\n"
        f"<body>{PATTERN}<main><h1>Where the class stands</h1>\n{body}</main></body></html>\n"
    )


def _opening(found: Classroom) -> str:
    learners = count(found.learners, "learner")
    rest = count(found.untouched, "exercise")
    if not found.rows:
        return f"{learners}; nobody has begun an exercise."
    nobody = f" Nobody has begun the other {rest}." if found.untouched else ""
    return f"{learners}. Where most are stuck comes first.{nobody}"


def _now(rows: list[Row]) -> str:
    """What to explain again: the exercise in which most are stuck, and what most of them do."""
    if not rows or not rows[0].mistakes:
        return ""
    row, (name, number) = rows[0], rows[0].mistakes[0]
    said = f"{row.exercise.number} {row.exercise.title}. {number} of {row.learners}: {name}"
    return f'<p class="now">Now: {escape(said)}</p>'


def _nearly_through(rows: list[Row]) -> str:
    """The exercises that keep nobody, or one: no more than a line, for it might name somebody."""
    if not rows:
        return ""
    said = ", ".join(f"{row.exercise.number} ({row.passed} of {row.learners})" for row in rows)
    return f"<section><p>Passed by all who tried, or all but one: {said}.</p></section>"


def _key() -> str:
    swatches = {"passed": (1, 0), "tried, not yet through": (0, 1), "not begun": (0, 0)}
    items = (f"<span>{_bar(*part, 1)}{name}</span>" for name, part in swatches.items())
    return f'<p class="key">{"".join(items)}</p>'


def _section(row: Row, quoted: bool) -> str:
    it = row.exercise
    stuck = f" ({len(row.stuck)} of them stuck)" if row.stuck else ""
    said = (
        f"<b>{row.passed} of {row.learners} passed</b>, {row.tried} tried{stuck}, "
        f"{row.not_begun} not begun."
    )
    return (
        f"<section>\n<h2>{escape(it.number)} {escape(it.title)}</h2>\n"
        f"{_bar(row.passed, row.tried, row.learners)}\n"
        f"<p>{said}</p>{_mistakes(row, quoted)}</section>\n"
    )


def _bar(passed: int, tried: int, of: int) -> str:
    """One bar, as wide as the page. The sentence below it says the same to who cannot see it."""
    edges = (0.0, 100 * passed / of, 100 * (passed + tried) / of, 100.0)
    parts = "".join(
        f'<rect x="{left:.2f}%" width="{right - left:.2f}%" height="100%" fill="{fill}"/>'
        for left, right, fill in zip(edges[:-1], edges[1:], FILLS.values(), strict=True)
        if right > left
    )
    frame = '<rect width="100%" height="100%" fill="none" stroke="#1f2328" stroke-width="3"/>'
    return f'<svg aria-hidden="true">{parts}{frame}</svg>'


def _mistakes(row: Row, quoted: bool) -> str:
    shown = row.mistakes[:MOST_MISTAKES]
    items = [_mistake(row, *one, quoted and one is shown[0]) for one in shown]
    if rest := sum(number for _, number in row.mistakes[MOST_MISTAKES:]):
        items.append(f"<li><b>{rest}</b>: other mistakes</li>")
    if row.unnamed:
        items.append(f"<li><b>{row.unnamed}</b>: no mistake that has a name</li>")
    return f"<p>Of the {row.tried} who tried:</p><ul>{''.join(items)}</ul>"


def _mistake(row: Row, name: str, number: int, quoted: bool) -> str:
    sentence = escape(sentence_of(row.exercise, name) or "")
    said = f'<br><span class="said">“{sentence}”</span>' if quoted else ""
    return f"<li><b>{number}</b>: {escape(name)}{said}</li>"


def _topics(topics: tuple[Topic, ...]) -> str:
    if not topics:
        return ""
    items = "".join(f"<li>{_topic(topic)}</li>" for topic in topics)
    return f"<section><h2>Predictions: sure, and wrong</h2><ul>{items}</ul></section>\n"


def _topic(topic: Topic) -> str:
    chapter = topic.key.partition(".")[0]
    return f"<b>{topic.wrong} of {topic.answered}</b>: “{escape(topic.text)}” (chapter {chapter})"
