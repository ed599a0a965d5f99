"""The bench of chapter 10: one pair, what it costs, and the force between its two points.

On the left the loss of a pair over its distance d, and below it the force, which is the slope of
the loss. On the right the pair in the plane: the second point can be dragged. The loss for two
classes comes in two forms: the hinge on d of Hadsell, Chopra and LeCun (2006), and the hinge on d²
that some printed sources have.
"""

from dataclasses import dataclass, replace
from html import escape
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from ..figures import ROLES, canvas
from ..figures.style import GRID, INK, PAPER, QUIET
from .parts import arrows, fixed_title, towards, two, unit_grid
from .shell import Bench, Choice, Slider
from .surface import Target

SAME, DIFFERENT = "same class", "different classes"
PLAIN, SQUARED = "d", "d²"
POWERS = {PLAIN: 1, SQUARED: 2}
FORMS = {PLAIN: "½[m − d]₊²", SQUARED: "½[m − d²]₊²"}
ROLE_OF = {SAME: "near", DIFFERENT: "far"}
DASHES = {SAME: "-", DIFFERENT: "--"}
FARTHEST = 2.0
MARGINS = (0.1, 2.0)
REACH, HEIGHT, TOP = 2.2, 1.73, 2.25
RATE = 0.4  # an arrow ends where a step of this length would take its point
LINE = np.linspace(0, FARTHEST, 81)


@dataclass(frozen=True)
class ContrastiveState:
    """The pair: the first point at (0, 0), the second at ``distance`` in the direction ``angle``.

    ``angle`` is in degrees. ``kind`` is "same class" or "different classes"; ``hinge`` says whether
    the loss of different classes has [m − d]₊ or [m − d²]₊ in it.
    """

    distance: float = 0.4
    angle: float = 30.0
    margin: float = 1.0
    kind: str = DIFFERENT
    hinge: str = PLAIN

    @property
    def unit(self) -> np.ndarray:
        """The direction from the first point to the second, of length 1."""
        return np.array([np.cos(np.radians(self.angle)), np.sin(np.radians(self.angle))])

    @property
    def second(self) -> np.ndarray:
        """The second point."""
        return self.distance * self.unit

    @property
    def loss(self) -> float:
        """What the pair costs."""
        return float(pair_loss(self.distance, self.kind, self.margin, self.hinge))

    @property
    def slope(self) -> float:
        """dℓ/dd at the distance of the pair; at 0 the slope to the right of it."""
        return float(pair_slope(self.distance, self.kind, self.margin, self.hinge))

    @property
    def descent(self) -> np.ndarray:
        """Minus the gradient of the loss at the first point and at the second, (2, 2).

        Two points in one place have no direction between them, and the gradient is taken as 0.
        """
        pull = self.slope * self.unit if self.distance > 0 else np.zeros(2)
        return np.array([pull, -pull])

    @property
    def edge(self) -> float:
        """The distance from which a pair of different classes is left alone: m or √m."""
        return float(self.margin ** (1 / POWERS[self.hinge]))


def pair_loss(d: Any, kind: str, margin: float, hinge: str) -> Any:
    """½d² for one class; else ½[m − d]₊², or ½[m − d²]₊² with the hinge on d²."""
    if kind == SAME:
        return d**2 / 2
    return np.maximum(margin - d ** POWERS[hinge], 0) ** 2 / 2


def pair_slope(d: Any, kind: str, margin: float, hinge: str) -> Any:
    """dℓ/dd: d for one class; else −[m − d]₊, or −2d[m − d²]₊ with the hinge on d²."""
    if kind == SAME:
        return d
    power = POWERS[hinge]
    return -power * d ** (power - 1) * np.maximum(margin - d**power, 0)


