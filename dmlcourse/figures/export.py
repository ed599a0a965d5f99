"""Descriptions of pictures in exported HTML.

nbconvert's HTML page ignores the description in a picture's metadata and writes "No description
has been provided" instead. This preprocessor, named in ``jupyter_config.json`` beside this file,
hands nbconvert the finished ``<img alt>``: on the command line, and in JupyterLab's menu.
"""

from typing import Any

from nbconvert.preprocessors import Preprocessor

from .pictures import SLOT, img


class DescribePictures(Preprocessor):
    """Turn each described PNG of a notebook into HTML that carries the description."""

    def preprocess_cell(self, cell: Any, resources: dict, index: int) -> tuple[Any, dict]:
        """Treat the outputs of one cell. nbconvert works on a copy of the notebook."""
        for output in cell.get("outputs", []):
            alt = output.get("metadata", {}).get("image/png", {}).get("alt")
            if alt and "image/png" in output.get("data", {}):
                _describe(output.data, alt)
        return cell, resources


def _describe(data: Any, alt: str) -> None:
    """A picture alone becomes an element; one beside text moves into its slot in the text."""
    picture = img(data["image/png"].replace("\n", ""), alt)
    data["text/html"] = data.get("text/html", SLOT).replace(SLOT, picture + SLOT)
