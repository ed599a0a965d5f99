"""Drawing helpers for metrics in the plane: balls, neighbours, labelled points, classes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Ellipse, Polygon, Rectangle
from matplotlib.ticker import MaxNLocator

from .style import CLASSES, ROLES

# A ball a thousand times longer than wide is a strip on any screen.
_FLAT = 1e-6
_FAR_AWAY = 1e4
_LABEL_GAP = 14
_REFUSED = ROLES["refused"].colour


def axes_equal(ax: Axes, reach: float | None = None, centre: Sequence[float] = (0.0, 0.0)) -> None:
    """Give both axes the same scale, or a circle would look like an ellipse.

    With ``reach``, show the square that extends so far from the centre in each direction, with the
    same grid both ways.
    """
    ax.set_aspect("equal", adjustable="box" if reach is not None else "datalim")
    if reach is not None:
        ax.set_xlim(centre[0] - reach, centre[0] + reach)
        ax.set_ylim(centre[1] - reach, centre[1] + reach)
        ax.xaxis.set_major_locator(MaxNLocator(9, steps=[1, 2, 5, 10]))
        ax.yaxis.set_major_locator(MaxNLocator(9, steps=[1, 2, 5, 10]))


def ellipse(
    ax: Axes,
    M: np.ndarray,
    centre: Sequence[float] = (0.0, 0.0),
    radius: float = 1.0,
    **style: Any,
) -> None:
    """Draw the ball {x : (x − c)ᵀ M (x − c) ≤ r²} of a positive semi-definite M, shape (2, 2).

    Its half axes are r/√λ along the eigenvectors. Where an eigenvalue is zero the ball has no end
    in that direction: it is a strip, and for M = 0 the whole plane.

    Raises:
        ValueError: M is not a symmetric matrix of shape (2, 2), or has a negative eigenvalue; a
            level set of such an M is drawn by `level_set`.
    """
    values, vectors = np.linalg.eigh(_symmetric(M))
    if values[0] < -_FLAT * max(values[1], 1.0):
        raise ValueError(
            f"M has the negative eigenvalue {values[0]:.3g}, so it has no ball; use level_set."
        )
    look = {"facecolor": ROLES["ball"].colour + "40", "edgecolor": ROLES["near"].colour, **style}
    flat = values <= _FLAT * max(values[1], _FLAT)
    if flat.all():
        ax.add_artist(Rectangle((0, 0), 1, 1, transform=ax.transAxes, **look))
    elif flat.any():
        ax.add_artist(_strip(vectors, np.asarray(centre), radius / np.sqrt(values[1]), look))
    else:
        width, height = 2 * radius / np.sqrt(values)
        angle = np.degrees(np.arctan2(vectors[1, 0], vectors[0, 0]))
        ax.add_patch(Ellipse((centre[0], centre[1]), width, height, angle=angle, **look))


def _strip(vectors: np.ndarray, centre: np.ndarray, half_width: float, look: dict) -> Polygon:
    """The ball of a flat M: endless along the first eigenvector, bounded along the second."""
    along, across = _FAR_AWAY * vectors[:, 0], half_width * vectors[:, 1]
    corners = [along + across, along - across, -along - across, -along + across]
    return Polygon(centre + np.array(corners), **look)


def level_set(
    ax: Axes, M: np.ndarray, centre: Sequence[float] = (0.0, 0.0), radius: float = 1.0
) -> None:
    """Draw where (x − c)ᵀ M (x − c) is r², for an M that has a negative eigenvalue.

    The curve is a hyperbola, not the edge of a ball, and where no eigenvalue is positive there is
    none. The dashed line runs along the most negative direction; in the hatched region around it
    the form is negative, so that no distance exists. Set the limits of the axes first.
    """
    start, (dx, dy) = (centre[0], centre[1]), np.linalg.eigh(_symmetric(M))[1][:, 0]
    x, y = np.meshgrid(*(np.linspace(*limits, 201) for limits in (ax.get_xlim(), ax.get_ylim())))
    steps = np.stack([x, y], axis=-1) - np.asarray(centre)
    form = np.einsum("...i,ij,...j", steps, np.asarray(M), steps)
    if form.max() > radius**2:
        ax.contour(x, y, form, levels=[radius**2], colors=ROLES["near"].colour, linewidths=1.5)
    if form.min() < 0:
        _refuse(ax, x, y, form)
        ax.axline(start, (start[0] + dx, start[1] + dy), color=_REFUSED, linestyle="--")


def _refuse(ax: Axes, x: np.ndarray, y: np.ndarray, form: np.ndarray) -> None:
    """Hatch the region where the form is negative."""
    levels = [form.min(), 0]
    region = ax.contourf(x, y, form, levels, colors=[_REFUSED], alpha=0.25, hatches=["//"])
    region.set_edgecolor(_REFUSED)


def metric_balls(
    ax: Axes, M: np.ndarray, centres: np.ndarray, radius: float = 1.0, **style: Any
) -> None:
    """Draw the ball of M around each of the centres, shape (n, 2): they all look the same."""
    for centre in np.asarray(centres):
        ellipse(ax, M, centre, radius, **style)


def labelled_points(
    ax: Axes, X: np.ndarray, names: Sequence[str], roles: Sequence[str] | str = "plain"
) -> None:
    """Draw points, shape (n, 2), with their names; each looks as its role says (see `ROLES`).

    One role for all, or one for each point. Names keep clear of points and of each other in the
    limits that the axes have now, so set these first.
    """
    X = np.asarray(X)
    roles = [roles] * len(X) if isinstance(roles, str) else list(roles)
    if not len(X) == len(names) == len(roles) or not ROLES.keys() >= set(roles):
        raise ValueError(
            f"{len(X)} points need as many names and roles; got names {list(names)} "
            f"and roles {roles}. The roles are {list(ROLES)}."
        )
    for role in dict.fromkeys(roles):
        _scatter(ax, X[[role == other for other in roles]], role)
    centred: dict[str, Any] = {
        "textcoords": "offset points",
        "ha": "center",
        "va": "center",
        "fontsize": 12,
    }
    for point, name, (right, up) in zip(X, names, _label_offsets(ax, X), strict=True):
        ax.annotate(name, point, (right, up), **centred)


def _label_offsets(ax: Axes, X: np.ndarray) -> list[np.ndarray]:
    """For each point an offset at which its label keeps clear of points and other labels."""
    ax.apply_aspect()
    to_points = ax.figure.dpi_scale_trans.inverted()
    at = 72 * to_points.transform(ax.transData.transform(X))
    turn = np.radians([45, 135, 0, 90, 180, -45, -135, -90])
    around = _LABEL_GAP * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    taken, offsets = list(at), []
    for point in at:
        gaps = np.linalg.norm((point + around)[:, None] - np.array(taken), axis=-1).min(axis=1)
        offsets.append(around[gaps.round(6).argmax()])
        taken.append(point + offsets[-1])
    return offsets


def neighbours(
    ax: Axes, X: np.ndarray, query: int, k: int, M: np.ndarray | None = None
) -> np.ndarray:
    """Join the query X[query] to its k nearest other points under M and return their indices.

    The nearest first; M = None is the Euclidean distance. The query is a star, its neighbours are
    filled circles, the others triangles.
    """
    # Torch, which geometry needs, takes seconds to import; other figures do without it.
    from ..geometry import nearest

    X = np.asarray(X)
    chosen = nearest(X, k=k, M=M)[1][query]
    others = np.delete(np.arange(len(X)), query)
    for i in chosen:
        ax.plot(*X[[query, i]].T, color=ROLES["near"].colour, linewidth=1.5, zorder=1)
    _scatter(ax, X[np.setdiff1d(others, chosen)], "far")
    _scatter(ax, X[chosen], "near")
    _scatter(ax, X[[query]], "anchor")
    return chosen


def _scatter(ax: Axes, X: np.ndarray, name: str) -> None:
    role = ROLES[name]
    size = 15 if name == "anchor" else 8
    ax.plot(*X.T, role.marker, color=role.colour, markersize=size, linestyle="none", zorder=3)


def classes(ax: Axes, X: np.ndarray, y: np.ndarray, names: Sequence[str] | None = None) -> None:
    """Draw points, shape (n, 2), with a colour and a marker for each label of y, and a legend."""
    labels = np.unique(y)
    if len(labels) > len(CLASSES):
        raise ValueError(f"{len(labels)} classes; {len(CLASSES)} can be told apart in a figure.")
    for i, label in enumerate(labels):
        role = CLASSES[i]
        name = str(label) if names is None else names[i]
        x1, x2 = np.asarray(X)[np.asarray(y) == label].T
        ax.scatter(x1, x2, s=30, color=role.colour, marker=role.marker, label=name)
    ax.legend()


def _symmetric(M: np.ndarray) -> np.ndarray:
    M = np.asarray(M, dtype=float)
    if M.shape != (2, 2) or not np.isfinite(M).all() or not np.allclose(M, M.T):
        raise ValueError(f"M must be a symmetric, finite matrix of shape (2, 2); got\n{M}")
    return M
