"""The second bench of chapter 01: two Gaussians on a line, and five ways to tell them apart."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..figures import ROLES, canvas
from .parts import bars, fixed_title, two
from .shell import Bench, Slider

LABELS = ("KL(p‖q)", "KL(q‖p)", "Jeffreys", "Bhattacharyya", "Matusita")
LINE = np.linspace(-6, 8, 561)


@dataclass(frozen=True)
class GaussiansState:
    """p has mean 0 and standard deviation ``first``; q has mean ``gap`` and ``second``."""

    gap: float = 1.0
    first: float = 1.0
    second: float = 2.0

    @property
    def values(self) -> np.ndarray:
        """The five divergences, in the order of ``LABELS``."""
        a, b = self.first**2, self.second**2
        forward, backward = _kl(self.gap, a, b), _kl(self.gap, b, a)
        bhattacharyya = self.gap**2 / (4 * (a + b)) + np.log((a + b) / (2 * np.sqrt(a * b))) / 2
        matusita = np.sqrt(max(-2 * np.expm1(-bhattacharyya), 0.0))
        return np.array([forward, backward, forward + backward, bhattacharyya, matusita])


def _kl(gap: float, a: float, b: float) -> float:
    """KL(N(0, a) ‖ N(gap, b)), with variances a and b."""
    return float(a / b + gap**2 / b - 1 + np.log(b / a)) / 2


def gaussians_bench(gap: float = 1.0, first: float = 1.0, second: float = 2.0) -> None:
    """Show the bench, starting from this gap and these standard deviations of p and q."""
    BENCH.show(GaussiansState(gap, first, second))


def draw(state: GaussiansState) -> Figure:
    """Draw both densities, and the divergences as bars."""
    fig, (plane, numbers) = canvas(2, size=(9.6, 3.5), layout=None)
    fig.subplots_adjust(left=0.06, right=0.97, bottom=0.1, top=0.9, wspace=0.12)
    _draw_densities(plane, state)
    fixed_title(numbers, "How far apart (nats; Matusita has no unit)")
    roles = ["near", "far", "plain", "plain", "plain"]
    bars(numbers, LABELS, state.values, [ROLES[role].colour for role in roles], room=0.55)
    return fig


def _draw_densities(ax: Axes, state: GaussiansState) -> None:
    for mean, deviation, name, role, dash in [
        (0.0, state.first, "p", "near", "-"),
        (state.gap, state.second, "q", "far", "--"),
    ]:
        z = (LINE - mean) / deviation
        density = np.exp(-(z**2) / 2) / (deviation * np.sqrt(2 * np.pi))
        ax.plot(LINE, density, dash, color=ROLES[role].colour, label=name)
        ax.fill_between(LINE, density, color=ROLES[role].colour, alpha=0.15)
    ax.set(xlim=(LINE[0], LINE[-1]), ylim=(0, 0.9))
    ax.legend()
    fixed_title(ax, "Two densities")


def describe(state: GaussiansState) -> str:
    """Describe the figure in words."""
    return (
        f"Left: the densities p, mean 0 and standard deviation {two(state.first)}, and q, mean "
        f"{two(state.gap)} and standard deviation {two(state.second)}. Right, as bars: "
        f"{_listed(state)}."
    )


def read(state: GaussiansState) -> str:
    """Return the numbers of the state as HTML."""
    return f"{_listed(state)}.<br>{_remark(state)}"


def _listed(state: GaussiansState) -> str:
    return ", ".join(f"{k} {two(v)}" for k, v in zip(LABELS, state.values, strict=True))


def _remark(state: GaussiansState) -> str:
    if state.gap == 0 and state.first == state.second:
        return "p = q: all five are zero."
    if state.first == state.second:
        return "Equal spread: both directions of KL agree."
    wide = "q" if state.second > state.first else "p"
    return f"{wide} is the wider one: KL is larger in the direction that averages over it."


BENCH = Bench(
    sliders=(
        Slider("gap", "mean of q", 0, 4, 0.25),
        Slider("first", "deviation of p", 0.5, 3, 0.25),
        Slider("second", "deviation of q", 0.5, 3, 0.25),
    ),
    draw=draw,
    describe=describe,
    read=read,
)
