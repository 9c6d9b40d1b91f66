from __future__ import annotations

import copy
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from made_up_runs import Row, write_synthetic_run

from ganbench.analysis.summary import by_cell
from ganbench.base.errors import UsageError
from ganbench.components.column import Column
from ganbench.store.columns import Columns, columns_of, installed, load_columns
from ganbench.store.frames import load_history, load_results, read_results
from ganbench.store.primary import CURVE_ENDS, curve_columns, derived_columns
from ganbench.store.run_folder import RunFolder

MakeRow = Callable[..., Row]

HUE = Column("hue", unit="degrees", better="lower", scale="log", label="hue distance", shown=True)


class TestFile:
    def test_what_was_described_is_read_again(self, run: RunFolder) -> None:
        others = [Column("fd@dinov2", better="lower", floor=True), Column("hue@best:50000")]
        run.describe([HUE])
        run.describe(others)
        assert list(run.columns().values()) == [HUE, *others]
        assert json.loads(run.columns_file.read_text())["format"] == 1

    def test_newer_words_count_and_other_meanings_are_refused(self, run: RunFolder) -> None:
        run.describe([HUE])
        better_said = Column("hue", unit="degrees", better="lower", scale="log", meaning="of hues")
        run.describe([better_said])
        assert run.columns()["hue"] == better_said
        for changed in ({"better": "higher"}, {"scale": "linear"}, {"unit": "rad"}):
            name = next(iter(changed))
            with pytest.raises(UsageError, match=f"'hue' has {name}=.*columns.json {name}="):
                run.describe([Column(**{**vars(HUE), **changed})])
        with pytest.raises(UsageError, match="'steps' exists in every run"):
            run.describe([Column("steps")])
        assert list(run.columns()) == ["hue"]

    def test_two_processes_add_to_it_at_once(self, run: RunFolder) -> None:
        code = (
            "import sys\n"
            "from ganbench.components.column import Column\n"
            "from ganbench.store.run_folder import RunFolder\n"
            "for n in range(30): RunFolder(sys.argv[1]).describe([Column(f'{sys.argv[2]}{n}')])\n"
        )
        commands = [[sys.executable, "-c", code, str(run.path), name] for name in "ab"]
        processes = [subprocess.Popen(command) for command in commands]
        assert [process.wait() for process in processes] == [0, 0]
        assert len(run.columns()) == 60

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("{", "Expecting"),
            ('{"format": 2, "columns": []}', "its format is 2"),
            ('{"format": 1, "columns": [3]}', "a column is an object"),
            ('{"format": 1, "columns": [{"name": "a", "better": "up"}]}', 'better="up"'),
            ('{"format": 1, "columns": [{"name": "a", "cost": 1}]}', "cost=1"),
            ('{"format": 1, "columns": [{"name": "a\\u001b"}]}', "has the name"),
            ('{"format": 1, "columns": [{}]}', "has the name"),
        ],
    )
    def test_a_damaged_or_newer_one_is_told_once(
        self, run: RunFolder, row: MakeRow, text: str, reason: str
    ) -> None:
        run.trial("a").write_row(row("a"))
        run.columns_file.write_text(text)
        results = read_results(run.path)
        assert len(results.problems) == 1
        assert "columns.json cannot be read" in results.problems[0]
        assert reason in results.problems[0]
        assert columns_of(results.frame)["fd"].better == "lower"

    def test_a_newer_one_is_not_overwritten_and_a_damaged_one_is(self, run: RunFolder) -> None:
        run.columns_file.write_text("{")
        run.describe([HUE])
        assert list(run.columns()) == ["hue"]
        run.columns_file.write_text('{"format": 2, "columns": []}')
        with pytest.raises(
            UsageError, match=r"a later version of ganbench wrote .*: its format is 2"
        ):
            run.describe([HUE])

    def test_what_later_versions_add_to_a_column_is_left_out(self) -> None:
        text = '{"format": 1, "columns": [{"name": "a", "better": null, "colour": 3}]}'
        assert load_columns(text)["a"] == Column("a")


