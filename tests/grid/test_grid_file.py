"""Grid files: what they may say, how their mistakes are named, and that they round-trip."""

from pathlib import Path

import pytest

import ganbench as gb
from ganbench.base.errors import UnknownNameError, UsageError
from ganbench.grid.budget import Budget
from ganbench.grid.grid import Grid, shipped_grids
from ganbench.grid.settings import resolve_training

WHOLE = """
[about]
description = "a study"
published = {fd = 3.5, when = 2017-06-26}

[grid]
architecture = ["mlp", "dcgan[width=32]"]
loss         = ["non-saturating", "wgan-gp"]
dataset      = ["digits"]
regularizer  = ["none", "r1[gamma=0.1]+r2"]
augmentation = ["none"]
seeds        = 3

[budget]
images = 200_000

[training]
batch_size = 64
betas = [0, 0.9]

[evaluation]
ticks = 10
samples = 10_000
extractor = "auto"
"""
GRID = '[grid]\narchitecture = ["mlp"]\nloss = ["hinge"]\ndataset = ["digits"]\n'


@pytest.fixture
def read(tmp_path):
    def from_text(text, encoding="utf-8"):
        path = tmp_path / "study.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return Grid.from_file(path)

    return from_text


def test_everything_that_a_file_can_say(read):
    grid = read(WHOLE)
    assert grid.axes["architecture"] == ("mlp", "dcgan[width=32]")
    assert grid.axes["regularizer"] == ("none", "r1[gamma=0.1]+r2")
    assert grid.seeds == (0, 1, 2)
    assert grid.budget == Budget("images", 200_000)
    assert grid.training == {"batch_size": 64, "betas": [0, 0.9]}
    assert grid.evaluation_settings.samples == 10_000


def test_what_may_be_left_out(read):
    grid = read(GRID.replace("[", "", 2).replace("]", "", 2).replace("grid", "[grid]", 1))
    assert grid.axes["architecture"] == ("mlp",)
    assert grid.axes["regularizer"] == grid.axes["augmentation"] == ("none",)
    assert grid.seeds == (0,)
    assert grid.budget == Budget("images", 200_000)


@pytest.mark.parametrize("text", [WHOLE, GRID, *shipped_grids().values()])
def test_a_grid_is_read_back_as_it_was_written(read, text):
    grid = read(text)
    assert read(grid.to_toml()) == grid
    assert Grid.from_dict(grid.as_dict()) == grid
    assert Grid.load(grid) is grid


def test_a_byte_order_mark_is_no_part_of_the_file(read):
    assert read(GRID, encoding="utf-8-sig") == read(GRID)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (GRID + "seeds = [", "is not TOML: Invalid value (at end of document)"),
        ('[grid]\nloss = ["hinge"\nseeds = 1', "is not TOML: Unclosed array (at line 3, column 1)"),
        ("x = " + "[" * 5000, "is not TOML: "),
        (b"\xff\xfe", "cannot read the grid file"),
        ('[grd]\nloss = ["hinge"]', "unknown section [grd]; did you mean 'grid'?"),
        ('loss = ["hinge"]', "'loss' belongs in the section [grid]"),
        ("grid = 3", "[grid] must be a table, not 3"),
        (GRID + 'los = ["x"]', "[grid] has no key 'los'; did you mean 'loss'?"),
        (GRID.replace("loss", "#"), "[grid] needs the key loss"),
        (GRID.replace('["hinge"]', "[]"), "[grid] loss is an empty list; name at least one"),
        (GRID.replace('["hinge"]', "[3]"), "[grid] loss must be a list of specs, not [3]"),
        (GRID.replace('["hinge"]', "true"), "[grid] loss must be a list of specs, not True"),
        (GRID + "seeds = 0", "seeds = 0: expected 1 to 10000 seeds"),
        (GRID + "seeds = 1.5", "seeds = 1.5: expected a number of seeds or a list"),
        (GRID + "seeds = true", "seeds = True: expected a number of seeds or a list"),
        (GRID + "seeds = [-1]", "seeds = [-1]: expected a number of seeds or a list"),
        (GRID + "seeds = []", "seeds is an empty list"),
        (GRID + "seeds = [1, 2, 1]", "seeds = [1, 2, 1]: a seed is given twice"),
        (GRID + "[budget]\nepochs = 1", "[budget] has no key 'epochs'; the budget counts images"),
        (GRID + "[budget]\nsteps = 1\nimages = 1", "[budget] takes exactly one of"),
        (GRID + "[budget]\n", "[budget] takes exactly one of"),
        (GRID + '[budget]\nsteps = "1"', "bad budget steps = '1': expected a number"),
        (GRID + "[budget]\nsteps = 0", "bad budget steps = 0: must be more than zero"),
        (GRID + "[training]\nbatchsize = 1", "no option 'batchsize'; did you mean 'batch_size'?"),
        (GRID + "[training]\nlr = -1", "option lr=-1 is not allowed; it takes float, greater"),
        (GRID + "[evaluation]\nticks = 0", "option ticks=0 is not allowed; it takes int, at least"),
    ],
)
def test_mistakes_are_named_in_one_sentence_with_the_file(read, text, problem):
    with pytest.raises(UsageError) as caught:
        read(text)
    assert problem in str(caught.value)
    assert "study.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(UsageError, match=r"the grid file .*no.toml does not exist"):
        Grid.load(tmp_path / "no.toml")
    with pytest.raises(UsageError, match=r"cannot read the grid file .*: Is a directory"):
        Grid.load(str(tmp_path))


