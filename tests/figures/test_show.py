"""`show` displays a picture with its description, and refuses one without."""

import pytest
from matplotlib import pyplot

from dmlcourse.figures import canvas, inline, show
from dmlcourse.figures.pictures import Html, Picture, fold, img, paragraph

ALT = "A line that rises from zero to one."


@pytest.fixture
def displayed(monkeypatch) -> list:
    """What `show` hands to the notebook."""
    outputs: list = []
    monkeypatch.setattr("dmlcourse.figures.pictures.display", outputs.append)
    return outputs


@pytest.fixture
def fig():
    return canvas()[0]


def test_the_description_stands_in_the_metadata_and_in_the_plain_text(displayed, fig):
    assert show(fig, alt=ALT) is None
    data, metadata = displayed[0]._repr_mimebundle_()
    assert metadata == {"image/png": {"alt": ALT}}
    assert data["text/plain"] == ALT
    assert data["image/png"].startswith("iVBORw0KGgo")
    assert set(data) == {"image/png", "text/plain"}


def test_the_description_is_folded_below_the_picture(displayed, fig):
    show(fig, alt=ALT)
    assert displayed[1].html == fold("The picture in words", paragraph(ALT))


@pytest.mark.parametrize("alt", ["", "   ", "figure 1", "A line.   " + " " * 40, None, 7])
def test_a_picture_without_a_description_is_refused(displayed, fig, alt):
    with pytest.raises(ValueError, match="alt"):
        show(fig, alt=alt)
    assert not displayed


def test_the_refusal_says_what_to_write(displayed, fig):
    with pytest.raises(ValueError, match="has 8 characters, 'figure 1'; 30 are the least"):
        show(fig, alt="figure 1")


def test_what_is_no_figure_is_refused(displayed):
    _, ax = canvas()
    with pytest.raises(TypeError, match="needs a matplotlib Figure; got Axes"):
        show(ax, alt=ALT)


def test_a_description_over_several_lines_becomes_one(displayed, fig):
    show(fig, alt="A line that rises\n    from zero to one.")
    assert displayed[0].alt == ALT


def test_a_figure_of_pyplot_is_closed(displayed):
    fig = pyplot.figure()
    show(fig, alt=ALT)
    assert not pyplot.fignum_exists(fig.number)


def test_outside_a_notebook_the_description_is_printed(fig, capsys):
    show(fig, alt=ALT)
    assert ALT in capsys.readouterr().out


def test_html_is_escaped():
    assert 'alt="a &lt; b &amp; &quot;c&quot;"' in img("", 'a < b & "c"')
    assert fold("a < b", paragraph("c < d")).count("&lt;") == 2


def test_a_picture_for_a_widget_carries_its_description(fig):
    assert f'alt="{ALT}"' in inline(fig, ALT)
    with pytest.raises(ValueError, match="alt"):
        inline(fig, "")


def test_a_picture_beside_a_text_keeps_the_text_free_of_pixels(fig):
    data, _ = Picture(fig, ALT, html="<p>the answer</p>")._repr_mimebundle_()
    assert data["text/html"] == "<p>the answer</p>"
    assert "image/png" in data


def test_html_is_stored_without_an_address_in_memory(monkeypatch):
    sent: list = []
    monkeypatch.setattr(
        "dmlcourse.figures.pictures.display", lambda data, raw: sent.append((data, raw))
    )
    Html("<p>words</p>")._ipython_display_()
    assert sent == [({"text/html": "<p>words</p>"}, True)]
