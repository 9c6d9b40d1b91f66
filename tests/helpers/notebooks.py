"""Run the code of a notebook without Jupyter: ``python tests/helpers/notebooks.py docs/notebook.ipynb``.

A cell's output is what it prints and its last expression, in the richest form that it has.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

_LONGEST = 1000  # characters of plain text


def run_notebook(notebook: dict[str, Any]) -> None:
    """Run all code cells in one namespace, in the current folder, and put their outputs in place."""
    names: dict[str, Any] = {"__name__": "__main__"}
    number = 0
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            number += 1
            cell["execution_count"] = number
            cell["outputs"] = _outputs("".join(cell["source"]), names, number)


def _outputs(source: str, names: dict[str, Any], number: int) -> list[dict[str, Any]]:
    body = ast.parse(source).body
    last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(ast.Module(body, []), f"cell {number}", "exec"), names)
        shown = None
        if last is not None:
            shown = eval(compile(ast.Expression(last.value), f"cell {number}", "eval"), names)
    found = []
    if printed.getvalue():
        text = printed.getvalue().splitlines(keepends=True)
        found.append({"output_type": "stream", "name": "stdout", "text": text})
    if shown is not None:
        data = {name: _lines(text) for name, text in bundle(shown).items()}
        about = {"metadata": {}, "execution_count": number, "data": data}
        found.append({"output_type": "execute_result", **about})
    return found


def bundle(shown: Any) -> dict[str, str]:
    """The forms of an object, as a notebook shows it, and as plain text."""
    text = repr(shown)
    found = {"text/plain": text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"}
    if hasattr(shown, "_repr_mimebundle_"):
        found |= shown._repr_mimebundle_()
    elif hasattr(shown, "_repr_html_"):
        found["text/html"] = shown._repr_html_()
    return found


def _lines(text: str) -> str | list[str]:
    lines = text.splitlines(keepends=True)
    return lines if len(lines) > 1 else text


def main(path: Path) -> None:
    """Run a notebook in an empty folder and write its outputs into it."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    target = path.resolve()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        run_notebook(notebook)
        os.chdir("/")
    target.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
