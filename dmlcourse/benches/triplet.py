"""The bench of chapter 11: one triplet, its loss, and the gradient at its three points.

On the left the plane: the negative is hard inside the solid circle, semi-hard up to the dashed one,
easy beyond. On the right the loss over the distance of the negative, with the same three regions.
All three points can be dragged, in the plane or on the unit circle, where normalised embeddings
lie.
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
from .parts import arrows, fixed_title, key, towards, two, unit_grid
from .shell import Bench, Button, Choice, Slider
from .surface import Target

Point = tuple[float, float]

NAMES = ("anchor", "positive", "negative")
ROLE_OF = dict(zip(NAMES, ("anchor", "near", "far"), strict=True))
SQUARED, PLAIN = "d²", "d"
POWERS = {SQUARED: 2, PLAIN: 1}
HINGE, SOFTPLUS = "hinge", "softplus"
PLANE, CIRCLE = "anywhere", "on the unit circle"
HARD, SEMI_HARD, EASY = "hard", "semi-hard", "easy"
SHADES = {HARD: "#f0b48c", SEMI_HARD: "#faeac0", EASY: PAPER}
MARGINS = (0.0, 4.5)
REACH, HEIGHT = 2.43, 1.5
LARGEST = np.array([2.4, 1.4])  # where a point may be put and may go by itself
SIDE, TOP = 3.0, 4.0
RATE = 0.2  # an arrow ends where a step of this length would take its point
LINE = np.linspace(0, SIDE, 91)


@dataclass(frozen=True)
class TripletState:
    """Where the three points were put, the margin, and which triplet loss it is.

    ``power`` is "d²" or "d", ``bend`` "hinge" or "softplus". With ``space`` on the unit circle the
    points are those of the circle in the same directions from (0, 0).
    """

    anchor: Point = (-0.6, -0.3)
    positive: Point = (0.3, -0.6)
    negative: Point = (-0.1, 0.7)
    margin: float = 0.5
    power: str = SQUARED
    bend: str = HINGE
    space: str = PLANE

    @property
    def points(self) -> np.ndarray:
        """Anchor, positive and negative, (3, 2)."""
        raw = np.array([self.anchor, self.positive, self.negative])
        return on_circle(raw) if self.space == CIRCLE else raw

    @property
    def near(self) -> float:
        """The distance of the positive."""
        return float(np.linalg.norm(self.points[0] - self.points[1]))

    @property
    def far(self) -> float:
        """The distance of the negative."""
        return float(np.linalg.norm(self.points[0] - self.points[2]))

    @property
    def border(self) -> float:
        """The distance from which the negative is easy: √(d(a, p)² + m), or d(a, p) + m."""
        power = POWERS[self.power]
        return float((self.near**power + self.margin) ** (1 / power))

    @property
    def excess(self) -> float:
        """z = m + D(a, p) − D(a, n); without what rounding leaves of 0."""
        power = POWERS[self.power]
        return round(self.margin + self.near**power - self.far**power, 12)

    @property
    def loss(self) -> float:
        """[z]₊, or log(1 + eᶻ)."""
        return float(bent(self.excess, self.bend))

    @property
    def region(self) -> str:
        """Whether the negative is hard, semi-hard or easy. One as far as the positive is hard."""
        if round(self.far - self.near, 12) <= 0:
            return HARD
        return SEMI_HARD if self.excess > 0 else EASY

    @property
    def descent(self) -> np.ndarray:
        """Minus the gradient at the three points, (3, 2); on the circle the part along it."""
        return -gradients(self.points, self.excess, self.power, self.bend, self.space == CIRCLE)

    @property
    def wall(self) -> float:
        """The largest D on the unit circle: 4 squared, or 2."""
        return 2.0 ** POWERS[self.power]


def on_circle(points: np.ndarray) -> np.ndarray:
    """The points (n, 2) scaled to length 1; (0, 0) has no direction and becomes (1, 0)."""
    angles = np.arctan2(points[:, 1], points[:, 0])
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def bent(z: Any, bend: str) -> Any:
    """The hinge [z]₊, or the softplus log(1 + eᶻ)."""
    return np.maximum(z, 0) if bend == HINGE else np.logaddexp(0, z)


def weight(z: float, bend: str) -> float:
    """How the loss changes with z: 1 or 0 for the hinge, 1/(1 + e⁻ᶻ) for the softplus."""
    return float(z > 0) if bend == HINGE else float(1 / (1 + np.exp(-z)))


def gradients(points: np.ndarray, z: float, power: str, bend: str, circle: bool) -> np.ndarray:
    """The gradient of the loss at anchor, positive and negative, (3, 2), by hand.

    With w = ``weight`` and g(x) = ∂D(a, x)/∂x, which is 2(x − a) for d² and (x − a)/‖x − a‖ for d
    (0 where x = a): w(g(n) − g(p)), w g(p) and −w g(n). On the circle the points are normalised
    vectors, and of each gradient the part across the circle is taken away.
    """
    steps = points[1:] - points[0]
    lengths = np.linalg.norm(steps, axis=1, keepdims=True)
    to_p, to_n = 2 * steps if power == SQUARED else steps / np.where(lengths > 0, lengths, 1)
    found = weight(z, bend) * np.array([to_n - to_p, to_p, -to_n])
    if circle:
        found = found - (found * points).sum(axis=1, keepdims=True) * points
    return found.round(12)  # what rounding leaves of 0 has no direction


def triplet_bench(
    anchor: Point = TripletState.anchor,
    positive: Point = TripletState.positive,
    negative: Point = TripletState.negative,
    margin: float = 0.5,
    *,
    squared: bool = True,
    soft: bool = False,
    circle: bool = False,
) -> None:
    """Show the bench with these three points of the plane.

    Points from −2.4 to 2.4 and from −1.4 to 1.4; ``margin`` from 0 to 4.5. ``squared`` and ``soft``
    as for `dmlcourse.losses.triplet_loss`; ``circle`` moves the points to the unit circle.
    """
    if not MARGINS[0] <= margin <= MARGINS[1]:
        raise ValueError(f"margin is {margin}: expected a number from 0 to {MARGINS[1]:g}.")
    BENCH.show(
        TripletState(
            _inside("anchor", anchor),
            _inside("positive", positive),
            _inside("negative", negative),
            margin=float(margin),
            power=SQUARED if squared else PLAIN,
            bend=SOFTPLUS if soft else HINGE,
            space=CIRCLE if circle else PLANE,
        )
    )


def _inside(name: str, point: Any) -> Point:
    """The point as two floats; one that the picture would not show is refused."""
    place = np.asarray(point, dtype=float)
    if place.shape != (2,) or not (abs(place) <= LARGEST).all():
        raise ValueError(
            f"{name} is {point}: expected two numbers (x, y), x from {-LARGEST[0]:g} to "
            f"{LARGEST[0]:g} and y from {-LARGEST[1]:g} to {LARGEST[1]:g}."
        )
    return float(place[0]), float(place[1])


def drag(state: TripletState, index: int, x: float, y: float) -> TripletState:
    """Move one point to (x, y), in two decimals, so that its distances can be checked by hand."""
    moved: dict[str, Any] = {NAMES[index]: (round(x, 2) + 0.0, round(y, 2) + 0.0)}
    return replace(state, **moved)


def step(state: TripletState) -> TripletState:
    """Move all three points to the ends of their arrows, one step of gradient descent."""
    ends = np.clip(state.points + RATE * state.descent, -LARGEST, LARGEST)
    moved: dict[str, Any] = {name: (x, y) for name, (x, y) in zip(NAMES, ends, strict=True)}
    return replace(state, **moved)


def targets(state: TripletState) -> list[Target]:
    """The three points, with their places."""
    return [
        Target(x, y, f"{name} at {two(x)}, {two(y)}", drag=True)
        for name, (x, y) in zip(NAMES, state.points, strict=True)
    ]


def draw(state: TripletState) -> Figure:
    """Draw the triplet with its regions and arrows, and the loss over the negative's distance."""
    fig, (plane, side) = canvas(2, size=(9.6, 4.4), layout=None)
    plane.set_position((0.005, 0.125, 0.62, 0.795))
    side.set_position((0.675, 0.125, 0.315, 0.795))
    _draw_plane(plane, state)
    _draw_side(side, state)
    return fig


