"""Figures, reports, generators and results in Python: what notebooks use."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

import ganbench as gb
from ganbench.cli.app import app
from ganbench.store.run_folder import RunFolder

GRID = {
    "grid": {
        "architecture": ["mlp[g_widths=[16],d_widths=[16]]"],
        "loss": ["hinge", "lsgan"],
        "dataset": ["digits"],
        "seeds": 1,
    },
    "budget": {"steps": 4},
    "training": {"batch_size": 16},
    "evaluation": {"ticks": 2, "samples": 64, "extractor": "pixels", "metrics": ["fd"]},
    "names": {"hinge": "Ours"},
}


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    return gb.run(GRID, tmp_path_factory.mktemp("api") / "run", executor="inline", threads=1)


@pytest.fixture
def run(result):
    return str(result.folder)


def test_a_result_is_a_table_with_names(result):
    text = str(result)
    assert "Ours" in text
    assert text.endswith(f"The run in {result.folder} ended: 2 trials trained.")
    page = result._repr_html_()
    assert page.count("<tr>") == 3
    assert "<td" in page
    assert "Ours" in page
    assert "hinge" in set(result.results["loss"])


@pytest.mark.parametrize("kind", ["curves", "samples", "heatmap"])
def test_a_figure_shows_itself(run, kind):
    figure = gb.plot(run, kind, dpi=40)
    ((form, content),) = figure._repr_mimebundle_().items()
    assert form == "image/png"
    assert base64.b64decode(content) == figure.content
    assert figure.content.startswith(b"\x89PNG")


def test_a_figure_is_written_as_the_command_writes_it(run, tmp_path):
    figure = gb.plot(run, "curves", tmp_path / "a.svg", metric="fd")
    out = tmp_path / "b.svg"
    done = CliRunner().invoke(
        app, ["plot", run, "--kind", "curves", "--metric", "fd", "-o", str(out)]
    )
    assert done.exit_code == 0, done.output
    ids = re.compile(rb"(?<=[\"#(])[mpl]?[0-9a-f]{8,}|\d{4}-\d\d-\d\dT[\d:.]+")
    assert ids.sub(b"", (tmp_path / "a.svg").read_bytes()) == ids.sub(b"", out.read_bytes())
    assert (tmp_path / "a.svg").read_bytes() == figure.content
    assert list(figure._repr_mimebundle_()) == ["image/svg+xml"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"kind": "curve"}, "kind must be curves or heatmap"),
        ({"over": "steps"}, "over must be images or seconds"),
        ({"band": "wide"}, "band must be interval or range or none"),
        ({"out": "figure.gif"}, "must end in .png, .svg, .pdf"),
        ({"kind": "samples", "trials": "seed=9"}, "has seed=9"),
    ],
)
def test_a_bad_figure_is_refused(run, arguments, words):
    with pytest.raises(gb.UsageError) as error:
        gb.plot(run, **arguments)
    assert words in str(error.value)


def test_the_report_is_written_into_the_run(run, tmp_path):
    assert gb.report(run) == Path(run) / "report.html"
    assert (
        gb.report(run, tmp_path / "mine.html").read_text(encoding="utf-8").startswith("<!doctype")
    )


def test_a_generator_gives_the_images_of_the_command(run, tmp_path):
    images = gb.sample(run, "loss=hinge", 6, seed=3)
    assert (images.dtype, tuple(images.shape)) == (torch.uint8, (6, 1, 8, 8))
    out = tmp_path / "s.npz"
    arguments = ["sample", run, "loss=hinge", "-n", "6", "--seed", "3", "-o", str(out)]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    import numpy as np

    theirs = torch.from_numpy(np.load(out)["arr_0"])
    assert torch.equal(images.permute(0, 2, 3, 1).squeeze(-1), theirs.squeeze(-1))
    generator = gb.load_generator(run, "loss=hinge")
    assert isinstance(generator.generator, torch.nn.Module)
    floats = generator.sample(6, 3)
    assert floats.abs().max() <= 1
    assert torch.equal(((floats + 1) * 127.5 + 0.5).clamp(0, 255).floor().to(torch.uint8), images)


def test_best_is_the_default(run):
    rows = gb.load_results(run)
    best = rows.loc[rows["fd"].idxmin(), "trial"]
    assert gb.load_generator(run).trial == best == RunFolder(run).find("best").id


def test_an_export_says_what_it_is(run, tmp_path):
    found = gb.export(run, "best", tmp_path / "g.pt2")
    assert found.path.exists()
    assert str(found).startswith(f"{found.path} (")
    assert "images within" in str(found)


def test_an_evaluation_takes_the_trials_extractor_and_prints_itself(run):
    found = gb.evaluate(fake=f"{run}:best", samples=32, metrics="fd")
    assert found.extractors[0]["spec"] == "pixels"
    assert str(found).splitlines()[0] == f"extractor {found.identity}"
    assert "<table>" in found._repr_html_()
    assert gb.evaluate(
        fake=f"{run}:best", real="digits", samples=32, metrics="fd"
    ).metrics == pytest.approx(found.metrics)
    measured = gb.measure(run, ["loss=hinge"], metrics=["fd"], samples=32, executor="inline")
    assert str(measured).startswith("1 trial measured in ")


def test_a_comparison_prints_its_sentence(run):
    found = gb.compare(run, "hinge", "lsgan")
    assert str(found) == found.sentence()
    assert "<table>" in found._repr_html_()
