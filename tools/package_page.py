"""Build hook: the description and the URLs of the package, as a package index shows them.

A package page has no folder beside it, so a link such as ``docs/data.md`` leads nowhere there. The
links of README.md and the project's URLs begin with the address of the repository:
``GANBENCH_REPOSITORY`` at build time, else ``[tool.ganbench] repository`` in pyproject.toml. Without
an address, such links become plain text, and pictures a line that says where they are.
"""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path, PurePosixPath
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
_OWN = ("http://", "https://", "#", "mailto:")


class PackagePage(MetadataHookInterface):
    """Set the dynamic fields ``readme`` and ``urls``."""

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict[str, Any]) -> None:
        root = Path(self.root)
        address = repository(root)
        text = (root / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": page(text, address, root)}
        metadata["urls"] = urls(address)


def repository(root: Path) -> str:
    """The address of the repository, without a slash at its end; empty if none is known."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    stated = project["tool"]["ganbench"]["repository"]
    return str(os.environ.get("GANBENCH_REPOSITORY") or stated).rstrip("/")


def urls(address: str) -> dict[str, str]:
    """The project's URLs; none without an address."""
    if not address:
        return {}
    documentation = (
        os.environ.get("GANBENCH_DOCUMENTATION") or f"{address}/blob/main/docs/README.md"
    )
    return {
        "Homepage": address,
        "Documentation": documentation,
        "Source": address,
        "Issues": f"{address}/issues",
    }


def page(text: str, address: str, root: Path) -> str:
    """A README whose links and pictures work away from its folder."""

    def absolute(link: re.Match[str]) -> str:
        picture, words, target = link.groups()
        if target.startswith(_OWN):
            return link[0]
        if not address:
            return f"*Picture: {words}, in {target}.*" if picture else words
        path = PurePosixPath(target.partition("#")[0])
        kind = "raw" if picture else "tree" if (root / path).is_dir() else "blob"
        return f"{picture}[{words}]({address}/{kind}/main/{target})"

    return _LINK.sub(absolute, text)
