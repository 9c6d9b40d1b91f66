"""Readers ask columns for their properties; a list of metrics' names would leave out a plugin's."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import ganbench
from ganbench.store.columns import installed

ROOT = Path(ganbench.__file__).parent
READERS = (
    *("store", "analysis", "present", "report", "cli"),
    *("execution/progress", "execution/run_status.py", "execution/run_state.py"),
    *(f"execution/supervise/{name}.py" for name in ("messages", "backlog")),
)
#: Words that are more than the name of a metric.
WORDS = {"precision", "recall", "density", "coverage", "modes"}
#: Where a name may stand: the promised columns, the usual primary metric, and the arithmetic of the
#: networks, which is a precision too; and the names of other tools.
ALLOWED = {
    "store/schema.py": None,
    "present/columns_doc.py": None,
    "store/primary.py": {"fd"},
    "analysis/comparability.py": {"precision"},
    "analysis/blocks.py": {"precision"},
    "cli/app.py": {"fid"},
    "cli/eval.py": {"fid"},
}


def files() -> list[Path]:
    found = [ROOT / name for name in READERS]
    return [f for path in found for f in (sorted(path.rglob("*.py")) if path.is_dir() else [path])]


def texts(path: Path) -> Iterator[str]:
    """The texts of a module, without documentation and examples of commands."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "examples":
            told.update(map(id, node.args))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.value


def named(text: str) -> set[str]:
    """The metrics that a text names; a word of everyday language only if it is the whole text."""
    metrics = {column.name for column in installed().measured}
    words = {text} | (set(re.findall(r"[a-z0-9_]+", text)) - WORDS)
    return words & {name + end for name in metrics for end in ("", "_median", "_low", "_high")}


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_reader_knows_a_metric(path: Path) -> None:
    where = path.relative_to(ROOT).as_posix()
    allowed = ALLOWED.get(where, set())
    if allowed is not None:
        assert {name for text in texts(path) for name in named(text)} <= allowed


def test_a_name_is_found_wherever_it_stands() -> None:
    assert named("fd") == named("fd {:.4g}") == {"fd"}
    assert named("loss, fd_median") == {"fd_median"}
    assert named("precision") == {"precision"}
    assert named("a precision of three digits") == set()
