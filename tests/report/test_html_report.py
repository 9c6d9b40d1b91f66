from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ganbench.errors import UsageError
from ganbench.report.content import duration, gather, tone
from ganbench.report.figures import fd_curves
from ganbench.report.html import render_report
from ganbench.results.frames import load_history, load_results
from ganbench.results.store import RunFolder
from ganbench.testing.runs import Row, write_synthetic_run

HOSTILE = "<script>alert('x')</script>\"'&$_{x}_<img src=x onerror=y>\x1b"


class Page(HTMLParser):
    """What a browser makes of the page: tags with their attributes, and texts."""

    VOID = frozenset({"meta", "img", "link", "br"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


@pytest.fixture(scope="module")
def html(reported_run: RunFolder) -> str:
    return render_report(reported_run.path)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_it_is_well_formed(page: Page) -> None:
    assert page.open == []
    anchors = [a["id"] for _, a in page.tags if "id" in a]
    assert len(anchors) == len(set(anchors))
    targets = {(a["href"] or "").lstrip("#") for a in page.all("a")}
    assert targets <= set(anchors)


def test_it_needs_no_other_file_and_no_network(page: Page, html: str) -> None:
    for _, attrs in page.tags:
        for name in ("src", "href", "xlink:href", "data", "action"):
            value = attrs.get(name)
            assert value is None or value.startswith(("data:image/png;base64,", "#"))
    assert "@import" not in html
    assert "url(http" not in html
    assert len(page.all("script")) == 1


def test_only_its_own_script_may_run(html: str) -> None:
    (script,) = re.findall(r"<script>(.*?)</script>", html, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in html
    assert "default-src 'none'" in html


def test_it_says_what_was_run_and_on_what(page: Page) -> None:
    for fact in (
        "16: 10 ok, 2 error, 4 skipped",
        "dcgan[width=32] · mlp",
        "cpu (2 threads)",
        "200000img",
        "torch 2.6.0",
        'architecture = ["dcgan[width=32]", "mlp"]',
    ):
        assert fact in page.text


def test_failures_and_skipped_cells_have_their_reasons(page: Page) -> None:
    assert "no gradient of single samples; use dcgan" in page.text
    assert "mlp × wgan-gp × digits mlp × wgan-gp × mnist" in page.text
    assert "RuntimeError: shapes differ" in page.text


def test_tables_can_be_sorted_with_mouse_and_keys(page: Page) -> None:
    tables = [a for a in page.all("table") if a.get("class") == "sortable"]
    assert len(tables) == 2
    assert len(page.all("button")) == len(page.all("th"))
    values = [a["data-value"] or "" for a in page.all("td") if "data-value" in a]
    assert len(values) > 50
    assert all(float(value) is not None for value in values)


def test_samples_stand_side_by_side_with_captions(page: Page) -> None:
    images = page.all("img")
    assert len(images) == 10
    assert all(image["alt"] and "seed" in image["alt"] for image in images)
    assert page.text.count("no samples") == 2
    assert re.search(r"seed 0 · (stable|collapsed) · fd [\d.]+", page.text)


def test_curves_take_their_colours_from_the_page(html: str, page: Page) -> None:
    drawings = re.findall(r'<div class="drawing".*?</div>', html, flags=re.DOTALL)
    assert len(drawings) == 2
    for drawing in drawings:
        assert "currentColor" in drawing
        assert "var(--series-0)" in drawing
        assert not re.search(r"#[0-9a-f]{6}\b", drawing)
        assert "<style" not in drawing
        assert "<metadata" not in drawing
    assert "prefers-color-scheme: dark" in html


def test_it_is_the_same_every_time(reported_run: RunFolder, html: str) -> None:
    assert render_report(reported_run.path) == html


def test_text_from_plugins_is_escaped(tmp_path: Path) -> None:
    def edit(row: Row) -> Row:
        extra = {"extractor": HOSTILE, "device": HOSTILE, "providers": HOSTILE}
        if row["seed"] == 1:
            extra |= {"status": "error", "error": HOSTILE}
        if row["seed"] == 2:
            extra |= {"status": "skipped", "error": HOSTILE}
        return row | extra

    run = write_synthetic_run(
        tmp_path / "<b>run",
        architectures=(HOSTILE,),
        losses=(f"_{HOSTILE}",),
        datasets=(HOSTILE,),
        seeds=3,
        pictures=True,
        edit=edit,
    )
    run.trial("broken").path.mkdir()
    run.trial("broken").row_json.write_text(HOSTILE)
    html = render_report(run.path)
    found = Page(html)
    assert len(found.all("script")) == 1
    assert len(found.all("img")) == 1
    assert found.all("b") == []
    assert "alert('x')" in found.text
    assert "\x1b" not in html


class TestCurves:
    def test_a_line_for_each_cell(self, reported_run: RunFolder) -> None:
        figures = fd_curves(load_results(reported_run.path), load_history(reported_run.path))
        assert [figure.dataset for figure in figures] == ["digits", "mnist"]
        labels = [line.label for line in figures[0].lines]
        assert labels == [
            "dcgan[width=32] × non-saturating",
            "dcgan[width=32] × wgan-gp",
            "mlp × non-saturating",
        ]
        assert [len(line.seeds) for line in figures[0].lines] == [2, 1, 2]

    def test_the_median_ends_where_half_have_diverged(self, tmp_path: Path) -> None:
        def edit(row: Row) -> Row:
            return row | {"status": "diverged"} if row["seed"] else row

        run = write_synthetic_run(
            tmp_path / "run", architectures=("mlp",), losses=("x",), ticks=4, edit=edit
        )
        (figure,) = fd_curves(load_results(run.path), load_history(run.path))
        images, fd = figure.lines[0].middle()
        assert images.tolist() == [0, 50_000, 100_000, 150_000, 200_000]
        assert [value < float("inf") for value in fd] == [True, True, True, False, False]

    def test_many_cells_differ_in_colour_or_dash(self, tmp_path: Path) -> None:
        names = [f"a{number}" for number in range(20)]
        run = write_synthetic_run(
            tmp_path / "run", architectures=names, losses=("x",), seeds=1, ticks=1
        )
        (figure,) = fd_curves(load_results(run.path), load_history(run.path))
        looks = {(line.color, tuple(line.dash)) for line in figure.lines}
        assert len(looks) == 20

    def test_distances_that_are_zero_or_single(self, tmp_path: Path) -> None:
        run = write_synthetic_run(
            tmp_path / "run", architectures=("mlp",), losses=("x",), seeds=1, table=False
        )
        (trial,) = run.trial_ids()
        run.trial(trial).write_history([{"tick": 0, "images": 0, "fd": -1e-6}])
        assert "var(--series-0)" in render_report(run.path)
        run.trial(trial).write_history([{"tick": 0, "images": 0, "fd": float("nan")}])
        assert gather(run.path).curves == []


def test_an_empty_run(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run").create()
    assert "none has ended yet" in Page(render_report(run.path)).text


def test_what_is_no_picture_is_left_out(tmp_path: Path) -> None:
    run = write_synthetic_run(tmp_path / "run", seeds=1, ticks=1)
    for trial in run.trials():
        trial.samples_png.write_text("<svg onload=alert(1)>")
    assert Page(render_report(run.path)).all("img") == []


def test_damaged_files_are_named(tmp_path: Path) -> None:
    run = write_synthetic_run(tmp_path / "run", ticks=1)
    trial = run.trial(run.trial_ids()[0])
    trial.history_csv.write_text("torn")
    assert "history.csv is damaged" in Page(render_report(run.path)).text


def test_no_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        render_report(tmp_path / "missing")


@pytest.mark.parametrize(
    ("seconds", "text"), [(4.21, "4.2 s"), (200, "3 min 20 s"), (3725, "1 h 02 min")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        ("ok", "good"),
        ("stable 3/3", "good"),
        ("stable 2/3, error 1/3", "warn"),
        ("collapsed", "warn"),
        ("error 1/2, oom 1/2", "bad"),
    ],
)
def test_tones(outcome: str, expected: str) -> None:
    assert tone(outcome) == expected
