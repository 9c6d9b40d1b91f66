"""``ganbench doctor``: check an installation and say how to mend it; no check changes anything."""

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
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import click

from ganbench.base.devices import gpu_uuid
from ganbench.base.errors import one_line
from ganbench.base.paths import cache_root, data_root
from ganbench.base.text import counted, for_stream, listed
from ganbench.base.vision import torchvision_ops_missing
from ganbench.cli.text import as_json, data_dir, echo_json, examples
from ganbench.components.base import Level
from ganbench.execution.share.gpu_users import mps_runs, other_programs
from ganbench.registry import KINDS, PluginState, Spec, default_registry
from ganbench.registry.guard import quiet_stdout
from ganbench.registry.options import MissingOptionError
from ganbench.registry.plugins import Policy

_LITTLE_SPACE = 2**30


@dataclass(frozen=True)
class Finding:
    """One sentence about the installation; for an error or warning, it says what to do."""

    section: str
    level: Level
    text: str


Check = Callable[[], Iterator[tuple[Level, str]]]
_MARKS = {"ok": "  ", "warning": "? ", "error": "! "}
_COLORS = {"ok": None, "warning": "yellow", "error": "red"}


@click.command(
    epilog=examples(
        "ganbench doctor",
        "ganbench doctor --data-dir /data/images",
        "ganbench doctor --json",
    ),
)
@data_dir
@as_json
def doctor(data_dir: str | None, as_json: bool) -> None:
    """Check versions, devices, plugins, data and weights.

    Lines with ! are errors, lines with ? are warnings; both say what to do. The exit code is always
    0.
    """
    findings = list(examine(data_dir))
    errors = sum(finding.level == "error" for finding in findings)
    warnings = sum(finding.level == "warning" for finding in findings)
    if as_json:
        echo_json(
            {
                "versions": versions(),
                "errors": errors,
                "warnings": warnings,
                "findings": [asdict(finding) for finding in findings],
            }
        )
        return
    for section, group in groupby(findings, key=lambda finding: finding.section):
        click.secho(section, bold=True)
        for finding in group:
            text = for_stream(f"{_MARKS[finding.level]}{finding.text}", sys.stdout, "    ")
            click.secho(text, fg=_COLORS[finding.level])
    trouble = f"{errors} wrong (!), {warnings} to know (?)" if errors + warnings else "all is well"
    click.echo(f"\n{trouble}")


def examine(data_dir: str | None) -> Iterator[Finding]:
    """Run every check; a check that raises becomes a finding."""
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
            findings = [("error", f"this check failed: {one_line(error)}")]
        for level, text in findings:
            yield Finding(section, level, text)


def versions() -> dict[str, str | None]:
    """The version of Python and of each distribution that ganbench uses; None for a missing one."""
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
            yield "warning", f"this torch is a CPU build, and cannot use {drivers[0]}: install a "\
                "CUDA build, see https://pytorch.org/get-started/locally"  # fmt: skip
        else:
            why = "".join(f": {' '.join(str(w.message).split())}" for w in caught[:1])
            yield "warning", f"torch for CUDA {torch.version.cuda} cannot use {drivers[0]}: "\
                f"update the driver, or install a torch for it{why}"  # fmt: skip
        return
    for index in range(torch.cuda.device_count()):
        device = torch.cuda.get_device_properties(index)
        free, total = (amount / 2**30 for amount in torch.cuda.mem_get_info(index))
        driver = drivers[index] if index < len(drivers) else "driver unknown"
        yield "ok", f"cuda:{index}: {device.name}, {total:.1f} GiB, {free:.1f} free; {driver}; "\
            f"CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}"  # fmt: skip
        if free < total / 2:
            yield "warning", f"other programs use over half of the memory of cuda:{index}, and "\
                "slow trials down: choose another device with --device"  # fmt: skip
        yield from _users(index)
    if mps_runs():
        yield "ok", "MPS runs: trials that share a GPU compute at the same time"
    else:
        yield "ok", "MPS does not run: trials that share a GPU take turns; see docs/gpu.md"


def _users(index: int) -> Iterator[tuple[Level, str]]:
    """Other programs that compute on a GPU; this process uses it, too."""
    import torch

    others = other_programs(gpu_uuid(torch.device("cuda", index)))
    if others is None:
        yield "ok", f"the driver does not show here who uses cuda:{index}, so `exclusive` in rows is "\
            "about trials of ganbench only"  # fmt: skip
    elif others:
        yield "warning", f"{counted(len(others), 'other program')} on cuda:{index} (process "\
            f"{listed(others)}): speeds that are measured now do not count"  # fmt: skip


def _nvidia_drivers() -> list[str]:
    """Name and driver version of each NVIDIA device, as the driver reports them, without torch."""
    query = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    pairs = (line.partition(", ") for line in done.stdout.splitlines() if line.strip())
    return [f"{name} with driver {version}" for name, _, version in pairs]


def _torchvision() -> Iterator[tuple[Level, str]]:
    if torchvision_ops_missing():
        yield "warning", "the compiled operators of torchvision do not fit this torch: ganbench "\
            "works without them, but other programs may need both from the same index"  # fmt: skip
    else:
        yield "ok", "its compiled operators load"


def _environment() -> Iterator[tuple[Level, str]]:
    settings = {key: value for key, value in os.environ.items() if key.startswith("GANBENCH_")}
    for name, value in sorted(settings.items()):
        yield "ok", f"{name}={value}"
    for name in Policy.from_environment(os.environ).unmatched(default_registry().plugins):
        yield "warning", f"GANBENCH_PLUGINS or GANBENCH_DISABLE_PLUGINS names the unknown plugin "\
            f"{name!r}: see `ganbench plugins`"  # fmt: skip


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
            if info.error and not info.imported:  # the plugin's line shows the other errors
                yield "error", info.error


def _folder(what: str, folder: Path, setting: str) -> Iterator[tuple[Level, str]]:
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    if existing.is_dir() and os.access(existing, os.W_OK | os.X_OK):
        state = "" if existing == folder else ", created on first use"
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
            continue  # the section "plugins" shows it
        try:
            component: Any = registry.bind_info(info, Spec(info.name)).component
        except MissingOptionError:
            continue  # such as the folder of `folder`, which only a spec names
        try:
            found = [(level, str(text)) for level, text in component.diagnose(root, cache)]
        except Exception as error:
            found = [("error", f"cannot be examined: {one_line(error)}")]
        for level, text in found:
            yield level, f"{info.name}: {text}"
