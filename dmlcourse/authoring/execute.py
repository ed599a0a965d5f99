"""Run a notebook under one fixed profile, so that its outputs are the same wherever it is built."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

import nbclient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from traitlets.config import Config

SECONDS = 300
# One device, one thread, no journal: what the reader's machine adds stays out of the stored copy.
PROFILE = {
    "CUDA_VISIBLE_DEVICES": "",
    "MKL_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONWARNINGS": "ignore",
}


class CellFailed(Exception):
    """A cell stopped the run. Its text is what the kernel said."""

    def __init__(self, name: str, words: str) -> None:
        super().__init__(words)
        self.name = name


def execute(notebook: NotebookNode, folder: Path) -> None:
    """Run every cell in a fresh kernel and store the outputs in the notebook.

    Raises:
        CellFailed: a cell fails, ends the kernel or runs longer than ``SECONDS``.
    """
    started: list[str] = []
    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | PROFILE | {"DMLCOURSE_HOME": home}
        client = nbclient.NotebookClient(
            notebook,
            timeout=SECONDS,
            kernel_name="python3",
            config=_connection(home),
            record_timing=False,
            resources={"metadata": {"path": str(folder)}},
            on_cell_start=lambda cell, cell_index: started.append(cell.id),
        )
        try:
            client.execute(env=environment)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            raise CellFailed(started[-1], _uncoloured(str(error))) from None
    # What the kernel says of itself differs from machine to machine.
    notebook.metadata.pop("widgets", None)
    notebook.metadata["language_info"] = {
        key: notebook.metadata["language_info"][key]
        for key in ("file_extension", "mimetype", "name")
    }


def _connection(folder: str) -> Config:
    # Sockets in the file system where there are some: no port is opened, no network is needed.
    sockets = {"transport": "ipc", "ip": f"{folder}/kernel"} if os.name == "posix" else {}
    return Config(KernelManager=sockets)


def _uncoloured(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