def test_names_and_files_are_told_apart(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("quick", "mine"):
        Path(name).write_text(GRID)
    assert Grid.load("quick") == Grid.named("quick") != Grid.from_file("quick")
    assert Grid.load("./quick") == Grid.load(Path("quick")) == Grid.load("mine")
    with pytest.raises(UnknownNameError, match=r"shipped grid 'quik'; did you mean 'quick'\?"):
        Grid.load("quik")


def test_grids_from_python():
    grid = gb.Grid({"architecture": "mlp", "loss": ["hinge", "hinge"], "dataset": ("digits",)})
    assert grid.axes["loss"] == ("hinge",)
    assert grid.axes["regularizer"] == ("none",)
    assert grid.with_axes({"loss": "wgan", "dataset": ()}).axes["loss"] == ("wgan",)
    assert grid.with_seeds(range(5, 7)).seeds == (5, 6)
    assert Grid.from_dict(grid.as_dict()) == grid
    with pytest.raises(UsageError, match=r"\[grid\] has no key 'losses'; did you mean 'loss'"):
        gb.Grid({**grid.axes, "losses": ["hinge"]})
    with pytest.raises(UsageError, match=r"\[about\] has a value that TOML cannot hold"):
        gb.Grid(grid.axes, about={"source": None})


def test_settings_laid_over_a_grid_replace_what_they_stand_for(read):
    grid = read(GRID + "[training]\ng_lr = 1e-3\nbatch_size = 8\n[evaluation]\nticks = 3")
    changed = grid.with_settings({"lr": 1e-5}, {"samples": 10})
    assert changed.training == {"g_lr": 1e-5, "d_lr": 1e-5, "batch_size": 8}
    assert changed.evaluation == {"ticks": 3, "samples": 10}


def test_shipped_grids_say_what_they_are():
    for name in shipped_grids():
        assert Grid.named(name).about["description"]


def test_none_is_a_word_in_files_and_the_same_from_python(read):
    given = {"lr_decay": None, "beta2_final": None}
    python = Grid(
        {"architecture": ["mlp"], "loss": ["hinge"], "dataset": ["digits"]}, training=given
    )
    file = read(GRID + '[training]\nlr_decay = "none"\nbeta2_final = "none"\n')
    assert python.training == file.training == read(python.to_toml()).training
    resolved = resolve_training([("grid", file.training)]).settings
    assert (resolved.lr_decay, resolved.beta2_final) == ("none", None)
    with pytest.raises(UsageError, match="takes float"):
        read(GRID + '[training]\nlr = "none"\n')
