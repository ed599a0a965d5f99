"""nbconvert's HTML page gets the description of every described picture."""

import json
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_notebook, new_output
from traitlets.config import Config

from dmlcourse import figures
from dmlcourse.figures import canvas
from dmlcourse.figures.pictures import SLOT, Picture, fold

ALT = 'A "line" that rises from zero to one.'
CONFIG = Path(figures.__file__).parent / "jupyter_config.json"


@pytest.fixture
def exporter() -> HTMLExporter:
    """The exporter as Jupyter sets it up from the configuration that we ship."""
    return HTMLExporter(config=Config(json.loads(CONFIG.read_text())))


def page(exporter: HTMLExporter, *outputs: dict) -> BeautifulSoup:
    notebook = new_notebook(cells=[new_code_cell("show(...)", outputs=list(outputs))])
    return BeautifulSoup(exporter.from_notebook_node(notebook)[0], "html.parser")


def output(html: str | None = None) -> dict:
    data, metadata = Picture(canvas()[0], ALT, html)._repr_mimebundle_()
    return new_output("display_data", data, metadata=metadata)


def test_a_described_picture_has_its_description(exporter):
    (image,) = page(exporter, output()).select("img")
    assert image["alt"] == ALT
    assert image["src"].startswith("data:image/png;base64,iVBORw0KGgo")


def test_a_picture_beside_a_text_moves_into_its_slot(exporter):
    (answer,) = page(exporter, output(fold("Show the answer", f"<p>D.</p>{SLOT}"))).select(
        "details"
    )
    assert answer.p.text == "D."
    assert answer.img["alt"] == ALT


def test_a_picture_without_a_description_is_left_alone(exporter):
    plain = new_output("display_data", {"image/png": "iVBORw0KGgo="})
    (image,) = page(exporter, plain).select("img")
    assert image["alt"] == "No description has been provided for this image"