def _draw_plane(ax: Axes, state: TripletState) -> None:
    unit_grid(ax, REACH)
    ax.set_ylim(-HEIGHT, HEIGHT)
    _draw_regions(ax, state)
    if state.space == CIRCLE:
        ax.add_patch(Circle((0, 0), 1, facecolor="none", edgecolor=INK, linewidth=2.2, zorder=2))
    for name, (x, y) in zip(NAMES, state.points, strict=True):
        look = ROLES[ROLE_OF[name]]
        edge, size = (look.colour, 17) if name == "anchor" else (PAPER, 12)
        ax.plot(x, y, look.marker, color=look.colour, mec=edge, ms=size, label=name, zorder=5)
    arrows(ax, state.points, RATE * state.descent)
    for name, shade in SHADES.items():
        ax.plot([], [], "s", color=shade, mec=QUIET, ms=11, label=name)
    key(ax, (0.02, 0.17, 0.335, 0.545, 0.675, 0.87))
    fixed_title(ax, f"{state.region.capitalize()}: loss {two(state.loss)}")


def _draw_regions(ax: Axes, state: TripletState) -> None:
    """Discs around the anchor: hard up to the positive, semi-hard up to the margin behind it."""
    at, edge = tuple(state.points[0]), ROLES["near"].colour
    half, whole = Circle(at, state.border), Circle(at, state.near)
    half.set(facecolor=SHADES[SEMI_HARD], edgecolor=edge, linestyle="--", linewidth=1.6, zorder=0)
    whole.set(facecolor=SHADES[HARD], edgecolor=edge, linewidth=1.6, zorder=0)
    for disc in (half, whole):
        ax.add_patch(disc)


