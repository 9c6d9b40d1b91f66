"""What ``ganbench doctor`` looks at. Each check yields findings; none changes anything."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganbench.components.base import Level
from ganbench.paths import cache_root, data_root
from ganbench.registry import KINDS, PluginState, Spec, default_registry
from ganbench.registry.guard import one_line, quiet_stdout
from ganbench.registry.options import MissingOptionError
from ganbench.registry.plugins import Policy

_LITTLE_SPACE = 2**30


@dataclass(frozen=True)
class Finding:
    """One sentence about the installation; if something is wrong, with how to mend it."""

    section: str
    level: Level
    text: str


Check = Callable[[], Iterator[tuple[Level, str]]]


def examine(data_dir: str | None) -> Iterator[Finding]:
    """Run every check; one that breaks is itself a finding."""
    root, cache = data_root(data_dir), cache_root()
    checks: list[tuple[str, Check]] = [
        ("versions", _versions),
        ("devices", _processor),
        ("devices", _graphics),
        ("torchvision", _torchvision),
        ("plugins", _environment),
        ("plugins", _plugins),
        ("data", lambda: _folder("data", root, "$GANBENCH_DATA or --data-dir")),
        ("data", lambda: _components("dataset", root, cache)),
        ("weights", lambda: _folder("cache", cache, "$GANBENCH_CACHE")),
        ("weights", lambda: _components("extractor", root, cache)),
    ]
    for section, check in checks:
        try:
            with quiet_stdout():
                findings = list(check())
        except Exception as error:
            findings = [("error", f"this could not be checked: {one_line(error)}")]
        for level, text in findings:
            yield Finding(section, level, text)


def versions() -> dict[str, str | None]:
    """The version of Python and of each distribution that ganbench uses; None if it is missing."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    requirements = ["ganbench", *(importlib.metadata.requires("ganbench") or ())]
    for_tests = {_name(text) for text in requirements if re.search("extra == .test.", text)}
    for text in requirements:
        name, optional = _name(text), "extra ==" in text
        try:
            if name not in for_tests:
                found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            if not optional:
                found[name] = None
    return found


def _name(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]


def _versions() -> Iterator[tuple[Level, str]]:
    yield "ok", f"{platform.platform()}, {sys.executable}"
    for name, version in versions().items():
        if version is None:
            yield "error", f"{name} is missing: pip install {name}"
        else:
            yield "ok", f"{name} {version}"


def _processor() -> Iterator[tuple[Level, str]]:
    import torch

    cores = os.cpu_count() or 1
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else cores
    threads = torch.get_num_threads()
    yield "ok", f"CPU: {cores} cores, {usable} of them for this process, {threads} torch threads"
    if threads > usable:
        yield "warning", f"more torch threads than cores: set OMP_NUM_THREADS={usable}"


def _graphics() -> Iterator[tuple[Level, str]]:
    import torch

    drivers = _nvidia_drivers()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        usable = torch.cuda.is_available()
    if not usable:
        if not drivers:
            yield "ok", "no CUDA device: trials run on the CPU"
        elif torch.version.cuda is None:
            yield "warning", f"{drivers[0]} is there, and this torch is a build for the CPU only: "\
                "install a CUDA build, see https://pytorch.org/get-started/locally"  # fmt: skip
        else:
            why = "".join(f": {' '.join(str(w.message).split())}" for w in caught[:1])
            yield "warning", f"torch, built for CUDA {torch.version.cuda}, cannot use "\
                f"{drivers[0]}; update the driver or install a torch for it{why}"  # fmt: skip
        return
    for index in range(torch.cuda.device_count()):
        device = torch.cuda.get_device_properties(index)
        free, total = (amount / 2**30 for amount in torch.cuda.mem_get_info(index))
        driver = drivers[index] if index < len(drivers) else "driver unknown"
        yield "ok", f"cuda:{index}: {device.name}, {total:.1f} GiB, {free:.1f} free; {driver}; "\
            f"CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}"  # fmt: skip
        if free < total / 2:
            yield "warning", f"more than half of the memory of cuda:{index} is taken: "\
                "other work there slows trials down, so choose another with --device"  # fmt: skip


