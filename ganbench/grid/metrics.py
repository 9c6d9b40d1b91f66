"""The metrics that a grid asks for, with their options."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from ganbench.base.errors import UnknownNameError, UsageError, did_you_mean
from ganbench.components.column import Column
from ganbench.registry.lookup import Registry, ResolvedComponent, default_registry
from ganbench.registry.specs import Spec, parse_spec, split_outside


def default_metrics(registry: Registry | None = None, quick: bool = False) -> tuple[str, ...]:
    """The names of the metrics that ganbench ships and takes where a grid names none.

    :param quick: only those that are computed at every tick.
    """
    found = (registry or default_registry()).shipped("metric")
    usable = [info for info in found if info.error is None and info.cls.default]
    return tuple(info.name for info in usable if info.cls.every_tick or not quick)


def with_options(
    metrics: Any,
    options: Mapping[str, Any],
    settings: Collection[str] = (),
    where: str = "[evaluation]",
) -> tuple[str, ...]:
    """Specs of metrics with options that were given as ``metric_option``.

    :param metrics: specs, or a text of them between commas; none for the default ones.
    :param settings: the names of other settings, for advice.
    :param where: names the place of the options in messages.
    :raises UnknownNameError: for an option that no metric has.
    """
    registry = default_registry()
    if isinstance(metrics, str):
        metrics = split_specs(metrics)
    if not isinstance(metrics, (list, tuple)):
        raise UsageError(f"{where} metrics must be a list of specs, not {metrics!r}")
    specs = [str(text).strip() for text in metrics] or list(default_metrics(registry))
    given: dict[str, dict[str, Any]] = {}
    for key, value in options.items():
        name, option = _option_of(key, registry, settings, where)
        given.setdefault(name, {})[option] = value
    components = [registry.bind("metric", text) for text in specs]
    for name in given:
        if name not in {component.info.name for component in components}:
            raise UsageError(
                f"{where} has an option of the metric {name!r}, and the metrics do not name it"
            )
    return tuple(_laid_over(one, given.get(one.info.name, {}), registry) for one in components)


def bind_metrics(
    specs: Iterable[str], registry: Registry, primary: str | None = None
) -> tuple[ResolvedComponent, ...]:
    """The metrics that specs name.

    :raises UsageError: if two have a column in common, or the primary column cannot make a curve.
    """
    components = tuple(registry.bind("metric", text) for text in specs)
    owners: dict[str, ResolvedComponent] = {}
    for component in components:
        for column in columns_of(component):
            if column.name in owners:
                raise UsageError(
                    f"the metrics {owners[column.name].spec} and {component.spec} both have a column "
                    f"{column.name!r}; name one of them"
                )
            owners[column.name] = component
    if primary is not None:
        _check_primary(primary, owners)
    return components


def _check_primary(primary: str, owners: Mapping[str, ResolvedComponent]) -> None:
    """Raise UsageError for a column that cannot make a curve."""
    if primary not in owners:
        specs = dict.fromkeys(component.spec for component in owners.values())
        raise UsageError(
            f"evaluation.primary = {primary!r} is not a column of the metrics {', '.join(specs)}: "
            "add its metric to evaluation.metrics, or name another column"
            f"{did_you_mean(primary, owners)}"
        )
    metric = owners[primary]
    column = next(column for column in columns_of(metric) if column.name == primary)
    reason = None
    if not metric.component.every_tick:
        reason = (
            f"{metric.spec} is measured at the end of a trial only, and a curve needs every tick"
        )
    elif column.better is None:
        reason = "it declares neither lower nor higher values as better"
    if reason is not None:
        raise UsageError(f"evaluation.primary = {primary!r}: {reason}; name another column")


def columns_of(metric: ResolvedComponent) -> Sequence[Column]:
    """A metric's columns."""
    columns: tuple[Column, ...] = metric.component.columns
    return columns


def options_of(metrics: Iterable[ResolvedComponent]) -> dict[str, Any]:
    """Every option of the metrics, called ``metric_option``."""
    return {
        f"{_plain(component.info.name)}_{option}": value
        for component in metrics
        for option, value in component.identity()["options"].items()
    }


def split_specs(text: str) -> list[str]:
    """Split ``fd,kid[subsets=10,subset_size=5]`` at the commas outside of brackets."""
    parts = (part.strip() for part in split_outside(text, ",", text))
    return list(dict.fromkeys(part for part in parts if part))


def _option_of(
    key: str, registry: Registry, settings: Collection[str], where: str
) -> tuple[str, str]:
    names = []
    for name, info in registry.components("metric").items():
        known = [f"{_plain(name)}_{option}" for option in info.options]
        if key in known:
            return name, key.removeprefix(f"{_plain(name)}_")
        names += known
    raise UnknownNameError(f"{where} has no option {key!r}{did_you_mean(key, [*settings, *names])}")


def _laid_over(component: ResolvedComponent, options: Mapping[str, Any], registry: Registry) -> str:
    if not options:
        return component.spec
    spec = parse_spec(component.spec)
    both = {**options, **spec.options}  # what the spec itself says is nearer
    return registry.bind("metric", Spec(spec.name, both, spec.provider)).spec


def _plain(name: str) -> str:
    return name.replace("-", "_")
