"""Completion of specs in a shell: names of components, then the names of their options."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import click
from click.shell_completion import CompletionItem

from ganbench.base.errors import GanbenchError
from ganbench.registry.kinds import KINDS
from ganbench.registry.lookup import default_registry
from ganbench.registry.specs import split_outside

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def specs(*kinds: str) -> Complete:
    """Completes a spec of these kinds, or of all; ``a+b`` and ``name[option=…,`` as well."""

    def complete(
        ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return list(_items(kinds or tuple(KINDS), incomplete))

    return complete


def _items(kinds: Iterable[str], text: str) -> Iterator[CompletionItem]:
    before, plus, last = text.rpartition("+")
    name, bracket, inside = last.partition("[")
    known = [info for kind in kinds for info in default_registry().components(kind).values()]
    if not bracket:
        for info in known:
            if info.name.startswith(name):
                yield CompletionItem(before + plus + info.name, help=info.summary)
        return
    try:
        *written, unfinished = split_outside(inside, ",", inside)
    except GanbenchError:  # an open bracket within
        return
    if "=" in unfinished:
        return
    given = {part.partition("=")[0].strip() for part in written}
    head = before + plus + name + bracket + "".join(f"{part}," for part in written)
    for info in (one for one in known if one.name == name):
        for option, about in info.options.items():
            if option not in given and option.startswith(unfinished):
                yield CompletionItem(f"{head}{option}=", help=about.help)
