"""Every file of a run folder, damaged in turn: never a wrong row, and the same command mends it."""

from __future__ import annotations

import os
import random
import shutil
import signal
import warnings
from pathlib import Path

import pandas as pd
import pytest
import supervised as s

import ganbench as gb
from ganbench.base.errors import UsageError

GRID = {"grid": {"architecture": [s.TINY], "loss": ["hinge", "lsgan"], "dataset": ["digits"]}}
SETTINGS = {"ticks": 2, "samples": 64, "extractor": "pixels"}


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("GANBENCH_CHECKPOINT_SECONDS", "0")
        yield


def run(out: Path, **options) -> gb.RunResult:
    return gb.run(
        GRID,
        out,
        seeds=1,
        budget="20steps",
        evaluation=SETTINGS,
        executor="inline",
        threads=1,
        **options,
    )


class Stopper(gb.Callback):
    """Asks the run to stop, as Ctrl-C does, in the middle of the second trial."""

    def tick(self, trial, record):
        if trial["loss"]["name"] == "lsgan" and record["tick"] == 1:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(scope="module")
def finished(tmp_path_factory, cache):
    out = tmp_path_factory.mktemp("finished") / "run"
    assert run(out).exit_code == 0
    return out


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory, cache):
    out = tmp_path_factory.mktemp("interrupted") / "run"
    result = run(out, callbacks=[Stopper()])
    assert result.exit_code == 130, result.results["error"].tolist()
    assert sorted(s.statuses(out).values()) == ["interrupted", "ok"]
    assert len([*out.glob("trials/*lsgan*/checkpoint/*.json")]) == 2
    return out


def emptied(content: bytes, dice: random.Random) -> bytes:
    return b""


def truncated(content: bytes, dice: random.Random) -> bytes:
    return content[: dice.randrange(len(content))]


