"""The sentences at the head of the report count what they say they count."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from made_up_runs import Row, write_synthetic_run

from ganbench.report.content import gather

Made = Callable[[Sequence[Row]], list[str]]


@pytest.fixture
def told(tmp_path: Path) -> Made:
    """The findings that count trials, for a run whose trials have these changes, one by one."""

    def make(changes: Sequence[Row]) -> list[str]:
        rest = iter([{"verdict": "stable"} | change for change in changes])
        path = tmp_path / f"run-{len(changes)}"
        write_synthetic_run(
            path,
            architectures=("mlp",),
            losses=("hinge",),
            seeds=len(changes),
            ticks=1,
            edit=lambda row: row | next(rest),
        )
        return [text for text in gather(path).findings if re.search(r"\d of |Of \d", text)]

    return make


NEVER = {"verdict": "never-learned"}
STOPPED = {"status": "interrupted", "error": "stopped"}
FAILED = {"status": "error", "error": "x", "fd": None}
SKIPPED = {"status": "skipped", "error": "no room", "fd": None}


def test_interrupted_trials_are_in_no_count(told: Made) -> None:
    assert told([NEVER, NEVER | STOPPED, NEVER | STOPPED]) == [
        "1 of 1 trials hardly improved on their start (never learned)."
    ]
    assert told([{}, NEVER | STOPPED]) == []


def test_failed_and_skipped_trials_have_no_verdict(told: Made) -> None:
    changes = [NEVER, {}, NEVER | FAILED, NEVER | SKIPPED, {"status": "diverged"} | NEVER, {}]
    assert told(changes) == [
        "Of 5 trials, 1 diverged and 1 failed; they count as the worst and stay in the denominator.",
        "1 of 5 trials hardly improved on their start (never learned).",
    ]


def test_no_numerator_is_above_its_denominator(told: Made) -> None:
    kinds = [{}, NEVER, {"verdict": "collapsed"}]
    states = [{}, STOPPED, FAILED, SKIPPED, {"status": "oom"}, {"status": "timeout"}]
    for text in told([kind | state for kind in kinds for state in states]):
        numbers = [int(number) for number in re.findall(r"\b\d+\b(?=[ ,])", text)]
        assert max(numbers) == 12, text  # three kinds of ok, error, oom and timeout


def test_where_components_are_cells_only_the_rule_of_bold_numbers_speaks(tmp_path: Path) -> None:
    def edit(row: Row) -> Row:
        return row | {"fd": {"a": 10.0, "b": 30.0}[row["loss"]] * (1 + row["seed"] / 50)}

    for architectures in (("mlp",), ("mlp", "dcgan")):
        run = write_synthetic_run(
            tmp_path / str(len(architectures)),
            architectures=architectures,
            losses=("a", "b"),
            seeds=4,
            ticks=1,
            edit=edit,
        )
        best, *more = gather(run.path).findings
        assert "× a has the lowest median fd" in best
        claims = [text for text in more if "comes first" in text]
        if len(architectures) == 1:
            assert (best.endswith("the next cell is told apart from it."), claims) == (True, [])
        else:
            assert any("by fd, a comes first on average over 2 blocks" in text for text in claims)


def test_what_is_to_come_is_what_has_no_row(tmp_path: Path) -> None:
    def edit(row: Row) -> Row | None:
        return row if row["seed"] < 2 else None

    run = write_synthetic_run(tmp_path / "run", seeds=3, ticks=1, edit=edit)
    ids = [trial.id for trial in run.trials()]
    ended = [trial.id for trial in run.trials() if trial.read_row() is not None]
    for plan, waiting in ((ids, 4), (sorted(set(ids) - set(ended))[:3], 3), (ended[:1], 0)):
        run.write_plan(dict.fromkeys(plan, "x"))
        (trials,) = [value for name, value in gather(run.path).facts if name == "Trials"]
        assert trials == "8: 8 ok" + (f"; {waiting} more to come" if waiting else "")
