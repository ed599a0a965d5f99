"""What a chapter claims of a number that training made.

Trained numbers differ from machine to machine in their last digits, and sometimes in more. What is
stored in a notebook, and compared by a test, is therefore the claim and whether it holds.
"""

from __future__ import annotations

from .session import is_interactive


def report(
    name: str, value: float, *, above: float | None = None, below: float | None = None
) -> None:
    """Print whether a number lies where it is claimed to lie.

    ``report("recall@1", value, above=0.9)`` prints "recall@1 above 0.9: yes". With both limits the
    number has to lie between them. A person at the keyboard sees the number too. NaN keeps no
    claim. Raises ``ValueError`` where nothing is claimed, or nothing can hold.
    """
    if above is None and below is None:
        raise ValueError(f"{name}: nothing is claimed; give above=, below= or both.")
    if above is not None and below is not None and above >= below:
        raise ValueError(f"{name}: no number is above {above:g} and below {below:g}.")
    number = float(value)
    holds = (above is None or number > above) and (below is None or number < below)
    said = f"{name} {_claim(above, below)}: {'yes' if holds else 'no'}"
    print(f"{said} ({number:.3g})" if is_interactive() else said)


def _claim(above: float | None, below: float | None) -> str:
    if above is None:
        return f"below {below:g}"
    return f"above {above:g}" if below is None else f"between {above:g} and {below:g}"