class TestFrames:
    def test_they_carry_the_descriptions_wherever_they_go(
        self, run: RunFolder, row: MakeRow
    ) -> None:
        run.describe([HUE])
        run.trial("a").write_row(row("a", hue=1.0))
        run.trial("a").write_history([{"tick": 0, "hue": 2.0}])
        frame = load_results(run.path)
        shaped = frame[frame["seed"] == 0].assign(x=1).sort_values("seed").reset_index(drop=True)
        kept = pd.read_parquet(io.BytesIO(frame.to_parquet(None)))
        for each in (frame, shaped, kept, by_cell(frame), load_history(run.path)):
            assert columns_of(each)["hue"] == HUE
            assert columns_of(each)["steps"].cost
        columns = run.columns()
        assert copy.deepcopy(columns) is columns

    def test_a_run_without_the_file_has_those_of_installed_metrics(self, tmp_path: Path) -> None:
        run = write_synthetic_run(tmp_path / "run", seeds=1, ticks=1)
        assert not run.columns_file.exists()
        frame = load_results(run.path)
        assert columns_of(frame) == installed().whole == columns_of(pd.DataFrame())
        assert frame.columns[20:22].tolist() == ["extractor", "fd"]

    def test_trials_of_before_the_file_are_described_too(
        self, run: RunFolder, row: MakeRow
    ) -> None:
        run.describe([HUE])
        run.trial("a").write_row(row("a", hue=1.0))
        run.trial("b").write_row(row("b", reverse_kl=0.5))
        known = columns_of(load_results(run.path))
        assert known["reverse_kl"].better == "lower"
        assert known["hue"] == HUE

    def test_metrics_stand_in_the_order_of_the_file_and_hold_numbers(
        self, run: RunFolder, row: MakeRow
    ) -> None:
        run.describe([HUE, Column("count", "Int64"), Column("fd@x")])
        run.trial("a").write_row(row("a", **{"fd@x": 3, "zzz": "text", "count": 4, "hue": "far"}))
        results = read_results(run.path)
        names = results.frame.columns.tolist()
        assert names[names.index("protocol") + 1 :][:3] == ["hue", "count", "fd@x"]
        kinds = {name: str(results.frame[name].dtype) for name in ("hue", "count", "fd@x")}
        assert kinds == {"hue": "float64", "count": "Int64", "fd@x": "float64"}
        assert "column hue holds text in place of numbers" in results.problems[0]


class TestDerived:
    def test_those_of_a_curve_take_after_the_metric(self) -> None:
        primary = Column("hue@x", unit="%", better="higher", scale="share", label="hue", shown=True)
        found = {column.name: column for column in curve_columns(primary)}
        assert list(found) == [f"hue_{end}@x" for end in CURVE_ENDS]
        best, drift, area, rough, fresh, noise = found.values()
        assert [c.better for c in (best, area, fresh)] == ["higher"] * 3
        assert [c.better for c in (drift, rough, noise)] == ["lower", "lower", None]
        assert (area.unit, area.scale, noise.spread_of) == ("%", "linear", "hue@x")
        assert {c.unit for c in curve_columns(HUE) if c.name == "hue_auc"} == {"nats"}

    def test_floors_and_held_out_distances(self) -> None:
        column = Column("fd@x", better="lower", scale="log", floor=True, held_out=True)
        floor, test = derived_columns(column)
        assert (floor.name, floor.better) == ("fd_floor@x", None)
        assert (test.name, test.better, test.scale) == ("fd_test@x", "lower", "log")
        assert derived_columns(HUE) == ()


def test_installed_ones_are_read_without_torch() -> None:
    code = (
        "import sys\n"
        "from ganbench.store.columns import installed\n"
        "assert 'fd_best' in installed(); assert 'torch' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_columns_are_a_mapping_in_order() -> None:
    columns = Columns([HUE, Column("b"), Column("hue")])
    assert list(columns) == ["hue", "b"]
    assert columns.named("never-heard-of") == Column("never-heard-of")
    assert repr(columns) == "Columns(hue, b)"
