"""Measuring a finished trial again from its weights, without training."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ganbench.base.clock import utc_now
from ganbench.base.errors import UsageError
from ganbench.base.files import json_digest
from ganbench.base.version import __version__
from ganbench.evaluation.features import NotFiniteError
from ganbench.evaluation.metric_references import metric_digest
from ganbench.evaluation.sampled_source import FRESH_NOISE, NOISE, SampledSource
from ganbench.execution.resources import EvaluationPlan, Resources
from ganbench.generators.trained import Trained, component_of, identity_of, load_trained
from ganbench.grid.cell import PROTOCOL
from ganbench.grid.metrics import bind_metrics, columns_of, options_of, with_options
from ganbench.grid.settings import resolve_evaluation
from ganbench.registry.lookup import ResolvedComponent, default_registry
from ganbench.store.measurements import FORMAT, with_marks
from ganbench.store.primary import derived_columns
from ganbench.store.trial_folder import TrialFolder
from ganbench.training.precision import configure_backends

#: Which of a trial's weights are measured.
WHICH = ("last", "best")


@dataclass(frozen=True)
class Request:
    """A request to measure.

    :ivar metrics: specs; by default the trial's own.
    :ivar extractors: specs; by default the trial's own.
    :ivar samples: of the generator; by default as many as in the trial.
    :ivar which: the ``last`` weights, or those of the ``best`` tick.
    """

    metrics: Sequence[str] = ()
    extractors: Sequence[str] = ()
    samples: int | None = None
    which: str = "last"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Remeasuring:
    """A request, resolved for one trial.

    :ivar plan: what is measured, and how.
    :ivar identity: everything that decides the numbers, beside the trial itself.
    :ivar marks: follow an ``@`` in the names of the first extractor's columns.
    :ivar options: column -> marks of the options in which its metric differs from the trial's.
    """

    folder: TrialFolder
    plan: EvaluationPlan
    which: str
    identity: Mapping[str, Any]
    marks: tuple[str, ...]
    options: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, folder: TrialFolder, request: Request, root: Path) -> Remeasuring:
        """Resolve a request for a trial.

        :raises UsageError: for a trial that cannot be measured, or a request without meaning.
        """
        known = identity_of(folder)
        registry, then = default_registry(), dict(known["evaluation"])
        own_extractor = str(then.pop("extractor"))
        own = [str(spec) for spec in then.pop("extractors", ()) or [own_extractor]]
        if request.metrics:
            then = {k: v for k, v in then.items() if k not in ("metrics", "primary")}
            options = {k: v for k, v in then.items() if k in _options(request.metrics)}
            metrics = with_options(list(request.metrics), options)
            then = {k: v for k, v in then.items() if k in _SETTINGS}
            settings = resolve_evaluation({**then, "metrics": list(metrics)})
        else:
            settings = resolve_evaluation(then)
        if request.samples is not None:
            settings = replace(settings, samples=request.samples)
        extractors = [registry.bind("extractor", s) for s in request.extractors or own]
        dataset = component_of("dataset", known, folder)
        plan = EvaluationPlan(
            dataset,
            dataset.component.spec(root),
            tuple(extractors),
            bind_metrics(settings.metrics, registry),
            settings,
        )
        identity = {
            "protocol": PROTOCOL,
            "which": request.which,
            "samples": settings.samples,
            "reference_samples": settings.reference_samples,
            "reference_split": settings.reference_split,
            "fingerprint": dataset.component.fingerprint(root),
            "extractors": [bound.identity() for bound in extractors],
            "metrics": [
                m.identity() | {"recipe": m.component.recipe, "source": m.info.source}
                for m in plan.metrics
            ],
            "options": options_of(plan.metrics),
        }
        marks = [] if extractors[0].spec == own[0] else [extractors[0].mark]
        marks += [] if settings.samples == then.get("samples") else [str(settings.samples)]
        marks += [] if request.which == "last" else [request.which]
        if not marks and known.get("protocol") != PROTOCOL:  # the row's numbers mean something else
            marks = [f"protocol-{PROTOCOL}"]
        options = dict(_other_options(plan.metrics, known["evaluation"]))
        return cls(folder, plan, request.which, identity, tuple(marks), options)

    @property
    def name(self) -> str:
        """The name of the measurement's file."""
        return json_digest(self.identity, 16)

    def column(self, name: str) -> str:
        """The column's name in the run. It names everything that differs from the trial's own."""
        return with_marks(name, self.marks, self.options.get(name.partition("@")[0], ()))

    def run(self, resources: Resources) -> dict[str, Any]:
        """Measure, and give the content of the measurement's file.

        :raises UsageError: for missing weights, data or metrics.
        """
        start = time.perf_counter()
        trained = load_trained(self.folder, self.which, resources.device)
        evaluator = resources.evaluator(self.plan)
        # The best tick was chosen on one noise and is reported on another.
        stream = NOISE if self.which == "last" else FRESH_NOISE
        source = _source(trained, self.plan, resources, evaluator.samples, stream)
        try:
            measured = evaluator.measurer.measure(source)
        except NotFiniteError as error:
            raise UsageError(str(error)) from None
        measured.check()
        measurer = evaluator.measurer
        values = measured.there | measurer.floors(measured) | measurer.held_out(measured)
        return {
            "format": FORMAT,
            "trial": self.folder.id,
            "identity": dict(self.identity),
            "extractor": evaluator.extractor,
            "measured_at": utc_now("microseconds"),
            "seconds": round(time.perf_counter() - start, 3),
            "doubt": trained.doubt,
            "ganbench_version": __version__,
            "torch_version": str(torch.__version__),
            "values": {
                self.column(name): value if math.isfinite(value) else None
                for name, value in values.items()
            },
            "ways": {
                self.column(column.name): self._way(reading.metric)
                for reading in measurer.readings
                for column in reading.columns
            },
        }

    def _way(self, metric: ResolvedComponent) -> str:
        """A hash of what decides a metric's numbers beside the data and the generator."""
        settings = [PROTOCOL, *(getattr(self.plan.evaluation, name) for name in _DECIDING)]
        return json_digest([metric_digest(metric), *settings], 12)