def _nvidia_drivers() -> list[str]:
    """``name, driver version`` of each NVIDIA device, asked of the driver and not of torch."""
    query = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    pairs = (line.partition(", ") for line in done.stdout.splitlines() if line.strip())
    return [f"{name} with driver {version}" for name, _, version in pairs]


def _torchvision() -> Iterator[tuple[Level, str]]:
    from ganbench.vision import torchvision_ops_missing

    if torchvision_ops_missing():
        yield "warning", "the compiled operators of torchvision do not fit this torch; ganbench "\
            "works without them, other programs may not: install both from the same index"  # fmt: skip
    else:
        yield "ok", "its compiled operators load"


def _environment() -> Iterator[tuple[Level, str]]:
    settings = {key: value for key, value in os.environ.items() if key.startswith("GANBENCH_")}
    for name, value in sorted(settings.items()):
        yield "ok", f"{name}={value}"
    for name in Policy.from_environment(os.environ).unmatched(default_registry().plugins):
        yield "warning", f"GANBENCH_PLUGINS or GANBENCH_DISABLE_PLUGINS names {name!r}, which no "\
            "plugin is called: see `ganbench plugins`"  # fmt: skip


def _plugins() -> Iterator[tuple[Level, str]]:
    registry = default_registry()
    for plugin in registry.plugins:
        who = f"{plugin.label} {plugin.version}"
        match plugin.state:
            case PluginState.OK:
                yield "ok", f"{who}: {len(plugin.provides)} components, {plugin.load_ms:.0f} ms"
            case PluginState.BLOCKED:
                yield "ok", f"{who} is blocked by GANBENCH_PLUGINS or GANBENCH_DISABLE_PLUGINS"
            case PluginState.BROKEN:
                yield "error", f"{who} is broken: {plugin.error}"
            case PluginState.CONFLICT:
                yield "warning", f"{who} is in conflict: {plugin.error}"
            case PluginState.FAILED:
                yield "error", f"{who} failed to load: {plugin.error}; mend or uninstall it, or "\
                    f"set GANBENCH_DISABLE_PLUGINS={plugin.label}"  # fmt: skip
        yield from (("warning", warning) for warning in plugin.warnings)
    for kind in KINDS:
        for info in registry.components(kind).values():
            if info.error and not info.imported:  # those stand beside their plugin
                yield "error", info.error


def _folder(what: str, folder: Path, setting: str) -> Iterator[tuple[Level, str]]:
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    if existing.is_dir() and os.access(existing, os.W_OK | os.X_OK):
        state = "" if existing == folder else ", which will be made on first use"
        yield "ok", f"{what} folder: {folder}{state}"
    else:
        yield "warning", f"{what} folder {folder} cannot be written: choose another with {setting}"
    free = shutil.disk_usage(existing).free
    if free < _LITTLE_SPACE:
        yield "warning", f"only {free / 2**20:.0f} MiB are free for {folder}: make room, or "\
            f"choose another with {setting}"  # fmt: skip


def _components(kind: str, root: Path, cache: Path) -> Iterator[tuple[Level, str]]:
    registry = default_registry()
    for info in registry.components(kind).values():
        if info.error:
            continue  # told under plugins
        try:
            component: Any = registry.bind_info(info, Spec(info.name)).component
        except MissingOptionError:
            continue  # nothing can be said of a folder that nobody named
        try:
            found = [(level, str(text)) for level, text in component.diagnose(root, cache)]
        except Exception as error:
            found = [("error", f"it cannot be examined: {one_line(error)}")]
        for level, text in found:
            yield level, f"{info.name}: {text}"
