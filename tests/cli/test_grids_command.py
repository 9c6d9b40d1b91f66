"""``ganbench grids``."""

from __future__ import annotations

import json
import tomllib

import pytest
from click.testing import CliRunner

from ganbench.cli.app import app
from ganbench.grid.grid import Grid, shipped_grids


def grids(*arguments):
    return CliRunner().invoke(app, ["grids", *arguments])


def test_every_shipped_grid_is_listed_with_its_size_and_purpose():
    lines = grids().stdout.splitlines()
    assert lines[0].split() == ["name", "cells", "seeds", "budget", "description"]
    assert [line.split()[0] for line in lines[1:]] == list(shipped_grids())
    (quick,) = (entry for entry in json.loads(grids("--json").stdout) if entry["name"] == "quick")
    assert quick["budget"] == str(Grid.named("quick").budget)
    assert quick["cells"] > 1
    assert all(value for value in quick.values())


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
