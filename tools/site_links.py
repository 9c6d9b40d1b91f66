"""A hook of mkdocs: README.md becomes the first page, and links out of docs/ lead to the repository.

The list of pages in docs/README.md becomes the page ``contents.md``.

The address of the repository comes from ``GANBENCH_REPOSITORY``, else from ``[tool.ganbench]`` in
pyproject.toml. Without one, such a link stays as plain text: a broken link helps nobody.
"""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
FIRST, CONTENTS = "README.md", "contents.md"
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")


def repository() -> str:
    """The address of the repository, without a slash at its end; empty if none is known."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    stated = project.get("tool", {}).get("ganbench", {}).get("repository", "")
    return str(os.environ.get("GANBENCH_REPOSITORY") or stated).rstrip("/")


def on_files(files: Files, config: Any) -> Files:
    """Add the page of contents."""
    pages = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    files.append(File.generated(config, CONTENTS, content=pages))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Replace the links of a page that lead out of docs/."""
    if page.file.src_uri == FIRST:
        return _LINK.sub(_from_readme, (ROOT / "README.md").read_text(encoding="utf-8"))
    return _LINK.sub(_from_docs, markdown)


def _from_readme(link: re.Match[str]) -> str:
    mark, text, target = link.groups()
    if target.startswith(("http", "#")):
        return link[0]
    if target == "docs/README.md":
        return f"[{text}]({CONTENTS})"
    if target.startswith("docs/"):
        return f"{mark}[{text}]({target.removeprefix('docs/')})"
    return _to_repository(text, target)


def _from_docs(link: re.Match[str]) -> str:
    _, text, target = link.groups()
    if not target.startswith("../"):
        return link[0]
    path = target.removeprefix("../")
    return f"[{text}]({path})" if path.startswith(FIRST) else _to_repository(text, path)


def _to_repository(text: str, target: str) -> str:
    base = repository()
    if not base:
        return text
    path = PurePosixPath(target.partition("#")[0])
    kind = "tree" if (ROOT / path).is_dir() else "blob"
    return f"[{text}]({base}/{kind}/main/{path})"
