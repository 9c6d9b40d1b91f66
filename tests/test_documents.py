"""README.md and docs: the commands exist, the links lead somewhere, every component is named."""

import dataclasses
import itertools
import re
import shlex
from pathlib import Path

import click
import pytest

from ganbench.cli.app import app
from ganbench.grid.settings import TrainingSettings
from ganbench.registry import KINDS, Registry
from ganbench.registry.plugin_files import VARIABLE

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]
TEXTS = {path: path.read_text(encoding="utf-8") for path in DOCUMENTS}
COMMANDS = sorted(
    {
        line.partition("&& ")[2] if "&& ganbench" in line else line
        for text in TEXTS.values()
        for line in re.findall(r"^\$ (.*ganbench .*)$", text, re.MULTILINE)
        if "ganbench " in line and not line.startswith(("tensorboard", "docker"))
    }
)


def anchors(path):
    """The anchors that GitHub gives the titles of a document."""
    titles = re.findall(r"^#+ (.*)$", TEXTS[path], re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_links_lead_somewhere(path):
    for link in re.findall(r"\]\(([^)]*)\)", TEXTS[path]):
        if link.startswith("http"):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_in_the_documents_is_understood(line, tmp_path, monkeypatch):
    words = shlex.split(line, comments=True)
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.chdir(tmp_path)
    for file in (after for word, after in itertools.pairwise(words) if word == "--plugin"):
        Path(file).touch()
    name, *arguments = words[words.index("ganbench") + 1 :]
    command = app.get_command(click.Context(app), name)
    assert command is not None, name
    command.make_context(name, arguments, parent=click.Context(app, **app.context_settings))


def test_the_readme_is_short_and_the_index_names_every_page():
    assert len(TEXTS[ROOT / "README.md"].splitlines()) < 250
    index = TEXTS[ROOT / "docs" / "README.md"]
    pages = [path.name for path in DOCUMENTS if path.parent.name == "docs"]
    assert [page for page in pages if page != "README.md" and f"({page})" not in index] == []


@pytest.mark.parametrize("document", ["README.md", "docs/components.md"])
def test_every_component_is_named(document):
    infos = [info for kind in KINDS for info in Registry.load().components(kind).values()]
    names = [info.name for info in infos if info.provider == "ganbench"]
    assert [name for name in names if f"`{name}`" not in TEXTS[ROOT / document]] == []


def test_every_training_setting_is_named():
    names = [
        field.name.removeprefix("g_")
        for field in dataclasses.fields(TrainingSettings)
        if not field.name.startswith("d_") or field.name == "d_steps"
    ]
    text = TEXTS[ROOT / "docs" / "grids.md"]
    assert [name for name in names if f"`{name}`" not in text] == []
