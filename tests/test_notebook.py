"""The notebook in the documentation runs, and shows what it says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from notebooks import run_notebook

DOCS = Path(__file__).parents[1] / "docs"
NOTEBOOKS = sorted(DOCS.glob("*.ipynb"))


def read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def forms(notebook: dict[str, Any]) -> list[list[str]]:
    """What kinds of output each code cell has."""
    return [
        [name for output in cell["outputs"] for name in output.get("data", [output["output_type"]])]
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_its_cells_have_their_outputs_and_its_links_lead_somewhere(path):
    notebook = read(path)
    assert (notebook["nbformat"], len({cell["id"] for cell in notebook["cells"]})) == (
        4,
        len(notebook["cells"]),
    )
    shown = forms(notebook)
    assert all(kinds for kinds in shown), f"run: python tests/helpers/notebooks.py docs/{path.name}"
    assert any("image/png" in kinds for kinds in shown)
    text = "".join("".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "markdown")
    for target in re.findall(r"\]\(([^)#]+)", text):
        assert (DOCS / target).exists(), target


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_it_runs_and_shows_the_same_kinds_of_output(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    notebook = read(path)
    stored = forms(notebook)
    run_notebook(notebook)
    assert forms(notebook) == stored
    rerun = "".join(json.dumps(cell.get("outputs")) for cell in notebook["cells"])
    assert "Hinge" in rerun  # names of the grid stand in tables
    assert (tmp_path / "generator.pt2").stat().st_size > 0