def contrastive_bench(
    distance: float = 0.4, margin: float = 1.0, same: bool = False, hinge: str = PLAIN
) -> None:
    """Show the bench, with a pair this far apart, of the same class or not.

    ``distance`` from 0 to 2, ``margin`` from 0.1 to 2; ``hinge`` is "d", as in the paper, or "d²".
    """
    if not (0 <= distance <= FARTHEST and MARGINS[0] <= margin <= MARGINS[1]):
        raise ValueError(
            f"distance is {distance} and margin is {margin}: expected a distance from 0 to "
            f"{FARTHEST:g} and a margin from {MARGINS[0]:g} to {MARGINS[1]:g}."
        )
    if hinge not in FORMS:
        raise ValueError(f"hinge is {hinge!r}: expected {PLAIN!r} or {SQUARED!r}.")
    kind = SAME if same else DIFFERENT
    BENCH.show(ContrastiveState(float(distance), margin=float(margin), kind=kind, hinge=hinge))


def drag(state: ContrastiveState, _: int, x: float, y: float) -> ContrastiveState:
    """Move the second point to (x, y), or as far in that direction as it may go.

    The distance has two decimals, so that its formula can be checked by hand. At distance 0 the
    direction stays what it was.
    """
    distance = round(min(float(np.hypot(x, y)), FARTHEST), 2)
    if distance == 0:
        return replace(state, distance=0.0)
    return replace(state, distance=distance, angle=float(np.degrees(np.arctan2(y, x))))


def targets(state: ContrastiveState) -> list[Target]:
    """The second point, which can be dragged."""
    x, y = state.second
    return [Target(x, y, f"second point at {two(x)}, {two(y)}", panel=2, drag=True)]


def draw(state: ContrastiveState) -> Figure:
    """Draw loss and force over the distance, and the pair in the plane."""
    fig, (loss, force, plane) = canvas(3, size=(9.6, 4.6), layout=None)
    loss.set_position((0.045, 0.585, 0.41, 0.345))
    force.set_position((0.045, 0.145, 0.41, 0.345))
    plane.set_position((0.515, 0.145, 0.48, 0.785))
    _draw_curves(loss, state, pair_loss, f"Loss of different classes: {FORMS[state.hinge]}")
    _draw_curves(force, state, _force, "Force: the slope of the loss")
    _draw_key(force, state)
    _draw_plane(plane, state)
    return fig


def _force(d: Any, kind: str, margin: float, hinge: str) -> Any:
    return abs(pair_slope(d, kind, margin, hinge))


def _draw_curves(ax: Axes, state: ContrastiveState, value: Any, title: str) -> None:
    """Both kinds of pair over d, the other form dotted, and where the pair is on both curves."""
    _frame(ax)
    other = value(LINE, DIFFERENT, state.margin, _other(state.hinge))
    ax.plot(LINE, other, ":", color=QUIET, linewidth=1.6)
    for kind, name in ROLE_OF.items():
        role, current = ROLES[name], kind == state.kind
        width = 2.6 if current else 1.4
        values = value(LINE, kind, state.margin, state.hinge)
        ax.plot(LINE, values, DASHES[kind], color=role.colour, linewidth=width)
        at = value(state.distance, kind, state.margin, state.hinge)
        filled = current and state.distance > 0
        face, edge = (role.colour, INK) if filled else (PAPER, role.colour)
        look: dict[str, Any] = {"mfc": face, "mec": edge, "ms": 11 if current else 7}
        ax.plot(state.distance, at, role.marker, clip_on=False, zorder=4 + current, **look)
    ax.vlines(state.distance, 0, TOP, color=INK, linestyle=":", linewidth=1.2)
    fixed_title(ax, title)


def _frame(ax: Axes) -> None:
    """Lines and numbers without ticks: much faster to draw, and nothing jumps."""
    ax.set_axis_off()
    ax.set(xlim=(-0.04, FARTHEST), ylim=(0, TOP))
    ax.hlines((0, 1, 2), 0, FARTHEST, color=GRID, linewidth=0.8, zorder=0)
    ax.vlines((0, 0.5, 1, 1.5, 2), 0, TOP, color=GRID, linewidth=0.8, zorder=0)
    for mark in range(3):
        ax.text(-0.06, mark, f"{mark}", ha="right", va="center", fontsize=10)
    for place in (0, 0.5, 1, 1.5, 2):
        name = "d = 0" if place == 0 else f"{place:g}"
        ax.text(place, -0.08, name, ha="center", va="top", fontsize=10)


