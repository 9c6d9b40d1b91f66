"""``ganbench grids``."""

from __future__ import annotations

import json
import tomllib

import pytest
from click.testing import CliRunner

from ganbench.cli.app import app
from ganbench.grid.budget import parse_budget
from ganbench.grid.grid import Grid, shipped_grids


def grids(*arguments, columns=80):
    return CliRunner(env={"COLUMNS": str(columns)}).invoke(app, ["grids", *arguments])


def listed():
    """Name -> the words of a grid's line of figures, in the order of the list."""
    heading, *lines = grids().stdout.splitlines()
    assert heading.split() == ["name", "kind", "cells", "seeds", "budget", "published"]
    figures = [line.split() for line in lines if not line.startswith(" ")]
    return {words[0]: words[1:] for words in figures}


def test_every_shipped_grid_is_listed_with_its_size():
    table = listed()
    assert sorted(table) == list(shipped_grids())
    assert table["quick"] == ["grid", "8", "2", "80kimg"]
    for name, (_, cells, seeds, budget, *_) in table.items():
        grid = Grid.named(name)
        assert (int(cells) > 0, int(seeds)) == (True, len(grid.seeds))
        assert parse_budget(budget) == grid.budget


def test_recipes_follow_the_plain_grids_with_the_figure_that_they_reproduce():
    table = listed()
    kinds = [kind for kind, *_ in table.values()]
    assert kinds == sorted(kinds)
    assert {*kinds} == {"grid", "recipe"}
    assert table["sngan-cifar10"] == ["recipe", "1", "3", "32Mimg", "FID", "16.77"]
    assert all(len(words) == (6 if words[0] == "recipe" else 4) for words in table.values())


@pytest.mark.parametrize("columns", [60, 80, 300])
def test_descriptions_are_wrapped_below_the_figures(columns):
    lines = grids(columns=columns).stdout.splitlines()
    assert max(len(line) for line in lines if line.startswith("  ")) <= min(columns, 100)
    assert max(map(len, lines)) <= max(columns, 80)
    text = " ".join(" ".join(lines).split())
    for name in shipped_grids():
        assert Grid.named(name).about["description"] in text


def test_json_holds_everything_that_is_said_about_a_grid():
    entries = {entry["name"]: entry for entry in json.loads(grids("--json").stdout)}
    assert sorted(entries) == list(shipped_grids())
    for name, entry in entries.items():
        grid = Grid.named(name)
        assert entry["about"] == grid.about
        assert entry["description"] == grid.about["description"]
        assert (entry["budget"], entry["seeds"]) == (str(grid.budget), len(grid.seeds))
    assert entries["quick"]["kind"] == "grid"
    assert entries["quick"]["cells"] == 8
    assert entries["sngan-cifar10"]["about"]["published"][0]["value"] == 16.77


@pytest.mark.parametrize("name", shipped_grids())
def test_one_grid_is_printed_as_the_file_to_start_ones_own_from(name):
    text = grids(name).stdout
    assert text == shipped_grids()[name]
    assert Grid.from_dict(tomllib.loads(text)) == Grid.named(name)
    assert Grid.from_dict(json.loads(grids(name, "--json").stdout)) == Grid.named(name)


def test_a_grid_that_is_not_shipped():
    result = grids("quik")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "Error: no grid file or shipped grid 'quik'; did you mean 'quick'?\n"
