"""The house style: small PNGs, the same for everyone, in colours that all can tell apart."""

from io import BytesIO
from itertools import combinations

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from dmlcourse.figures import CLASSES, ROLES, canvas, house, png

# What a person without the red, green or blue cones sees, in linear RGB (Machado and others 2009).
SIGHT = {
    "usual": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
# CIE76 distances: 2.3 is a just noticeable difference.
CLEARLY_DIFFERENT = 10


def a_line():
    fig, ax = canvas()
    ax.plot([0, 1], [0, 1])
    ax.set_title("A line")
    return fig


def test_the_readers_settings_return():
    before = dict(matplotlib.rcParams)
    with house():
        assert matplotlib.rcParams["axes.grid"] is not before["axes.grid"]
    png(a_line())
    assert dict(matplotlib.rcParams) == before


def test_drawing_needs_no_block_around_it():
    with house():
        inside = png(a_line())
    assert png(a_line()) == inside


def test_the_readers_own_style_has_no_say():
    house_style = png(a_line())
    with matplotlib.rc_context({"axes.facecolor": "black", "xtick.labelsize": 30}):
        assert png(a_line()) == house_style


def test_a_picture_is_the_same_on_every_run_and_holds_only_pixels():
    first, second = png(a_line()), png(a_line())
    assert first == second
    assert set(Image.open(BytesIO(first)).info) <= {"dpi"}


def test_a_picture_is_opaque_white_paper_and_small():
    data = png(a_line())
    pixels = Image.open(BytesIO(data)).convert("RGBA")
    assert pixels.getpixel((0, 0)) == (255, 255, 255, 255)
    assert pixels.getextrema()[3] == (255, 255)
    assert len(data) < 12_000


def test_panels_come_as_plt_subplots_gives_them():
    _, axes = canvas(columns=3, rows=2)
    assert axes.shape == (2, 3)


@pytest.mark.parametrize("roles", [list(ROLES.values()), list(CLASSES)], ids=["roles", "classes"])
def test_markers_differ_as_well_as_colours(roles):
    assert len({role.marker for role in roles}) == len(roles)
    assert len({role.colour for role in roles}) == len(roles)


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("roles", [list(ROLES.values()), list(CLASSES)], ids=["roles", "classes"])
def test_colours_differ_for_every_kind_of_sight(roles, sight):
    seen = [lab(np.array(SIGHT[sight]) @ linear(role.colour)) for role in roles]
    assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) > CLEARLY_DIFFERENT


def linear(colour: str) -> np.ndarray:
    """Linear RGB of an sRGB colour."""
    c = np.array(to_rgb(colour))
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of linear RGB, for daylight."""
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = to_xyz @ rgb.clip(0, 1) / [0.9505, 1, 1.089]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])