def _draw_key(ax: Axes, state: ContrastiveState) -> None:
    """Say below the axes what the three lines mean."""
    names = {
        SAME: (ROLES["near"].colour, "-"),
        DIFFERENT: (ROLES["far"].colour, "--"),
        f"hinge on {_other(state.hinge)}": (QUIET, ":"),
    }
    for place, (name, (colour, dash)) in zip((0.0, 0.335, 0.755), names.items(), strict=True):
        ends = (place, place + 0.07)
        look: dict[str, Any] = {"color": colour, "linestyle": dash, "linewidth": 2}
        ax.plot(ends, (-0.29, -0.29), clip_on=False, transform=ax.transAxes, **look)
        ax.text(place + 0.085, -0.29, name, transform=ax.transAxes, va="center", fontsize=10.5)


def _other(hinge: str) -> str:
    return SQUARED if hinge == PLAIN else PLAIN


def _draw_plane(ax: Axes, state: ContrastiveState) -> None:
    """The pair with its arrows, and the circle inside which different classes are pushed."""
    unit_grid(ax, REACH)
    ax.set_ylim(-HEIGHT, HEIGHT)
    if state.kind == DIFFERENT:
        ball, edge = ROLES["ball"].colour, ROLES["near"].colour
        ax.add_patch(Circle((0, 0), state.edge, facecolor=ball + "30", edgecolor=edge))
    points = np.array([np.zeros(2), state.second])
    arrows(ax, points, RATE * state.descent)
    first, second = ROLES["anchor"], ROLES[ROLE_OF[state.kind]]
    ax.plot(0, 0, first.marker, color=first.colour, ms=15, zorder=5)
    ax.plot(*state.second, second.marker, color=second.colour, mec=INK, ms=11, zorder=6)
    aside = 17 * np.array([-state.unit[1], state.unit[0]])
    _name(ax, np.zeros(2), "x₁", -aside)
    _name(ax, state.second, "x₂", aside)
    _say_below(ax, state)
    fixed_title(ax, f"{state.kind.capitalize()}: {_force_in_words(state)}")


def _name(ax: Axes, at: np.ndarray, text: str, aside: np.ndarray) -> None:
    """Write a name beside a point, so many points of a page away."""
    look: dict[str, Any] = {"textcoords": "offset points", "fontsize": 12, "zorder": 7}
    ax.annotate(text, (at[0], at[1]), (aside[0], aside[1]), ha="center", va="center", **look)


def _say_below(ax: Axes, state: ContrastiveState) -> None:
    """Say below the axes what the arrows and the circle are."""
    root = "m" if state.hinge == PLAIN else "√m"
    circle = f"; circle: {root} = {two(state.edge)}" if state.kind == DIFFERENT else ""
    text = f"Arrows: a step of {RATE:g} down the slope{circle}"
    ax.text(0.5, -0.055, text, transform=ax.transAxes, ha="center", va="center", fontsize=10.5)


def _force_in_words(state: ContrastiveState) -> str:
    """Name the force, for a title."""
    size = two(abs(state.slope))
    if state.distance == 0:
        return "no direction"
    if state.slope == 0:
        return "no force"
    return f"{'pull' if state.kind == SAME else 'push'} {size}"


def describe(state: ContrastiveState) -> str:
    """Describe the figure in words."""
    return (
        f"Left, above: the loss of a pair over its distance d from 0 to {FARTHEST:g}. That of one "
        f"class rises from 0 as ½d²; that of different classes, {FORMS[state.hinge]}, falls from "
        f"{two(state.margin**2 / 2)} at d = 0 to 0 at d = {two(state.edge)}, and stays there. "
        f"Left, below: the force; the pull of one class grows as d, {_push_curve(state)} Dotted: "
        f"the form with {_other(state.hinge)}. The pair is marked at d = {two(state.distance)}, on "
        f"the curve of {_kind(state)}, with loss {two(state.loss)}. Right: the first point at the "
        f"middle, the second {_where(state)}. {_circle(state)}{_arrows(state)}"
    )


