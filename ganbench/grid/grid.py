"""Grids: the axes, seeds, budget and settings that span a set of trials, and their files."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any

import tomli_w

from ganbench.errors import UnknownNameError, UsageError, did_you_mean
from ganbench.grid.budget import Budget
from ganbench.grid.settings import (
    BOTH_PLAYERS,
    EvaluationSettings,
    TrainingSettings,
    check_keys,
    settle_evaluation,
    settle_training,
)

AXES = ("architecture", "loss", "dataset", "regularizer", "augmentation")
_SECTIONS = ("grid", "budget", "training", "evaluation", "about")
_OPTIONAL_AXES = ("regularizer", "augmentation")
MAX_SEEDS = 10_000


@dataclass(frozen=True)
class Grid:
    """A set of cells and seeds.

    :ivar axes: for each of `AXES` the specs on it; ``a+b`` combines regularizers or augmentations.
    :ivar seeds: the trials' seeds.
    :ivar budget: when training stops.
    :ivar training: settings that override what components recommend.
    :ivar evaluation: evaluation settings.
    :ivar about: description, and for recipes their source and published figures.
    """

    axes: Mapping[str, tuple[str, ...]]
    seeds: tuple[int, ...] = (0,)
    budget: Budget = field(default_factory=lambda: Budget("images", 200_000))
    training: Mapping[str, Any] = field(default_factory=dict)
    evaluation: Mapping[str, Any] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for axis in AXES:
            if not self.axes.get(axis):
                raise UsageError(f"[grid] needs at least one {axis}")
        if len(set(self.seeds)) != len(self.seeds):
            raise UsageError("[grid] seeds: a seed is given twice")
        if not self.seeds:
            raise UsageError("[grid] seeds: at least one seed is needed")
        check_keys(self.training, TrainingSettings, "[training]", extra=BOTH_PLAYERS)
        settle_training([("grid", self.training)])
        settle_evaluation(self.evaluation)

    @property
    def evaluation_settings(self) -> EvaluationSettings:
        return settle_evaluation(self.evaluation)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Grid:
        """A grid from the content of a grid file; raises UsageError that names the key."""
        for section in data:
            if section not in _SECTIONS:
                raise UnknownNameError(
                    f"unknown section [{section}]{did_you_mean(section, _SECTIONS)}"
                )
            if not isinstance(data[section], Mapping):
                raise UsageError(f"[{section}] must be a table, not {data[section]!r}")
        table = data.get("grid", {})
        for key in table:
            if key not in (*AXES, "seeds"):
                raise UnknownNameError(
                    f"[grid] has no key {key!r}{did_you_mean(key, (*AXES, 'seeds'))}"
                )
        axes = {axis: _axis(table, axis) for axis in AXES}
        budget = _budget(data.get("budget"))
        return cls(
            axes=axes,
            seeds=_seeds(table.get("seeds", 1)),
            **({} if budget is None else {"budget": budget}),
            training=dict(data.get("training", {})),
            evaluation=dict(data.get("evaluation", {})),
            about=dict(data.get("about", {})),
        )

    @classmethod
    def from_file(cls, path: str | Path) -> Grid:
        """Read a grid file; raises UsageError that names file, line or key."""
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise UsageError(f"cannot read the grid file {path}: {reason}") from None
        return _parse(text, str(path))

    @classmethod
    def named(cls, name: str) -> Grid:
        """A shipped grid; raises UnknownNameError with a suggestion."""
        files = shipped_grids()
        if name not in files:
            raise UnknownNameError(
                f"no grid file or shipped grid {name!r}{did_you_mean(name, files)}"
            )
        return _parse(files[name], f"shipped grid {name}")

    @classmethod
    def load(cls, source: str | Path | Mapping[str, Any] | Grid) -> Grid:
        """A grid from its name, a path, a dict or a Grid."""
        if isinstance(source, Grid):
            return source
        if isinstance(source, Mapping):
            return cls.from_dict(source)
        text = str(source)
        if (
            isinstance(source, Path)
            or text.endswith(".toml")
            or "/" in text
            or Path(text).is_file()
        ):
            return cls.from_file(source)
        return cls.named(text)

    def with_axes(self, axes: Mapping[str, Sequence[str]]) -> Grid:
        """The grid with some axes replaced."""
        given = {axis: tuple(specs) for axis, specs in axes.items() if specs}
        return replace(self, axes={**self.axes, **given})

    def as_dict(self) -> dict[str, Any]:
        """The content of the grid's file."""
        data: dict[str, Any] = {"about": dict(self.about)} if self.about else {}
        data["grid"] = {axis: list(self.axes[axis]) for axis in AXES} | {"seeds": list(self.seeds)}
        data["budget"] = self.budget.as_dict()
        for section, table in (("training", self.training), ("evaluation", self.evaluation)):
            if table:
                data[section] = {
                    k: list(v) if isinstance(v, tuple) else v for k, v in table.items()
                }
        return data

    def to_toml(self) -> str:
        """The grid's file."""
        return tomli_w.dumps(self.as_dict())


def shipped_grids() -> dict[str, str]:
    """Name -> text of the grid files that ganbench ships, sorted."""
    folder = resources.files("ganbench.grid") / "shipped"
    return {
        entry.name.removesuffix(".toml"): entry.read_text(encoding="utf-8")
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".toml")
    }


def seeds_from_count(count: int) -> tuple[int, ...]:
    """Seeds 0, 1, …, count - 1."""
    return _seeds(count)


def _parse(text: str, where: str) -> Grid:
    try:
        return Grid.from_dict(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{where} is not TOML: {error}") from None
    except UsageError as error:
        raise type(error)(f"{where}: {error}") from None


def _axis(table: Mapping[str, Any], axis: str) -> tuple[str, ...]:
    value = table.get(axis, ["none"] if axis in _OPTIONAL_AXES else None)
    if value is None:
        raise UsageError(f"[grid] needs the key {axis}")
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise UsageError(f"[grid] {axis} must be a list of specs, not {value!r}")
    if not value:
        raise UsageError(f"[grid] {axis} is an empty list")
    return tuple(dict.fromkeys(value))


def _seeds(value: Any) -> tuple[int, ...]:
    if isinstance(value, int) and not isinstance(value, bool):
        if not 1 <= value <= MAX_SEEDS:
            raise UsageError(
                f"seeds = {value}: expected 1 to {MAX_SEEDS} seeds, or a list of seeds"
            )
        return tuple(range(value))
    if isinstance(value, (list, tuple)) and all(
        isinstance(seed, int) and not isinstance(seed, bool) and 0 <= seed < 2**63 for seed in value
    ):
        return tuple(value)
    raise UsageError(
        f"seeds = {value!r}: expected a number of seeds or a list of whole numbers >= 0"
    )


def _budget(table: Any) -> Budget | None:
    if table is None:
        return None
    units = ("images", "steps", "seconds")
    for key in table:
        if key not in units:
            raise UnknownNameError(f"[budget] has no key {key!r}{did_you_mean(key, units)}")
    if len(table) != 1:
        raise UsageError("[budget] takes exactly one of images, steps and seconds")
    ((unit, amount),) = table.items()
    return Budget(unit, amount)
