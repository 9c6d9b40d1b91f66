"""Grids: the axes, seeds, budget and settings that span a set of trials, and their files."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any

import tomli_w

from ganbench.base.errors import UnknownNameError, UsageError, did_you_mean
from ganbench.grid.budget import UNITS, Budget
from ganbench.grid.setting_hints import SECTION_WORDS, elsewhere
from ganbench.grid.settings import (
    EvaluationSettings,
    as_written,
    expand_shorthands,
    resolve_evaluation,
    resolve_training,
    shorthands_of,
)
from ganbench.store.display_names import check_names
from ganbench.store.schema import AXES as AXES

MAX_SEEDS = 10_000
_SECTIONS = ("grid", "budget", "training", "evaluation", "names", "auto", "about")
_OPTIONAL = {"regularizer": ("none",), "augmentation": ("none",)}


@dataclass(frozen=True)
class Grid:
    """A set of cells and seeds.

    :ivar axes: for each of `AXES` the specs on it; ``a+b`` combines regularizers or augmentations.
    :ivar seeds: the trials' seeds.
    :ivar budget: when training stops.
    :ivar training: settings that override what components recommend.
    :ivar evaluation: evaluation settings.
    :ivar names: spec -> the name that tables, figures and reports show; it has no effect on results.
    :ivar auto: what ``extractor = "auto"`` takes in place of an extractor that a data set names:
        spec -> spec. A run fills it in when it knows which weights are available.
    :ivar about: what a person should know; it has no effect. Of shipped grids their
        ``description``; of recipes also ``kind = "recipe"``, the ``paper``, where the ``settings``
        come from, the ``published`` figures (each with ``metric``, ``value``, ``protocol`` and
        ``source``; the first is of these settings), and the known ``differences`` from the source.
    """

    axes: Mapping[str, Sequence[str]]
    seeds: Sequence[int] = (0,)
    budget: Budget = field(default_factory=lambda: Budget("images", 200_000))
    training: Mapping[str, Any] = field(default_factory=dict)
    evaluation: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    auto: Mapping[str, str] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_keys("[grid]", self.axes, AXES)
        axes = {axis: _specs(axis, self.axes.get(axis, _OPTIONAL.get(axis))) for axis in AXES}
        object.__setattr__(self, "axes", axes)
        object.__setattr__(self, "seeds", _seeds(self.seeds))
        for section in ("training", "evaluation", "names", "auto", "about"):
            object.__setattr__(self, section, _table(section, getattr(self, section)))
        for wanted, taken in self.auto.items():
            if not isinstance(taken, str):
                raise UsageError(f"[auto] {wanted} must be the spec of an extractor, not {taken!r}")
        check_names(self.names, self.axes)
        resolve_training([("grid", self.training)])
        resolve_evaluation(self.evaluation)

    @property
    def evaluation_settings(self) -> EvaluationSettings:
        """The evaluation settings, with defaults."""
        return resolve_evaluation(self.evaluation)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Grid:
        """A grid from the content of a grid file; raises UsageError that names the key."""
        for section in data:
            if section in (*AXES, "seeds"):
                raise UsageError(f"{section!r} belongs in the section [grid]")
            if section not in _SECTIONS:
                hint = did_you_mean(section, _SECTIONS, SECTION_WORDS)
                raise UnknownNameError(f"unknown section [{section}]{hint}")
        table = _table("grid", data.get("grid", {}))
        _check_keys("[grid]", table, (*AXES, "seeds"))
        given = {section: data[section] for section in _SECTIONS[2:] if section in data}
        if "budget" in data:
            given["budget"] = _budget(_table("budget", data["budget"]))
        return cls(seeds=_seeds(table.pop("seeds", 1)), axes=table, **given)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Grid:
        """Read a grid file; raises UsageError that names file, line or key."""
        try:
            text = Path(path).read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            raise UsageError(
                f"the grid file {path} does not exist; `ganbench grids` lists those that ganbench ships"
            ) from None
        except OSError as error:
            raise UsageError(f"cannot read the grid file {path}: {error.strerror}") from None
        except ValueError:
            raise UsageError(f"cannot read the grid file {path}: it is not UTF-8 text") from None
        return _parse(text, str(path))

    @classmethod
    def named(cls, name: str) -> Grid:
        """A shipped grid; raises UnknownNameError with a suggestion."""
        files = shipped_grids()
        if name not in files:
            what = (
                "; this is a folder, and a grid file is TOML"
                if name and Path(name).is_dir()
                else ""
            )
            raise UnknownNameError(
                f"no grid file or shipped grid {name!r}{what}{did_you_mean(name, files)}"
            )
        return _parse(files[name], f"shipped grid {name}")

    @classmethod
    def load(cls, source: str | os.PathLike[str] | Mapping[str, Any] | Grid) -> Grid:
        """A grid from its name, a path, a dict or a Grid."""
        if isinstance(source, Grid):
            return source
        if isinstance(source, Mapping):
            return cls.from_dict(source)
        if not isinstance(source, str) or _is_path(source):
            return cls.from_file(source)
        return cls.named(source)

    def with_axes(self, axes: Mapping[str, str | Sequence[str]]) -> Grid:
        """The grid with some axes replaced; an axis without specs stays as it is."""
        given = {axis: specs for axis, specs in axes.items() if specs}
        return replace(self, axes={**self.axes, **given})

    def with_seeds(self, seeds: int | Sequence[int]) -> Grid:
        """The grid with these seeds; a number stands for 0, 1, …"""
        return replace(self, seeds=_seeds(seeds))

    def with_settings(self, training: Mapping[str, Any], evaluation: Mapping[str, Any]) -> Grid:
        """The grid with settings laid over its own; ``lr`` replaces its ``g_lr`` and ``d_lr``."""
        try:
            return replace(
                self,
                training=expand_shorthands(self.training) | expand_shorthands(training),
                evaluation={**self.evaluation, **evaluation},
            )
        except UsageError as error:
            raise type(error)(as_written(str(error), shorthands_of(training))) from error

    def as_dict(self) -> dict[str, Any]:
        """The content of the grid's file."""
        grid = {axis: list(specs) for axis, specs in self.axes.items()}
        data = {
            "about": dict(self.about),
            "grid": grid | {"seeds": list(self.seeds)},
            "budget": self.budget.as_dict(),
            "training": dict(self.training),
            "evaluation": dict(self.evaluation),
            "names": dict(self.names),
            "auto": dict(self.auto),
        }
        return {section: table for section, table in data.items() if table}

    def to_toml(self) -> str:
        """The grid's file."""
        return tomli_w.dumps(self.as_dict())