def _kind(state: ContrastiveState) -> str:
    return "one class" if state.kind == SAME else state.kind


def _push_curve(state: ContrastiveState) -> str:
    """Describe how the push of different classes changes with d."""
    if state.hinge == PLAIN:
        return f"the push of different classes falls on a line from m = {two(state.margin)} to 0."
    top = np.sqrt(state.margin / 3)
    most = -pair_slope(top, DIFFERENT, state.margin, SQUARED)
    return (
        f"the push of different classes starts at 0, rises to {two(most)} at d = {two(top)}, and "
        "falls to 0."
    )


def _where(state: ContrastiveState) -> str:
    if state.distance == 0:
        return "in the same place"
    return f"{two(state.distance)} away, {towards(state.unit)}"


def _circle(state: ContrastiveState) -> str:
    """Say what the circle is, where there is one."""
    if state.kind == SAME:
        return ""
    inside = "inside" if state.distance < state.edge else "not inside"
    return (
        f"A circle of radius {two(state.edge)} around the first bounds the push; the second is "
        f"{inside}. "
    )


def _arrows(state: ContrastiveState) -> str:
    """Say what the arrows do."""
    if not state.descent.any():
        return "There are no arrows."
    way = "towards" if state.kind == SAME else "away from"
    first, second = (towards(step) for step in state.descent)
    return (
        f"Two arrows of equal length point {way} each other: {first} at the first, {second} at "
        "the second."
    )


def read(state: ContrastiveState) -> str:
    """Return the numbers of the state as HTML."""
    form = "½d²" if state.kind == SAME else FORMS[state.hinge]
    lines = [
        f"d = {two(state.distance)}; m = {two(state.margin)}; {state.kind}. "
        f"Loss {form} = {two(state.loss)}.",
        _slope_in_words(state),
        _compared(state),
    ]
    return "<br>".join(escape(line) for line in lines)


def _slope_in_words(state: ContrastiveState) -> str:
    """Say the slope of the loss, and what it does to the two points."""
    if state.distance == 0:
        return _together(state)
    said = f"Slope dℓ/dd = {two(state.slope)}: "
    if state.slope == 0:
        return f"{said}no force. From d = {two(state.edge)} on the pair is left alone."
    way = "towards each other" if state.slope > 0 else "away from each other"
    return f"{said}both points are moved {way} with a force of {two(abs(state.slope))}."


def _together(state: ContrastiveState) -> str:
    """Say what becomes of two points in one place."""
    if state.kind == SAME:
        return "Both points are in one place: nothing is left to pull."
    if state.hinge == SQUARED:
        return "Both points are in one place, and nearby the push is close to 0: they stay."
    return (
        "Both points are in one place: no direction leads apart, so the gradient is taken as 0. "
        f"However little apart, the push is close to m = {two(state.margin)}."
    )


def _compared(state: ContrastiveState) -> str:
    """Compare the push of both forms at this distance."""
    if state.kind == SAME:
        return "The margin plays no part for one class: the pull is d, without an end."
    d, m = state.distance, state.margin
    pushes = {hinge: two(-pair_slope(d, DIFFERENT, m, hinge)) for hinge in FORMS}
    near = "As d goes to 0" if d == 0 else "At this d"
    return (
        f"{near} the push is {pushes[PLAIN]} with [m − d]₊ (it ends at m = {two(m)}) and "
        f"{pushes[SQUARED]} with [m − d²]₊ (it ends at √m = {two(np.sqrt(m))})."
    )


BENCH = Bench(
    sliders=(
        # A step as fine as a dragged distance: the slider rounds whatever it is told to its steps.
        Slider("distance", "distance d", 0, FARTHEST, 0.01),
        Slider("margin", "margin m", *MARGINS, 0.1),
    ),
    draw=draw,
    describe=describe,
    read=read,
    choices=(
        Choice("kind", "the pair is of", (SAME, DIFFERENT)),
        Choice("hinge", "hinge on", (PLAIN, SQUARED)),
    ),
    targets=targets,
    drag=drag,
)
