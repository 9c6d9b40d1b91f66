"""Damage to a run folder's files, crashes while they are written, and disks that take no more."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow.parquet
import pytest
from made_up_runs import Row, write_synthetic_run

from ganbench.base import files
from ganbench.base.errors import StorageError, UsageError
from ganbench.store import file_digests as digests
from ganbench.store.arrow import rows_to_table
from ganbench.store.frames import load_results, read_history, read_results
from ganbench.store.results_table import read_table, refresh_table, write_table
from ganbench.store.run_folder import RunFolder
from ganbench.store.trial_folder import TrialFolder

MakeRow = Callable[..., Row]


@pytest.fixture
def trial(run: RunFolder, row: MakeRow) -> TrialFolder:
    """A trial that has ended, sealed with its row."""
    trial = run.trial("a")
    trial.write_history([{"tick": 0, "fd": 2.0}, {"tick": 1, "fd": 1.0}])
    trial.samples_png.write_bytes(b"a picture")
    trial.write_row(row(fd=1.0))
    return trial


def flip(path: Path, position: int = -1, bit: int = 0) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1 << bit
    path.write_bytes(content)


class TestSeal:
    def test_digests_are_those_of_the_files(self, trial: TrialFolder) -> None:
        document = json.loads(trial.digests_json.read_text())
        assert document["format"] == 1
        assert document["files"] == {
            path.name: [hashlib.sha256(path.read_bytes()).hexdigest()]
            for path in (trial.row_json, trial.history_csv, trial.samples_png)
        }
        assert trial.damaged() == []

    @pytest.mark.parametrize("name", ["row.json", "history.csv"])
    def test_a_flipped_bit_is_found_where_the_text_still_makes_sense(
        self, trial: TrialFolder, name: str
    ) -> None:
        path = trial.path / name
        text = path.read_text()
        path.write_text(text.replace("1.0", "3.0"))
        problems: list[str] = []
        read = trial.read_row if name == "row.json" else trial.read_history
        assert not read(problems)
        (problem,) = problems
        assert str(path) in problem
        assert "damaged and was left out" in problem
        assert trial.damaged() == [
            f"{path} is damaged: it is not what it was when the row was written"
        ]
        path.write_text(text)
        assert read()

    def test_every_flipped_bit_and_every_cut_of_a_row_is_found(self, trial: TrialFolder) -> None:
        content = trial.row_json.read_bytes()
        dice = random.Random(0)
        for position in dice.sample(range(len(content)), 100):
            flip(trial.row_json, position, dice.randrange(8))
            assert trial.read_row() is None
            trial.row_json.write_bytes(content[:position])
            assert trial.read_row() is None
            trial.row_json.write_bytes(content)
        assert trial.read_row() is not None

    def test_pictures_are_checked_on_request(self, trial: TrialFolder) -> None:
        flip(trial.samples_png)
        (problem,) = trial.damaged()
        assert str(trial.samples_png) in problem
        trial.samples_png.unlink()
        assert trial.damaged() == [f"{trial.samples_png} is missing"]

    def test_a_row_that_was_taken_away_is_no_damage(self, trial: TrialFolder) -> None:
        trial.row_json.unlink()
        assert trial.damaged() == []
        assert trial.read_row() is None

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"{",
            b"[]",
            b"null",
            b'{"files": []}',
            b'{"format": 2, "files": {}}',
            b'{"format": 1, "files": {"row.json": "x"}}',
            b"[" * 100_000,
            b"\xff",
        ],
    )
    def test_without_digests_to_read_rows_are_taken_as_they_are(
        self, trial: TrialFolder, content: bytes
    ) -> None:
        trial.digests_json.write_bytes(content)
        problems: list[str] = []
        assert trial.read_row(problems) is not None
        assert len(trial.read_history(problems)) == 2
        assert problems == []
        (problem,) = trial.damaged()
        assert problem.startswith(f"{trial.digests_json} is damaged: ")

    def test_rows_from_other_hands_need_no_digests(self, trial: TrialFolder, row: MakeRow) -> None:
        trial.digests_json.unlink()
        flip(trial.samples_png)
        assert trial.read_row() is not None
        assert trial.damaged() == []
        trial.write_row(row(fd=2.0))
        assert trial.damaged() == []

    @pytest.mark.parametrize("stage", ["before", "after"])
    def test_a_crash_between_digests_and_row_leaves_a_row(
        self, trial: TrialFolder, row: MakeRow, monkeypatch: pytest.MonkeyPatch, stage: str
    ) -> None:
        write = files.write_atomically

        def crash(path: Path, content: bytes | str) -> None:
            if path.name == "row.json" and stage == "before":
                raise KeyboardInterrupt
            write(path, content)
            if path.name == "row.json":
                raise KeyboardInterrupt

        for module in ("trial_folder", "file_digests"):
            monkeypatch.setattr(f"ganbench.store.{module}.write_atomically", crash)
        for fd in (2.0, 3.0, 4.0):
            with pytest.raises(KeyboardInterrupt):
                trial.write_row(row(fd=fd))
        found = trial.read_row()
        assert found is not None
        assert found["fd"] == (1.0 if stage == "before" else 4.0)
        assert trial.damaged() == []
        assert len(json.loads(trial.digests_json.read_text())["files"]["row.json"]) == 2

    def test_a_damaged_row_stays_damaged_when_the_next_is_about_to_be_written(
        self, trial: TrialFolder, row: MakeRow, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        trial.row_json.write_text(trial.row_json.read_text().replace("1.0", "3.0"))
        monkeypatch.setattr("ganbench.store.trial_folder.write_atomically", lambda *_: None)
        trial.write_row(row(fd=2.0))
        assert trial.read_row() is None

    def test_a_reader_meets_the_row_changing_hands(
        self, trial: TrialFolder, row: MakeRow, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        read, turns = digests.read_bytes, [3.0, 4.0]

        def slow(path: str) -> bytes:
            content = read(path)
            if path.endswith("row.json"):
                while turns:
                    fd = turns.pop()
                    with monkeypatch.context() as patch:
                        patch.setattr(digests, "read_bytes", read)
                        trial.write_row(row(fd=fd))
            return content

        monkeypatch.setattr(digests, "read_bytes", slow)
        problems: list[str] = []
        found = trial.read_row(problems)
        assert problems == []
        assert found is not None
        assert found["fd"] == 3.0

    def test_a_history_that_goes_on_is_not_damaged(self, trial: TrialFolder, row: MakeRow) -> None:
        trial.write_history([{"tick": n} for n in range(3)])
        problems: list[str] = []
        assert len(trial.read_history(problems)) == 3
        assert problems == trial.damaged() == []
        trial.write_row(row())
        trial.history_csv.write_text(trial.history_csv.read_text().replace("2", "3"))
        assert len(trial.damaged()) == 1

    def test_clean_makes_ready_for_an_attempt(self, trial: TrialFolder) -> None:
        trial.checkpoint_dir.mkdir()
        for folder in (trial.path, trial.checkpoint_dir):
            (folder / ".row.json.0123.tmp").write_text("{torn")
            (folder / ".tmpAbC123").touch()
        (trial.checkpoint_dir / "1.json").touch()
        trial.clean()
        names = {path.name for path in trial.path.rglob("*")}
        expected = {"row.json", "history.csv", "samples.png", "digests.json", "checkpoint"}
        assert names == expected | {"1.json"}
        trial.samples_png.write_bytes(b"another picture")
        assert trial.damaged() == []
        trial.row_json.write_bytes(b"{}")
        assert len(trial.damaged()) == 1
        trial.path.rename(trial.path.with_name("b"))
        trial.clean()


class TestWrongRows:
    @pytest.mark.parametrize("status", ["[]", "{}", "1", "null"])
    def test_a_status_that_is_no_text(self, run: RunFolder, status: str) -> None:
        trial = run.trial("a")
        trial.path.mkdir()
        trial.row_json.write_text(f'{{"row_format": 1, "trial": "a", "status": {status}}}')
        problems: list[str] = []
        assert trial.read_row(problems) is None
        assert "its status is" in problems[0]

    def test_rows_that_look_like_one_another_are_told_apart(self, run: RunFolder) -> None:
        for trial, mine in (("a", '"text"'), ("b", '"NaN"'), ("c", '["NaN"]'), ("d", "1")):
            run.trial(trial).write_row({"status": "ok", "seed": 1})
            text = run.trial(trial).row_json.read_text()
            run.trial(trial).digests_json.unlink()
            run.trial(trial).row_json.write_text(text[:-3] + f',"mine": {mine}}}')
        found = [row["mine"] for row in run.rows()]
        assert found[0] == "text"
        assert found[1] != found[1]
        assert found[2][0] != found[2][0]
        assert found[3] == 1

    def test_a_number_that_is_too_large_damages_its_row_only(
        self, run: RunFolder, row: MakeRow
    ) -> None:
        for trial in "ab":
            run.trial(trial).write_row(row(trial, steps=77777))
        text = run.trial("b").row_json.read_text().replace("77777", str(2**63))
        run.trial("b").digests_json.unlink()
        run.trial("b").row_json.write_text(text)
        found = read_results(run.path)
        assert found.frame["trial"].tolist() == ["a"]
        assert "64 bits" in found.problems[0]

    def test_a_history_with_such_a_number_is_left_out(self, run: RunFolder) -> None:
        for trial in "ab":
            run.trial(trial).write_history([{"tick": 0, "steps": 77777}])
        path = run.trial("b").history_csv
        path.write_text(path.read_text().replace("77777", str(2**63)))
        found = read_history(run.path)
        assert found.frame["trial"].tolist() == ["a"]
        assert "64 bits" in found.problems[0]


class TestTable:
    @pytest.fixture
    def run(self, tmp_path: Path) -> RunFolder:
        return write_synthetic_run(tmp_path / "run", losses=("hinge",), ticks=1)

    def test_no_flipped_bit_gives_a_wrong_row(self, run: RunFolder) -> None:
        content, right = run.table_file.read_bytes(), load_results(run.path)
        dice = random.Random(0)
        marks = [content.rindex(b"ganbench-digest") + n for n in range(0, 120, 7)]
        for position in [*dice.sample(range(len(content)), 1000), *marks, len(content) - 1]:
            flip(run.table_file, position, dice.randrange(8))
            with pytest.raises(ValueError, match=r"digest|format"):
                read_table(run)
            run.table_file.write_bytes(content)
        assert read_results(run.path).problems == []
        flip(run.table_file, len(content) // 2)
        found = read_results(run.path)
        pd.testing.assert_frame_equal(found.frame, right)
        (problem,) = found.problems
        assert "results.parquet is damaged and was left out" in problem

    def test_a_table_that_somebody_changed_is_left_out(self, run: RunFolder) -> None:
        table = pyarrow.parquet.read_table(run.table_file)
        column = table.column_names.index("fd")
        wrong = table.set_column(column, "fd", pyarrow.array([0.0] * table.num_rows))
        pyarrow.parquet.write_table(wrong, run.table_file)
        found = read_results(run.path)
        assert (found.frame["fd"] > 0).all()
        assert len(found.problems) == 1

    def test_a_table_without_a_digest_is_left_out(self, run: RunFolder) -> None:
        table = pyarrow.parquet.read_table(run.table_file)
        meta = {b"ganbench": table.schema.metadata[b"ganbench"]}
        pyarrow.parquet.write_table(table.replace_schema_metadata(meta), run.table_file)
        found = read_results(run.path)
        assert len(found.frame) == table.num_rows
        assert "has no digest" in found.problems[0]

    def test_text_that_looks_like_a_digest_does_no_harm(self, run: RunFolder) -> None:
        text = "sha256 of the file with zeros here: " + "0" * 64
        trial = next(run.trials())
        row = trial.read_row()
        assert row is not None
        trial.write_row(row | {"error": text, text: text})
        refresh_table(run)
        found = read_results(run.path)
        assert found.problems == []
        assert text in found.frame["error"].tolist()


class TestAttempts:
    def test_round_trip(self, run: RunFolder) -> None:
        trial = run.trial("a")
        assert trial.read_attempts() == []
        records = [
            {"attempt": 1, "event": "started", "at": "2026-01-02T03:04:05+00:00", "pid": 7},
            {"attempt": 1, "event": "ended", "status": "crashed", "error": 'line\n"é\u2028'},
        ]
        for record in records:
            trial.append_attempt(record)
        assert trial.read_attempts() == records
        assert len(trial.attempts_jsonl.read_bytes().splitlines()) == 2

    def test_a_line_that_was_cut_short_is_left_out_and_hurts_no_other(self, run: RunFolder) -> None:
        trial = run.trial("a")
        for number in (1, 2):
            trial.append_attempt({"attempt": number, "event": "started"})
        content = trial.attempts_jsonl.read_bytes()
        for cut in range(1, len(content) // 2):
            trial.attempts_jsonl.write_bytes(content[:-cut])
            problems: list[str] = []
            seen = [record["attempt"] for record in trial.read_attempts(problems)]
            assert seen == [1] if cut > 1 else [1, 2]
            assert problems == []
            trial.append_attempt({"attempt": 3, "event": "started"})
            assert trial.read_attempts()[-1]["attempt"] == 3

    @pytest.mark.parametrize("line", [b"\0\0\0", b"[]", b'{"attempt": "1"}', b"\xff", b"{" * 9999])
    def test_damage_is_reported_with_its_line(self, run: RunFolder, line: bytes) -> None:
        trial = run.trial("a")
        trial.append_attempt({"attempt": 1})
        with trial.attempts_jsonl.open("ab") as file:
            file.write(line + b"\n")
        trial.append_attempt({"attempt": 2})
        problems: list[str] = []
        assert [record["attempt"] for record in trial.read_attempts(problems)] == [1, 2]
        assert problems == [f"{trial.attempts_jsonl} is damaged in line 2"]


class TestPlan:
    def test_round_trip(self, run: RunFolder) -> None:
        assert run.read_plan() is None
        run.write_plan({"a": "dcgan × hinge seed 0"})
        assert run.read_plan() == {"a": "dcgan × hinge seed 0"}
        assert json.loads(run.plan_file.read_text()) == {"trials": {"a": "dcgan × hinge seed 0"}}

    @pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"trials": 1}', b"[" * 100_000])
    def test_a_damaged_plan_is_none(self, run: RunFolder, content: bytes) -> None:
        run.plan_file.write_bytes(content)
        assert run.read_plan() is None


WRITERS: dict[str, Callable[[RunFolder], None]] = {
    "row": lambda run: run.trial("a").write_row({"status": "ok"}),
    "history": lambda run: run.trial("a").write_history([{"tick": 1}]),
    "identity": lambda run: run.trial("a").write_identity({}),
    "attempt": lambda run: run.trial("a").append_attempt({"attempt": 2}),
    "new trial": lambda run: run.trial("b").write_row({"status": "ok"}),
    "plan": lambda run: run.write_plan({}),
    "table": lambda run: write_table(run, rows_to_table([{"trial": "a"}]), {}),
}


class TestStorage:
    @pytest.fixture
    def run(self, run: RunFolder) -> RunFolder:
        run.trial("a").write_row({"status": "ok", "fd": 1.0})
        run.trial("a").append_attempt({"attempt": 1})
        refresh_table(run)
        return run

    @pytest.mark.parametrize("writer", WRITERS)
    @pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EIO])
    def test_what_the_system_says_is_one_sentence(
        self, run: RunFolder, monkeypatch: pytest.MonkeyPatch, writer: str, number: int
    ) -> None:
        def refuse(*_: object) -> None:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(files.os, "fsync", refuse)
        with pytest.raises(StorageError) as caught:
            WRITERS[writer](run)
        assert isinstance(caught.value, UsageError)
        assert caught.value.errno == number
        assert str(caught.value).startswith(f"cannot write to {run.path}")
        assert str(caught.value).endswith(os.strerror(number))
        assert "tmp" not in Path(str(caught.value).split(":")[0]).name
        assert [row["fd"] for row in run.rows()] == [1.0]
        assert not list(run.path.rglob(".*"))

    @pytest.mark.parametrize("writer", WRITERS)
    def test_a_folder_that_was_taken_away_does_not_come_back(
        self, run: RunFolder, writer: str
    ) -> None:
        away = run.path.rename(run.path.with_name("away"))
        with pytest.raises(StorageError, match="No such file or directory"):
            WRITERS[writer](run)
        assert not run.path.exists()
        assert away.exists()

    def test_a_line_that_does_not_fit(self, run: RunFolder) -> None:
        path = run.trial("a").attempts_jsonl
        path.unlink()
        path.symlink_to("/dev/full")
        with pytest.raises(StorageError, match="No space left on device") as caught:
            run.trial("a").append_attempt({"attempt": 2})
        assert caught.value.errno == errno.ENOSPC

    def test_a_real_disk_that_takes_no_more(self, tmp_path: Path) -> None:
        """A small file system of its own: first full, then read-only."""
        if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
            pytest.skip("mounting a file system is not permitted")
        here = Path(__file__).parent
        path = os.pathsep.join(map(str, (here, here.parent / "helpers")))
        environment = os.environ | {"PYTHONPATH": path}
        code = f"import test_integrity as t; t.on_a_small_disk({str(tmp_path)!r})"
        command = ["unshare", "-m", sys.executable, "-c", code]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        if "cannot mount" in done.stdout:
            pytest.skip("mounting a file system is not permitted")
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout)
        refused = set(WRITERS)
        assert said["ro"] == dict.fromkeys(refused, "Read-only file system")
        said["full"].pop("attempt", None)  # so short a line may fit
        assert said["full"] == dict.fromkeys(refused - {"attempt"}, "No space left on device")
        assert said["rows"] == [1.0]


def on_a_small_disk(path: str) -> None:
    """Print what each writer says when the disk is full, when it is read-only, and the rows."""
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", path]).returncode:
        print("cannot mount")
        return
    run = RunFolder(f"{path}/run").create()
    run.trial("a").write_row({"status": "ok", "fd": 1.0})
    run.trial("a").append_attempt({"attempt": 1})
    said: dict[str, object] = {}
    with contextlib.suppress(OSError), open(f"{path}/filler", "wb", buffering=0) as filler:
        while filler.write(b"0" * 4096):
            pass
    said["full"] = refusals(run)
    subprocess.run(["mount", "-o", "remount,ro", path], check=True)
    said["ro"] = refusals(run)
    print(json.dumps(said | {"rows": [row["fd"] for row in run.rows()]}))


def refusals(run: RunFolder) -> dict[str, str]:
    """What the system has against each writer."""
    said = {}
    for name, writer in WRITERS.items():
        try:
            writer(run)
        except StorageError as error:
            said[name] = str(error).split(": ")[-1]
    return said
