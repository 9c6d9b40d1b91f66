from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from made_up_runs import Row

from ganbench.base import files
from ganbench.base.errors import UsageError
from ganbench.store.run_folder import RunFolder
from ganbench.store.schema import HISTORY_COLUMNS, ROW_COLUMNS

MakeRow = Callable[..., Row]


class TestRunFolder:
    def test_create_makes_the_folder_and_takes_up_a_run(self, tmp_path: Path) -> None:
        path = tmp_path / "deep" / "run"
        RunFolder(path).create()
        RunFolder(path).create()
        assert (path / "trials").is_dir()

    def test_create_accepts_an_empty_folder_with_hidden_files(self, tmp_path: Path) -> None:
        (tmp_path / ".gitkeep").touch()
        RunFolder(tmp_path).create()

    def test_create_refuses_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(UsageError, match="not a folder"):
            RunFolder(tmp_path / "file").create()
        with pytest.raises(UsageError, match="not a folder"):
            RunFolder(tmp_path / "file" / "run").create()

    def test_create_leaves_alone_a_folder_with_other_things(self, tmp_path: Path) -> None:
        (tmp_path / "thesis.tex").touch()
        with pytest.raises(UsageError, match="not a run folder"):
            RunFolder(tmp_path).create()
        assert os.listdir(tmp_path) == ["thesis.tex"]

    def test_create_says_why_it_cannot_write(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "mkdir", refuse)
        with pytest.raises(UsageError, match=r"cannot write .* Permission denied"):
            RunFolder(tmp_path / "run").create()

    def test_create_notices_a_folder_that_is_read_only(
        self, run: RunFolder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(os, "access", lambda *_: False)
        with pytest.raises(UsageError, match="cannot write"):
            run.create()

    def test_open_wants_a_run(self, tmp_path: Path, run: RunFolder) -> None:
        assert run.open() is run
        with pytest.raises(UsageError, match="does not exist"):
            RunFolder(tmp_path / "missing").open()
        (tmp_path / "file").touch()
        with pytest.raises(UsageError, match="not a folder"):
            RunFolder(tmp_path / "file").open()
        (tmp_path / "other").mkdir()
        with pytest.raises(UsageError, match="not a run folder"):
            RunFolder(tmp_path / "other").open()

    def test_open_says_why_it_cannot_read(
        self, run: RunFolder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(_: object) -> list[str]:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(os, "listdir", refuse)
        with pytest.raises(UsageError, match=r"cannot read .* Permission denied"):
            run.open()

    def test_trial_ids_are_the_folders(self, run: RunFolder) -> None:
        for name in ("b", "a", ".hidden"):
            (run.trials_dir / name).mkdir()
        (run.trials_dir / "stray.txt").touch()
        assert run.trial_ids() == ["a", "b"]

    @pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../other"])
    def test_a_trial_stays_in_its_run(self, run: RunFolder, name: str) -> None:
        with pytest.raises(ValueError, match="not a trial id"):
            run.trial(name)

    def test_find(self, run: RunFolder) -> None:
        for name in ("dcgan-s0", "dcgan-s0-more", "dcgan-s1", "mlp-s1"):
            (run.trials_dir / name).mkdir()
        assert run.find("dcgan-s0").id == "dcgan-s0"
        assert run.find("mlp").id == "mlp-s1"
        assert run.find("more").id == "dcgan-s0-more"
        lines = r"fits 3 trials; name one of them:\n  dcgan-s0\n  dcgan-s0-more\n  dcgan-s1\Z"
        with pytest.raises(UsageError, match=lines):
            run.find("dcgan")
        with pytest.raises(UsageError, match="did you mean 'mlp-s1'"):
            run.find("mpl-s1")


class TestRow:
    def test_round_trip_with_all_contract_columns(self, run: RunFolder, row: MakeRow) -> None:
        trial = run.trial("a")
        trial.write_row(
            {"status": "ok", "fd": 0.1 + 0.2, "steps": 3, "exclusive": True, "extra": [1]}
        )
        found = trial.read_row()
        assert found is not None
        assert list(found)[: len(ROW_COLUMNS)] == [column.name for column in ROW_COLUMNS]
        assert found["trial"] == "a"
        assert found["fd"] == 0.1 + 0.2
        assert (found["steps"], found["exclusive"], found["extra"]) == (3, True, [1])
        assert found["fid"] is None

    def test_numbers_that_are_not_finite_survive_strict_json(self, run: RunFolder) -> None:
        trial = run.trial("a")
        values = {"fd": math.nan, "fd_best": math.inf, "cs_mean": -math.inf, "reverse_kl": math.inf}
        trial.write_row({"status": "diverged", "error": "NaN", "mine": math.nan, **values})
        text = trial.row_json.read_text()
        assert json.loads(text, parse_constant=pytest.fail)["fd"] == "NaN"
        found = trial.read_row()
        assert found is not None
        assert math.isnan(found["fd"])
        assert math.isnan(found["mine"])
        assert (found["fd_best"], found["cs_mean"]) == (math.inf, -math.inf)
        assert found["error"] == "NaN"  # a text column

    def test_numpy_values_and_structures(self, run: RunFolder) -> None:
        trial = run.trial("a")
        values = {"fd": np.float32(0.5), "steps": np.int64(7), "exclusive": np.bool_(False)}
        trial.write_row(values | {"status": "ok", "providers": {"x": Path("y")}, "v": np.arange(2)})
        found = trial.read_row()
        assert found is not None
        assert (found["fd"], found["steps"], found["exclusive"]) == (0.5, 7, False)
        assert (found["providers"], found["v"]) == ({"x": "y"}, [0, 1])

    def test_hostile_text_round_trips(self, run: RunFolder) -> None:
        text = '<script>\n\x1b[31m"quotes" \u2028 \\ é 漢 \x00'
        run.trial("a").write_row({"status": "error", "error": text})
        found = run.trial("a").read_row()
        assert found is not None
        assert found["error"] == text
        run.trial("a").write_row({"status": "error", "error": "lone \ud800 surrogate"})
        found = run.trial("a").read_row()
        assert found is not None
        assert found["error"] == "lone ? surrogate"

    @pytest.mark.parametrize(
        ("changes", "error", "match"),
        [
            ({"status": "fine"}, ValueError, "'fine' is not a status"),
            ({"trial": "b"}, ValueError, "trial 'b'"),
            ({"fd": "low"}, TypeError, "column fd"),
            ({"fd": 10**400}, TypeError, "column fd"),
            ({"steps": 1.5}, TypeError, "column steps"),
            ({"steps": True}, TypeError, "column steps"),
            ({"seed": 2**64}, TypeError, "column seed"),
            ({"exclusive": 1}, TypeError, "column exclusive"),
            ({"error": 1.5}, TypeError, "column error"),
            ({"mine": object()}, TypeError, "cannot store"),
        ],
    )
    def test_a_wrong_row_is_not_written(
        self, run: RunFolder, row: MakeRow, changes: Row, error: type[Exception], match: str
    ) -> None:
        run.trial("a").write_row(row())
        before = run.trial("a").row_json.read_bytes()
        with pytest.raises(error, match=match):
            run.trial("a").write_row(row() | changes)
        assert run.trial("a").row_json.read_bytes() == before

    def test_no_row_is_no_problem(self, run: RunFolder) -> None:
        problems: list[str] = []
        assert run.trial("a").read_row(problems) is None
        assert problems == []

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"", "Expecting value"),
            (b'{"row_format": 1, "trial": "a", "sta', "Unterminated string"),
            (b"[1]", "not a JSON object"),
            (b"\xff\xfe{}", "decode"),
            (b'{"trial": "a", "status": "ok"}', "format is None"),
            (b'{"row_format": 2, "trial": "a", "status": "ok"}', "format is 2"),
            (b'{"row_format": true, "trial": "a", "status": "ok"}', "format is True"),
            (b'{"row_format": 1, "trial": "b", "status": "ok"}', "belongs to trial 'b'"),
            (b'{"row_format": 1, "trial": "a", "status": "fine"}', "status is 'fine'"),
            (
                b'{"row_format": 1, "trial": "a", "status": "ok", "fd": NaN}',
                "NaN is not valid JSON",
            ),
            (b'{"row_format": 1, "trial": "a", "status": "ok", "fd": "x"}', "column fd"),
            (b"[" * 100_000, "recursion"),
        ],
    )
    def test_a_damaged_row_is_absent_and_reported(
        self, run: RunFolder, content: bytes, reason: str
    ) -> None:
        trial = run.trial("a")
        trial.path.mkdir()
        trial.row_json.write_bytes(content)
        problems: list[str] = []
        assert trial.read_row(problems) is None
        assert trial.read_row() is None
        (problem,) = problems
        assert str(trial.row_json) in problem
        assert reason in problem

    def test_rows_leave_out_what_is_damaged(self, run: RunFolder, row: MakeRow) -> None:
        run.trial("a").write_row(row("a"))
        run.trial("b").write_row(row("b"))
        run.trial("b").row_json.write_bytes(b"{")
        problems: list[str] = []
        assert [found["trial"] for found in run.rows(problems)] == ["a"]
        assert len(problems) == 1