def shipped_grids() -> dict[str, str]:
    """Name -> text of the grid files that ganbench ships, sorted by name."""
    folder = resources.files("ganbench.grid") / "shipped"
    return {
        entry.name.removesuffix(".toml"): entry.read_text(encoding="utf-8")
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".toml")
    }


def _is_path(text: str) -> bool:
    """Whether a text is a path; a bare word is a file only if no shipped grid has that name."""
    if text.endswith(".toml") or "/" in text or os.sep in text:
        return True
    return text not in shipped_grids() and Path(text).is_file()


def _parse(text: str, where: str) -> Grid:
    try:
        return Grid.from_dict(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{where} is not TOML: {error}") from None
    except UsageError as error:
        raise type(error)(f"{where}: {error}") from None


def _check_keys(where: str, keys: Mapping[str, Any], known: Sequence[str]) -> None:
    for key in keys:
        if key not in known:
            advice = elsewhere(str(key))
            hint = f"; {advice}" if advice else did_you_mean(str(key), known)
            raise UnknownNameError(f"{where} has no key {key!r}{hint}")


def _table(section: str, value: Any) -> dict[str, Any]:
    """A section's content as TOML can hold it: the value none becomes a word."""
    if not isinstance(value, Mapping):
        raise UsageError(f"[{section}] must be a table, not {value!r}")
    table = {k: list(v) if isinstance(v, tuple) else v for k, v in value.items()}
    if section in ("training", "evaluation"):
        table = {k: "none" if v is None else v for k, v in table.items()}
    try:
        tomli_w.dumps(table)
    except (TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"[{section}] has a value that TOML cannot hold: {error}") from None
    return table


def _specs(axis: str, value: Any) -> tuple[str, ...]:
    if value is None:
        raise UsageError(f"[grid] needs the key {axis}")
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) for item in value):
        raise UsageError(f"[grid] {axis} must be a list of specs, not {value!r}")
    if not value:
        raise UsageError(f"[grid] {axis} is an empty list; name at least one")
    return tuple(dict.fromkeys(value))


def _seeds(value: Any) -> tuple[int, ...]:
    if _is_whole(value):
        if not 1 <= value <= MAX_SEEDS:
            raise UsageError(
                f"seeds = {value}: expected 1 to {MAX_SEEDS} seeds, or a list of seeds"
            )
        return tuple(range(value))
    if not isinstance(value, (list, tuple, range)) or not all(
        _is_whole(seed) and 0 <= seed < 2**63 for seed in value
    ):
        raise UsageError(
            f"seeds = {value!r}: expected a number of seeds or a list of whole numbers >= 0"
        )
    if not value:
        raise UsageError("seeds is an empty list; name at least one")
    if len(set(value)) != len(value):
        raise UsageError(f"seeds = {value!r}: a seed is given twice")
    return tuple(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _budget(table: Mapping[Any, Any]) -> Budget:
    _check_keys("[budget]", table, UNITS)
    if len(table) != 1:
        raise UsageError("[budget] takes exactly one of images, steps and seconds")
    ((unit, amount),) = table.items()
    return Budget(unit, amount)