_DECIDING = ("samples", "reference_samples", "reference_split")
_SETTINGS = ("ticks", "samples", "reference_samples", "reference_split")


def _options(metrics: Iterable[str]) -> set[str]:
    """The names of all options of metrics, as settings are called."""
    bounds = [default_registry().bind("metric", spec) for spec in metrics]
    return set(options_of(bounds))


def _other_options(
    metrics: Iterable[ResolvedComponent], own: Mapping[str, Any]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Column -> options of its metric that differ from the trial's, or from the defaults."""
    for metric in metrics:
        name = metric.info.name
        usual = options_of([default_registry().bind("metric", name)])
        marks = tuple(
            f"{key.removeprefix(name.replace('-', '_') + '_')}={value}"
            for key, value in options_of([metric]).items()
            if value != own.get(key, usual[key])
        )
        for column in columns_of(metric):
            for one in (column, *derived_columns(column)):
                yield one.name, marks


def _source(
    trained: Trained,
    plan: EvaluationPlan,
    resources: Resources,
    samples: int,
    stream: str,
) -> SampledSource:
    """Samples as the trial's own evaluation drew them, with the right images of translations."""
    label = f"trial {trained.trial}"
    configure_backends(trained.settings.precision)
    data, sources, pairs = resources.training_data(plan), None, None
    if trained.translates:
        if data.held_out is None or data.held_out.sources is None:
            raise UsageError(f"the data of {label} no longer has images to translate")
        sources, pairs = data.held_out.sources, data.held_out.targets
    sampler = trained.sampler(
        int(trained.identity["seed"]),
        sources=sources,
        labels=data.labels,
    )
    return SampledSource(label, sampler, samples, stream, pairs=pairs)
