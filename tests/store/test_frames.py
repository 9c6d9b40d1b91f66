from __future__ import annotations

import math
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow.parquet
import pytest
from made_up_runs import Row, write_synthetic_run

import ganbench
from ganbench.base.errors import UsageError
from ganbench.present.columns_doc import columns_document
from ganbench.store.arrow import rows_to_table
from ganbench.store.frames import load_history, load_results, read_results
from ganbench.store.results_table import read_table, refresh_table, write_table
from ganbench.store.run_folder import RunFolder
from ganbench.store.schema import HISTORY_COLUMNS, ROW_COLUMNS
from ganbench.store.trial_folder import TrialFolder

MakeRow = Callable[..., Row]


def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of the trials whose row.json is read from now on."""
    seen: list[str] = []
    original = TrialFolder.read_row

    def read(self: TrialFolder, problems: list[str] | None = None) -> Row | None:
        seen.append(self.id)
        return original(self, problems)

    monkeypatch.setattr(TrialFolder, "read_row", read)
    return seen


def test_it_is_part_of_the_public_api() -> None:
    assert ganbench.load_results is load_results
    assert ganbench.load_history is load_history


def test_columns_and_dtypes_are_stable_even_when_empty(run: RunFolder, row: MakeRow) -> None:
    expected = {column.name: column.dtype for column in ROW_COLUMNS}
    assert {k: str(v) for k, v in load_results(run.path).dtypes.items()} == expected
    run.trial("a").write_row({"status": "skipped"})
    for table in (False, True):
        if table:
            refresh_table(run)
        frame = load_results(run.path)
        assert {k: str(v) for k, v in frame.dtypes.items()} == expected
        assert list(frame.columns) == list(expected)
        assert frame.loc[0, "status"] == "skipped"


def test_parquet_and_rows_give_the_same_frame(tmp_path: Path) -> None:
    def edit(row: Row) -> Row:
        return row | {
            "fd": math.nan if row["seed"] else 1.5,
            "modes": 8,
            "mine": {"a": row["seed"]},
        }

    run = write_synthetic_run(tmp_path / "run", table=False, edit=edit)
    from_rows = load_results(run.path)
    refresh_table(run)
    pd.testing.assert_frame_equal(load_results(run.path), from_rows)
    assert from_rows["mine"].iloc[1] == '{"a": 1}'
    assert from_rows["modes"].dtype == "float64"


def test_the_parquet_file_has_plain_types(mixed_run: RunFolder) -> None:
    schema = pyarrow.parquet.read_schema(mixed_run.table_file)
    found = {name: str(schema.field(name).type) for name in ("trial", "seed", "fid", "exclusive")}
    assert found == {"trial": "string", "seed": "int64", "fid": "double", "exclusive": "bool"}
    assert schema.names[: len(ROW_COLUMNS)] == [column.name for column in ROW_COLUMNS]


@pytest.mark.parametrize(("protocol", "verdict"), [("2", "degraded"), ("3", "collapsed")])
def test_verdicts_of_older_protocols_are_read_by_todays_names(
    tmp_path: Path, protocol: str, verdict: str
) -> None:
    changes = {"protocol": protocol, "verdict": "collapsed"}
    write_synthetic_run(tmp_path / "run", seeds=1, edit=lambda row: row | changes)
    assert set(load_results(tmp_path / "run")["verdict"]) == {verdict}


def test_rows_are_sorted_by_components_and_seed(run: RunFolder, row: MakeRow) -> None:
    keys = [("b", "x", 1), ("a", "y", 10), ("a", "y", 9), ("a", "x", 3)]
    for number, (architecture, loss, seed) in enumerate(keys):
        trial = str(number)
        changes = {"architecture": architecture, "loss": loss, "seed": seed}
        run.trial(trial).write_row(row(trial, **changes))
    frame = load_results(run.path)
    found = list(frame[["architecture", "loss", "seed"]].itertuples(index=False, name=None))
    assert found == sorted(keys)
    assert list(frame.index) == [0, 1, 2, 3]


class TestStaleness:
    def test_nothing_but_the_table_is_read_while_it_holds(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = write_synthetic_run(tmp_path / "run")
        seen = reads(monkeypatch)
        load_results(run.path)
        assert seen == []

    def test_newer_and_missing_rows_come_from_their_files(
        self, run: RunFolder, row: MakeRow, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for trial in "abc":
            run.trial(trial).write_row(row(trial, fd=1.0))
        refresh_table(run)
        run.trial("b").write_row(row("b", fd=2.25))
        run.trial("d").write_row(row("d", fd=3.0, mine=1))
        seen = reads(monkeypatch)
        frame = load_results(run.path).set_index("trial")
        assert frame["fd"].to_dict() == {"a": 1.0, "b": 2.25, "c": 1.0, "d": 3.0}
        assert frame["mine"].dtype == "Int64"
        assert sorted(set(seen)) == ["b", "d"]

    def test_a_row_that_was_written_while_the_table_was(self, run: RunFolder, row: MakeRow) -> None:
        run.trial("a").write_row(row(fd=1.0))
        rows = run.rows()
        run.trial("a").write_row(row(fd=2.0))
        os.utime(run.trial("a").row_json, (0, 0))  # older than the table by its date
        refresh_table(run)
        run.trial("a").write_row(row(fd=3.0))
        os.utime(run.trial("a").row_json, (1, 1))
        assert load_results(run.path)["fd"].tolist() == [3.0]
        assert rows[0]["fd"] == 1.0

    def test_a_trial_that_was_removed_is_gone(self, tmp_path: Path) -> None:
        run = write_synthetic_run(tmp_path / "run", losses=("hinge",))
        gone, unfinished, *_ = run.trial_ids()
        shutil.rmtree(run.trial(gone).path)
        run.trial(unfinished).row_json.unlink()
        assert set(load_results(run.path)["trial"]) == set(run.trial_ids()) - {unfinished}

    def test_only_what_is_newer_is_read_and_written(self, run: RunFolder, row: MakeRow) -> None:
        for trial in "ab":
            run.trial(trial).write_row(row(trial))
        refresh_table(run)
        before = os.stat(run.table_file)
        refresh_table(run)
        assert os.stat(run.table_file).st_ino == before.st_ino
        run.trial("b").write_row(row("b", seed=7))
        run.trial("c").write_row(row("c"))
        shutil.rmtree(run.trial("a").path)
        refresh_table(run)
        table, stamps = read_table(run)
        assert dict(zip(table["trial"].to_pylist(), table["seed"].to_pylist(), strict=True)) == {
            "b": 7,
            "c": row()["seed"],
        }
        assert stamps == {trial: run.trial(trial).row_stamp() for trial in "bc"}

    def test_a_table_without_its_trials_holds(self, tmp_path: Path) -> None:
        run = write_synthetic_run(tmp_path / "run")
        before = load_results(run.path)
        shutil.rmtree(run.trials_dir)
        pd.testing.assert_frame_equal(load_results(run.path), before)

    def test_rows_that_never_had_a_file_hold(self, run: RunFolder, row: MakeRow) -> None:
        run.trial("a").write_row(row("a"))
        stamps = {"a": run.trial("a").row_stamp()}
        write_table(run, rows_to_table([row("a"), row("b")]), stamps)
        assert load_results(run.path)["trial"].tolist() == ["a", "b"]

    def test_columns_of_different_types_meet(self, run: RunFolder, row: MakeRow) -> None:
        for trial in "abc":
            run.trial(trial).write_row(row(trial, number=1, mixed=1, later=None))
        refresh_table(run)
        run.trial("b").write_row(row("b", number=0.5, mixed="x", later=True))
        frame = load_results(run.path)
        assert frame["number"].tolist() == [1.0, 0.5, 1.0]
        assert frame["mixed"].tolist() == ["1", "x", "1"]
        assert frame["later"].dtype == "boolean"


class TestDamage:
    def test_a_damaged_row_is_left_out_even_if_the_table_has_an_older_one(
        self, run: RunFolder, row: MakeRow
    ) -> None:
        for trial in "ab":
            run.trial(trial).write_row(row(trial))
        refresh_table(run)
        run.trial("a").row_json.write_text("{torn")
        with pytest.warns(UserWarning, match="damaged") as caught:
            frame = load_results(run.path)
        assert caught[0].filename == __file__
        assert frame["trial"].tolist() == ["b"]

    @pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1 nonsense PAR1", b"x" * 1000])
    def test_a_damaged_table_is_left_out(
        self, run: RunFolder, row: MakeRow, content: bytes
    ) -> None:
        run.trial("a").write_row(row())
        refresh_table(run)
        run.table_file.write_bytes(content)
        found = read_results(run.path)
        assert found.frame["trial"].tolist() == ["a"]
        (problem,) = found.problems
        assert "results.parquet" in problem

    def test_a_torn_table_is_left_out(self, run: RunFolder, row: MakeRow) -> None:
        run.trial("a").write_row(row())
        refresh_table(run)
        run.table_file.write_bytes(run.table_file.read_bytes()[:-40])
        assert len(read_results(run.path).problems) == 1

    def test_a_table_of_somebody_else_is_left_out(self, run: RunFolder) -> None:
        pd.DataFrame({"trial": ["x"]}).to_parquet(run.table_file)
        found = read_results(run.path)
        assert len(found.frame) == 0
        assert "format" in found.problems[0]

    def test_no_run(self, tmp_path: Path) -> None:
        for load in (load_results, load_history):
            with pytest.raises(UsageError):
                load(tmp_path / "missing")


class TestHistory:
    def test_one_row_per_trial_and_tick(self, mixed_run: RunFolder) -> None:
        frame = load_history(mixed_run.path)
        assert list(frame.columns) == [column.name for column in HISTORY_COLUMNS]
        assert {str(d) for d in frame.dtypes} == {"string", "Int64", "float64"}
        results = load_results(mixed_run.path)
        ended = results[results["status"] == "ok"]
        assert set(ended["trial"]) <= set(frame["trial"])
        assert (frame.groupby("trial")["tick"].min() == 0).all()

    def test_it_is_empty_with_its_columns(self, run: RunFolder) -> None:
        frame = load_history(run.path)
        assert len(frame) == 0
        assert frame["fd"].dtype == "float64"

    def test_columns_of_their_own(self, run: RunFolder) -> None:
        run.trial("a").write_history([{"tick": 0, "modes": 3}])
        run.trial("b").write_history([{"tick": 0, "modes": 2.5}, {"tick": 1}])
        frame = load_history(run.path)
        assert frame["modes"].tolist()[:2] == [3.0, 2.5]
        assert frame["tick"].tolist() == [0, 0, 1]

    def test_a_damaged_one_is_left_out(self, run: RunFolder) -> None:
        run.trial("a").write_history([{"tick": 0}])
        run.trial("b").write_history([{"tick": 0}])
        run.trial("a").history_csv.write_text("nonsense")
        with pytest.warns(UserWarning, match="damaged"):
            assert load_history(run.path)["trial"].tolist() == ["b"]


def test_the_column_documentation_is_current() -> None:
    path = Path(__file__).parents[2] / "docs" / "columns.md"
    assert path.read_text(encoding="utf-8") == columns_document(), (
        "run: python -m ganbench.present.columns_doc > docs/columns.md"
    )
