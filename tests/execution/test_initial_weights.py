"""``--init`` and ``--freeze``: a training that starts from given weights."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

import ganbench as gb
from ganbench.execution.run import configure
from ganbench.grid.plan import expand
from ganbench.store.run_folder import RunFolder
from ganbench.training.batches import TrainingData
from ganbench.training.initial_weights import read_weights
from ganbench.training.trainer import Trainer

EVALUATION = {"samples": 100, "metrics": ["fd"], "extractor": "pixels", "ticks": 1}


def configured(width: int = 16, **training: Any) -> gb.Grid:
    axes = {
        "architecture": [f"mlp[g_widths=[{width}],d_widths=[{width}]]"],
        "loss": ["hinge"],
        "dataset": ["digits"],
    }
    return configure({"grid": axes}, None, 1, "8steps", {"batch_size": 16} | training, EVALUATION)


def run(folder: Path, width: int = 16, **training: Any) -> pd.DataFrame:
    grid = configured(width, **training)
    return gb.run(grid, folder, executor="inline", threads=1).results


def states(folder: Path) -> Any:
    (trial,) = RunFolder(folder).trials()
    return read_weights(next(trial.checkpoint_dir.glob("*.safetensors")))


def identities(grid: gb.Grid) -> list[str]:
    return [trial.id for trial in expand(grid, Path()).trials()]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished trial."""
    folder = tmp_path_factory.mktemp("first") / "run"
    run(folder)
    return folder


def test_it_goes_on_from_the_weights_of_a_trial_and_keeps_what_is_frozen(
    first: Path, tmp_path: Path
) -> None:
    frozen = ["generator:layers.0.*", "discriminator:*.weight"]
    row = run(tmp_path / "tuned", init=f"{first}:best", freeze=frozen).iloc[0]
    then, now = states(first), states(tmp_path / "tuned")
    assert torch.equal(then["generator"]["layers.0.weight"], now["generator"]["layers.0.weight"])
    assert torch.equal(
        then["discriminator"]["layers.1.weight"], now["discriminator"]["layers.1.weight"]
    )
    assert not torch.equal(
        then["discriminator"]["layers.1.bias"], now["discriminator"]["layers.1.bias"]
    )
    assert not torch.equal(
        then["generator"]["layers.3.weight"], now["generator"]["layers.3.weight"]
    )
    ends = [gb.load_history(folder)["fd"] for folder in (first, tmp_path / "tuned")]
    assert ends[0].iloc[-1] == ends[1].iloc[0]  # the averaged generator goes on, too
    assert row["init"].startswith(str(first.absolute()))


def test_the_content_of_the_weights_is_part_of_the_identity_and_their_place_is_not(
    first: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(first, moved)
    (plain,), (here,), (there,) = (
        identities(configured()),
        identities(configured(init=f"{first}:best")),
        identities(configured(init=f"{moved}:mlp")),
    )
    assert here == there != plain
    save_file({"generator.x": torch.zeros(2)}, tmp_path / "other.safetensors")
    assert identities(configured(init=str(tmp_path / "other.safetensors"))) != [here]


def test_a_file_may_hold_the_generator_alone(first: Path, tmp_path: Path) -> None:
    file = tmp_path / "generator.safetensors"
    save_file(states(first)["generator"], file)
    (cell,) = expand(configured(init=str(file)), Path()).cells
    data = gb.get("dataset", "digits").load("train", tmp_path)
    trainer = Trainer(cell, 0, TrainingData(cell.data, data), torch.device("cpu"))
    fresh = trainer.state_dict()["generator"]
    assert all(torch.equal(fresh[name], one) for name, one in states(first)["generator"].items())
    trainer.hand_out_steps(2)
    trainer.restart(1)  # the next seed begins with the same weights
    assert torch.equal(
        trainer.state_dict()["generator"]["layers.0.weight"], fresh["layers.0.weight"]
    )


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"init": "{first}:best", "width": 8}, r"do not fit the generator of mlp.*\(16, 100\)"),
        ({"init": "{first}"}, "name one of its trials"),
        ({"init": "nowhere:best"}, "neither a file nor a trial"),
        ({"init": "{first}/grid.toml"}, r"weights are read from a \.safetensors file"),
        ({"freeze": ["generator:nothing.*"]}, "names no parameter; some are generator:layers"),
        ({"freeze": ["discriminator:*"]}, "nothing of the discriminator to train"),
        ({"freeze": ["other:*"]}, "generator or discriminator"),
    ],
)
def test_what_does_not_fit_is_one_sentence_before_anything_is_written(
    options: dict[str, Any], sentence: str, first: Path, tmp_path: Path
) -> None:
    given = {
        name: value.format(first=first) if isinstance(value, str) else value
        for name, value in options.items()
    }
    with pytest.raises(gb.UsageError, match=sentence):
        run(tmp_path / "new", **given)
    assert not (tmp_path / "new").exists()