def flipped(content: bytes, dice: random.Random) -> bytes:
    changed = bytearray(content)
    changed[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
    return bytes(changed)


def rubbish(content: bytes, dice: random.Random) -> bytes:
    return dice.randbytes(100)


def files(folder: Path) -> list[str]:
    """Every file of a run that has something in it, by its path in there."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)
    return sorted(str(path.relative_to(folder)) for path in found)


def sweep(
    folder: Path, finished: Path, tmp_path: Path, flips: int, all_kinds: bool, first: int = 0
) -> list[str]:
    """What went wrong for each damage to each file but claims, which take their time.

    :param all_kinds: every other damage to every file, in place of one after another in turn.
    :param first: number of the first flip, which decides where it is.
    """
    problems = []
    kinds = [emptied, truncated, rubbish]
    names = [name for name in files(folder) if not Path(name).name.startswith("claim-")]
    for count, name in enumerate(names):
        others = kinds if all_kinds else [kinds[count % len(kinds)]]
        damages = [*others, *[flipped] * flips]
        for number, damage in enumerate(damages, first):
            out = tmp_path / "out"
            shutil.rmtree(out, ignore_errors=True)
            shutil.copytree(folder, out)
            path = out / name
            dice = random.Random(f"{name} {number}")
            path.write_bytes(damage(path.read_bytes(), dice))
            problem = found_wrong(out, finished, name)
            if problem:
                problems.append(f"{name}, {damage.__name__} {number}: {problem}")
    return problems


def found_wrong(out: Path, finished: Path, name: str) -> str | None:
    """What is wrong with the table of a damaged folder, or with that of its rerun."""
    right = frame(finished)
    problem = wrong_rows(right, frame(out))
    if problem:
        return f"read as it is: {problem}"
    try:
        result = run(out)
    except UsageError as error:
        # It may refuse, if it says what it is about, but not because of what it can make again.
        return None if Path(name).name in str(error) else f"refused without a reason: {error}"
    if result.exit_code != 0:
        return f"exit code {result.exit_code}: {result.results['error'].tolist()}"
    problem = wrong_rows(right, frame(out)) or wrong_rows(right, result.results)
    if problem:
        return f"after a rerun: {problem}"
    if len(frame(out)) != len(right):
        return "after a rerun: a trial is missing"
    return lost(out, finished)


def frame(out: Path) -> pd.DataFrame:
    """The results; what is damaged is reported by a warning and left out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return gb.load_results(out)


def wrong_rows(right: pd.DataFrame, found: pd.DataFrame) -> str | None:
    """A finished trial whose row is not that of the undisturbed run."""
    expected = right.set_index("trial")
    if not found["trial"].is_unique:
        return "a trial has two rows"
    for trial, row in found.set_index("trial").iterrows():
        if row["status"] == "interrupted":
            continue
        if trial not in expected.index:
            return f"there is a trial {trial}"
        for column in expected.columns:
            if column in s.VARYING:
                continue
            pair = pd.Series([expected.loc[trial, column], row.get(column)])
            if not pair[:1].reset_index(drop=True).equals(pair[1:].reset_index(drop=True)):
                return f"{column} is {pair[1]!r} in place of {pair[0]!r}"
    return None


def lost(out: Path, finished: Path) -> str | None:
    """What a rerun did not put right of what a reader may open."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        curves = [
            gb.load_history(folder).drop(columns="train_seconds") for folder in (out, finished)
        ]
    if not curves[0].equals(curves[1]):
        return "after a rerun: the history is another"
    for name in files(finished):
        if Path(name).name in ("samples.png", "progress.png", "trial.json", "grid.toml"):
            there = (out / name).exists()
            if not there or (out / name).read_bytes() != (finished / name).read_bytes():
                return f"after a rerun: {name} is {'another' if there else 'missing'}"
    return None


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_finished_run_is_mended(finished, tmp_path):
    problems = sweep(finished, finished, tmp_path, flips=1, all_kinds=False)
    assert not problems, "\n".join(problems)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_interrupted_run_goes_on_all_the_same(interrupted, finished, tmp_path):
    problems = sweep(interrupted, finished, tmp_path, flips=1, all_kinds=False)
    assert not problems, "\n".join(problems)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("part", range(5))
@pytest.mark.sampled(2)
def test_no_flipped_bit_makes_a_wrong_row(finished, interrupted, tmp_path, part):
    kinds = {"flips": 2, "all_kinds": not part, "first": 2 * part}
    problems = sweep(finished, finished, tmp_path, **kinds)
    problems += sweep(interrupted, finished, tmp_path, **kinds)
    assert not problems, "\n".join(problems)


@pytest.mark.slow
def test_a_damaged_claim_only_delays(interrupted, finished, tmp_path):
    """It might be somebody's, until nobody has touched it for a minute."""
    out = tmp_path / "out"
    shutil.copytree(interrupted, out)
    path = max(out.glob("trials/*/claim-*.json"))  # the highest number counts
    path.write_bytes(b"")
    assert run(out).exit_code == 0
    assert wrong_rows(frame(finished), frame(out)) is None


@pytest.mark.parametrize("name", ["row.json", "history.csv", "samples.png", "checkpoint"])
def test_a_file_that_is_gone_is_made_again(finished, tmp_path, name):
    out = tmp_path / "out"
    shutil.copytree(finished, out)
    for path in out.glob(f"trials/*hinge*/{name}"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert run(out).exit_code == 0
    assert wrong_rows(frame(finished), frame(out)) is None
    assert name == "checkpoint" or lost(out, finished) is None


def test_what_was_damaged_is_said(finished, tmp_path, capsys):
    out = tmp_path / "out"
    shutil.copytree(finished, out)
    (path,) = out.glob("trials/*hinge*/row.json")
    path.write_bytes(path.read_bytes().replace(b'"steps": 20', b'"steps": 30'))
    with pytest.warns(UserWarning, match=r"row\.json is damaged"):
        assert len(gb.load_results(out)) == 1
    assert run(out, quiet=False).exit_code == 0
    assert "row.json" in capsys.readouterr().err
    assert wrong_rows(frame(finished), frame(out)) is None