def _draw_side(ax: Axes, state: TripletState) -> None:
    """The loss over d(a, n) for this anchor and positive, and where the negative is."""
    _frame(ax, state)
    power = POWERS[state.power]
    losses = bent(state.margin + state.near**power - LINE**power, state.bend)
    ax.plot(LINE, losses, "-", color=INK, linewidth=2)
    look = ROLES["far"]
    at = min(state.far, SIDE), min(state.loss, TOP)
    marker = "D" if _off_scale(state) else look.marker
    ax.plot(*at, marker, color=look.colour, mec=INK, ms=12, clip_on=False, zorder=5)
    fixed_title(ax, "Loss, as the negative moves")


def _off_scale(state: TripletState) -> bool:
    return state.far > SIDE or state.loss > TOP


def _frame(ax: Axes, state: TripletState) -> None:
    """The regions, and lines and numbers without ticks: faster to draw, and nothing jumps."""
    ax.set_axis_off()
    ax.set(xlim=(0, SIDE), ylim=(0, TOP))
    near, border, edge = min(state.near, SIDE), min(state.border, SIDE), ROLES["near"].colour
    ax.fill_between([0, near], TOP, color=SHADES[HARD], linewidth=0, zorder=0)
    ax.fill_between([near, border], TOP, color=SHADES[SEMI_HARD], linewidth=0, zorder=0)
    ax.hlines(range(5), 0, SIDE, color=GRID, linewidth=0.8, zorder=1)
    ax.vlines(state.near, 0, TOP, color=edge, linewidth=1.6, zorder=2)
    ax.vlines(state.border, 0, TOP, color=edge, linewidth=1.6, linestyle="--", zorder=2)
    if state.space == CIRCLE:
        ax.vlines(2, 0, TOP, color=INK, linewidth=2.2, zorder=3)
    for mark in range(5):
        ax.text(-0.06, mark, f"{mark}", ha="right", va="center", fontsize=10)
    for mark in range(4):
        name = "d(a, n) = 0" if mark == 0 else f"{mark}"
        ax.text(mark, -0.1, name, ha="center", va="top", fontsize=10)


def describe(state: TripletState) -> str:
    """Describe the figure in words."""
    return (
        f"Left: {_placed(state)} A solid circle around the anchor goes through the positive, "
        f"radius {two(state.near)}; a dashed one of radius {two(state.border)} is the margin "
        f"behind it. {_where(state)} {_arrows(state)} Right: the loss over d(a, n) from 0 to "
        f"{SIDE:g}, {_curve(state)} The negative is marked at {two(state.far)}, with loss "
        f"{_amount(state.loss)}{', off the scale' if _off_scale(state) else ''}.{_wall(state)}"
    )


def _placed(state: TripletState) -> str:
    """Say where the three points are."""
    where = ", ".join(
        f"{name} at ({two(x)}, {two(y)})" for name, (x, y) in zip(NAMES, state.points, strict=True)
    )
    ground = " on the unit circle" if state.space == CIRCLE else ""
    return f"three points{ground}, {where}."