class TestAtomicity:
    @pytest.mark.parametrize("step", ["fsync", "replace"])
    def test_a_crash_leaves_the_old_file_and_no_other(
        self, run: RunFolder, row: MakeRow, monkeypatch: pytest.MonkeyPatch, step: str
    ) -> None:
        trial = run.trial("a")
        trial.write_row(row(fd=1.0))

        def crash(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(files.os, step, crash)
        with pytest.raises(KeyboardInterrupt):
            trial.write_row(row(fd=2.0))
        monkeypatch.undo()
        found = trial.read_row()
        assert found is not None
        assert found["fd"] == 1.0
        assert sorted(os.listdir(trial.path)) == ["digests.json", "row.json"]

    def test_a_temporary_file_left_by_a_killed_process_is_ignored(
        self, run: RunFolder, row: MakeRow
    ) -> None:
        trial = run.trial("a")
        trial.write_row(row())
        (trial.path / ".row.json.0123.tmp").write_text("{torn")
        problems: list[str] = []
        assert trial.read_row(problems) is not None
        assert problems == []

    def test_a_file_gets_the_permissions_that_files_get(self, tmp_path: Path) -> None:
        (tmp_path / "usual").touch()
        files.write_atomically(tmp_path / "ours", "text")
        assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode


class TestIdentity:
    def test_round_trip(self, run: RunFolder) -> None:
        identity = {"trial": "a", "options": {"gamma": 0.1, "limit": math.inf, "of": ["é", None]}}
        run.trial("a").write_identity(identity)
        assert run.trial("a").read_identity() == identity

    def test_damaged(self, run: RunFolder) -> None:
        run.trial("a").write_identity({})
        run.trial("a").trial_json.write_text("[]")
        problems: list[str] = []
        assert run.trial("a").read_identity(problems) is None
        assert len(problems) == 1


class TestHistory:
    def test_round_trip_is_exact(self, run: RunFolder) -> None:
        records = [
            {"tick": 0, "images": 0, "fd": math.pi * 100, "d_loss": math.nan, "modes": 3},
            {"tick": 1, "images": 64, "fd": 1e-300, "g_loss": math.inf, "note": 'a,"b"\nc'},
        ]
        trial = run.trial("a")
        trial.write_history(records)
        first, second = trial.read_history()
        assert list(first)[: len(HISTORY_COLUMNS)] == [c.name for c in HISTORY_COLUMNS]
        assert first["trial"] == "a"
        assert first["fd"] == math.pi * 100
        assert math.isnan(first["d_loss"])
        assert (first["modes"], first["g_loss"], first["note"]) == (3, None, None)
        assert (second["fd"], second["g_loss"]) == (1e-300, math.inf)
        assert (second["modes"], second["note"]) == (None, 'a,"b"\nc')

    def test_unknown_columns_are_the_first_type_that_fits(self, run: RunFolder) -> None:
        trial = run.trial("a")
        values = [(1, 1, "1", None, [1]), (2, 2.5, "x", None, [2])]
        trial.write_history([dict(zip("abcde", value, strict=True)) for value in values])
        found = [tuple(record[name] for name in "abcde") for record in trial.read_history()]
        assert found == [(1, 1.0, "1", None, "[1]"), (2, 2.5, "x", None, "[2]")]
        assert isinstance(found[0][1], float)

    def test_no_history(self, run: RunFolder) -> None:
        assert run.trial("a").read_history() == []
        run.trial("a").write_history([])
        assert run.trial("a").read_history() == []

    def test_wrong_records_are_not_written(self, run: RunFolder) -> None:
        with pytest.raises(TypeError, match="column fd"):
            run.trial("a").write_history([{"fd": "low"}])
        with pytest.raises(ValueError, match="trial 'b'"):
            run.trial("a").write_history([{"trial": "b"}])
        assert run.trial_ids() == []

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            ("", "does not name the columns"),
            ("tick,fd\n1,2\n", "does not name the columns"),
            ("trial,tick,tick\n", "does not name the columns"),
            ("trial,tick,fd\na,0,1.5\na,1\n", "record 2 has 2 fields in place of 3"),
            ("trial,tick\nb,0\n", "belongs to trial 'b'"),
            ("trial,tick\na,first\n", "column tick"),
            ('trial,tick\na,"0', "unexpected end"),
        ],
    )
    def test_damaged(self, run: RunFolder, content: str, reason: str) -> None:
        trial = run.trial("a")
        trial.path.mkdir()
        trial.history_csv.write_text(content)
        problems: list[str] = []
        assert trial.read_history(problems) == []
        (problem,) = problems
        assert reason in problem
