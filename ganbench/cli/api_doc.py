"""``docs/api.md``, written from the docstrings: ``python -m ganbench.cli.api_doc``."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import inspect
import operator
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import ganbench as gb
from ganbench.registry.kinds import KINDS

_WIDTH = 100
_STUB = Path(gb.__file__).with_suffix(".pyi")
_HEAD = """\
# Python API

<!-- Generated from the docstrings: `python -m ganbench.cli.api_doc`. -->

Write `import ganbench as gb`. The import is quick: each name below loads what it needs on first use.
Signatures give types and defaults; `…` stands for a default that is long or made on each call. A
`UsageError` says in one sentence what is wrong and how to mend it.
"""


class Group(NamedTuple):
    """One section: dotted names below ``gb`` and a sentence about them."""

    title: str
    names: tuple[str, ...]
    introduction: str


def groups() -> list[Group]:
    """The sections, which name every public name once."""
    contracts = " ".join(kind.contract.partition(":")[2] for kind in KINDS.values())
    testing = " ".join(f"testing.{name}" for name in gb.testing.__all__)
    found = (
        ("Run and measure", "run RunResult fit FitResult Grid measure MeasureResult evaluate Evaluation",
         "Train a grid, measure its trials again, and measure any images."),
        ("Results",
         "results.load results.history results.compare results.rank results.stability",
         "Read what runs have written. These also have flat names: `gb.load_results`, "
         "`gb.load_history`, `gb.compare`, `gb.rank`, `gb.stability`. "
         "[columns.md](columns.md) lists the columns."),
        ("Figures and reports", "plot Figure report",
         "Draw a run. [results.md](results.md) shows the figures."),
        ("Generators", "load_generator Trained sample project Projection export Exported",
         "Use what a trial trained. [generators.md](generators.md) has more."),
        ("Metrics",
         "metrics.frechet_distance metrics.kernel_distance metrics.prdc metrics.mixture_statistics "
         "metrics.nearest_neighbors feature_matrix Moments MomentAccumulator",
         "What the metrics compute, as functions of arrays or tensors. The functions also have flat "
         "names, such as `gb.prdc` (and `gb.nearest_neighbours`). [metrics.md](metrics.md) has "
         "formulas and papers."),
        ("Components", "components get ComponentInfo",
         "Find out what is installed, and get a component by its spec."),
        ("Contracts of plugins", f"hookimpl option Component {contracts} Level",
         "What a plugin derives from: `from ganbench import Loss, hookimpl`. "
         "[plugins.md](plugins.md) has an example of each."),
        ("What plugins receive and return",
         "DataSpec ImageData Modes Networks Critique View Progress OptimizerSettings Window "
         "Translation Features FeatureNetwork ExtractorContext Column FeatureSet Measured "
         "image_problem square_problem",
         "Values that pass between ganbench and a plugin."),
        ("Capabilities",
         "PER_SAMPLE_CRITIC MINIBATCH_STATISTICS CRITIC_FEATURES CRITIC_CLASSES STYLES",
         "What an architecture can do and other components may need."),
        ("Several processes for one trial", "all_replicas replica_count",
         "For layers with statistics of a batch of which each process has a part; see "
         "[replicas.md](replicas.md)."),
        ("Image files", "read_image_file decode_image check_image_bytes ImageError",
         "How data sets and `ganbench eval` read a file."),
        ("Errors", "GanbenchError UsageError DataNotFoundError", "What ganbench raises."),
        ("Tests of plugins", testing,
         "`from ganbench.testing import LossTests`: suites to inherit, and what helps in tests."),
    )  # fmt: skip
    return [Group(title, tuple(names.split()), text) for title, names, text in found]


def api_document() -> str:
    found = groups()
    contents = [f"| {group.title} | {', '.join(map(_link, group.names))} |" for group in found]
    lines = [_HEAD, "| group | names |", "|---|---|", *contents]
    for group in found:
        lines += ["", f"## {group.title}", "", group.introduction]
        for name in group.names:
            lines += ["", f"### gb.{name}", "", *_entry(name)]
    return "\n".join(lines) + "\n"


def _link(name: str) -> str:
    return f"[`{name}`](#gb{name.replace('.', '').lower()})"


def _entry(name: str) -> Iterator[str]:
    found: Any = operator.attrgetter(name)(gb)
    if not isinstance(found, type) and not inspect.isfunction(found):
        yield from ([f"`{found!r}`", ""] if isinstance(found, str) else [])
        yield _comment(name)
        return
    if _is_made_by_users(found):
        yield from ("```python", _call(name.rpartition(".")[2], found), "```", "")
    yield from _text(found)
    if isinstance(found, type):
        yield from _members(found)


def _is_made_by_users(found: Any) -> bool:
    """Whether the signature says something: of functions, and of classes that are plain values."""
    return not isinstance(found, type) or (
        (dataclasses.is_dataclass(found) or issubclass(found, tuple))
        and not issubclass(found, gb.Component)
    )


def _members(cls: type) -> Iterator[str]:
    """The public methods and properties that a class itself declares, as a list."""
    title = "Methods and properties:"
    for name, member in vars(cls).items():
        target = getattr(member, "__func__", member)
        is_property = isinstance(target, property | functools.cached_property)
        if name.startswith("_") or not target.__doc__ or not (callable(target) or is_property):
            continue
        if title:
            yield from ("", title)
        title = ""
        yield from ("", f"- `{name if is_property else _call(name, target, width=10_000)}`", "")
        yield from (f"  {line}" if line else "" for line in _text(target))


def _call(name: str, target: Any, width: int = _WIDTH) -> str:
    """The signature: in one line, or a line for each parameter."""
    signature = inspect.signature(target)
    texts = []
    previous = None
    for parameter in signature.parameters.values():
        if parameter.name in ("self", "cls"):
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and previous is not parameter.KEYWORD_ONLY:
            texts.append("*")
        previous = parameter.kind
        texts.append(_parameter(parameter))
    returned = signature.return_annotation
    ends = "" if isinstance(target, type) or returned is signature.empty else _type(returned)
    tail = f") -> {ends}" if ends else ")"
    line = f"{name}({', '.join(texts)}{tail}"
    if len(line) <= width:
        return line
    return "\n".join([f"{name}(", *(f"    {text}," for text in texts), tail])


def _parameter(parameter: inspect.Parameter) -> str:
    stars = {"VAR_POSITIONAL": "*", "VAR_KEYWORD": "**"}.get(parameter.kind.name, "")
    text = stars + parameter.name
    typed = parameter.annotation is not parameter.empty
    if typed:
        text += f": {_type(parameter.annotation)}"
    if parameter.default is parameter.empty:
        return text
    default = repr(parameter.default)
    if isinstance(parameter.default, str):
        default = f'"{parameter.default}"'
    short = default if len(default) <= 30 and not default.startswith("<") else "…"
    return text + (f" = {short}" if typed else f"={short}")


def _type(annotation: Any) -> str:
    text = getattr(annotation, "__forward_arg__", annotation)
    return text if isinstance(text, str) else str(inspect.formatannotation(text))


def _text(found: Any) -> list[str]:
    """A docstring as Markdown: the text, then its fields as a list."""
    text, *fields = re.split(r"^:(?=\w+[ :])", inspect.getdoc(found) or "", flags=re.MULTILINE)
    items = []
    for field in fields:
        head, _, meaning = field.partition(":")
        word, _, name = head.partition(" ")
        said = " ".join(meaning.split())
        known = {"returns": f"- returns {said}", "raises": f"- raises `{name}` {said}"}
        items.append(known.get(word, f"- `{name}`: {said}"))
    # Without the marks of code blocks.
    text = re.sub(r"^::\n\n?|(?<=:):$", "", text.rstrip(), flags=re.MULTILINE)
    lines = [*text.splitlines(), *([""] if items else []), *items]
    return [line.replace("``", "`") for line in lines]


def _comment(name: str) -> str:
    """The ``#:`` comment above a name that has no docstring."""
    home = re.search(rf"from \.([\w.]+) import {name} as", _STUB.read_text(encoding="utf-8"))
    assert home is not None
    source = inspect.getsource(importlib.import_module(f"ganbench.{home[1]}"))
    comment = re.search(rf"((?:^#: .*\n)+)^{name}\b", source, re.MULTILINE)
    assert comment is not None, f"{name} has no comment"
    return re.sub(r"^#: ", "", comment[1], flags=re.MULTILINE).strip().replace("``", "`")


if __name__ == "__main__":
    print(api_document(), end="")