def _where(state: TripletState) -> str:
    """Say in which region the negative is, and why."""
    return {
        HARD: "The negative is hard: it is no farther from the anchor than the positive.",
        SEMI_HARD: (
            "The negative is semi-hard: farther than the positive, but by less than the margin."
        ),
        EASY: "The negative is easy: farther than the positive by the margin or more.",
    }[state.region]


def _arrows(state: TripletState) -> str:
    """Say what the descent direction is at each point."""
    moves = [f"{name} {_arrow(g)}" for name, g in zip(NAMES, state.descent, strict=True)]
    if not state.descent.any():
        return f"No arrows: {_why_still(state)}"
    slope = "the slope along the circle" if state.space == CIRCLE else "the slope"
    return (
        f"Arrows, down {slope}, drawn at {RATE:g} of their length: {', '.join(moves)}."
        f"{_share(state)}"
    )


def _arrow(descent: np.ndarray) -> str:
    """Say how long an arrow is, and where it points."""
    if not descent.any():
        return "none"
    return f"{_amount(float(np.linalg.norm(descent)))} {towards(descent)}"


def _amount(value: float) -> str:
    """Two decimals, and never 0.00 for what is not 0."""
    return "below 0.01" if 0 < value < 0.01 else two(value)


def _why_still(state: TripletState) -> str:
    """Say why no point has a gradient."""
    if state.excess <= 0:
        return "the hinge is closed, so the gradient is 0 at all three points."
    return "every direction is level here, although there is a loss."


def _share(state: TripletState) -> str:
    """Say what the softplus makes of the lengths."""
    if state.bend == HINGE:
        return ""
    share = _amount(weight(state.excess, SOFTPLUS))
    return f" Share of an open hinge's length that the softplus gives them: {share}."


def _curve(state: TripletState) -> str:
    """Describe the curve of the loss."""
    power = POWERS[state.power]
    start = two(bent(state.margin + state.near**power, state.bend))
    if state.bend == SOFTPLUS:
        return f"falls from {start} and never reaches 0."
    shape = "as −d², level at first" if state.power == SQUARED else "on a line"
    return f"falls from {start} {shape}, and is 0 from {two(state.border)} on."


def _wall(state: TripletState) -> str:
    """Say what the unit circle leaves of the margin; nothing where the points are anywhere."""
    if state.space == PLANE:
        return ""
    name = "squared distances" if state.power == SQUARED else "distances"
    return f" On the unit circle {name} end at {state.wall:g}. {_met(state)}"


def _met(state: TripletState) -> str:
    """Say whether a negative on the circle can be easy."""
    m, limit = two(state.margin), f"{state.wall:g}"
    if state.margin > state.wall:
        return f"A margin of {m} is more than {limit}: no triplet can ever meet it."
    if state.border > 2 + 1e-9:
        return "The dashed circle is out of reach: with this positive no negative can be easy."
    return "The dashed circle is within reach: negatives beyond it are easy."


def read(state: TripletState) -> str:
    """Return the numbers of the state as HTML."""
    lines = [_distances(state), _where(state), _loss(state), _arrows(state), _wall(state)]
    return "<br>".join(escape(line.strip()) for line in lines if line)


def _distances(state: TripletState) -> str:
    """The distances, and their squares where the loss uses them."""
    near, far = state.near, state.far
    said = f"d(a, p) = {two(near)}, d(a, n) = {two(far)}"
    if state.power == SQUARED:
        said += f"; d²(a, p) = {two(near**2)}, d²(a, n) = {two(far**2)}"
    return f"{said}; margin {two(state.margin)}."


def _loss(state: TripletState) -> str:
    """The loss with its numbers."""
    power = POWERS[state.power]
    near, far = two(state.near**power), two(state.far**power)
    z = f"{two(state.margin)} + {near} − {far}"
    if state.bend == HINGE:
        return f"The loss [{z}]₊ is {_amount(state.loss)}."
    return f"The loss log(1 + exp({z})) is {_amount(state.loss)}."


BENCH = Bench(
    sliders=(Slider("margin", "margin m", *MARGINS, 0.1),),
    draw=draw,
    describe=describe,
    read=read,
    choices=(
        Choice("power", "distance", (SQUARED, PLAIN)),
        Choice("bend", "loss", (HINGE, SOFTPLUS)),
        Choice("space", "points", (PLANE, CIRCLE)),
    ),
    buttons=(Button("Take a step down", step),),
    targets=targets,
    drag=drag,
)
