"""The report as a file: what is in it, and that nothing in it can do harm."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner
from made_up_runs import Row, write_synthetic_run

from ganbench.base.errors import UsageError
from ganbench.base.text import duration
from ganbench.cli.report import report as report_command
from ganbench.report.content import gather
from ganbench.report.embed import label, script_json
from ganbench.report.html import plotly_source, render_report
from ganbench.report.tables import tone
from ganbench.store.run_folder import RunFolder

HOSTILE = "<script>alert('x')</script>\"'&$_{x}_<img src=x onerror=y>\x1b"


class Page(HTMLParser):
    """What a browser makes of the page: tags with their attributes, and texts."""

    VOID = frozenset({"meta", "img", "link", "br", "input", "path"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(html.replace(plotly_source(), ""))
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
        if self.open and self.open[-1] not in ("script", "style"):
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
            assert value is None or value.startswith(("data:image/", "#"))
    own = html.replace(plotly_source(), "")
    assert "@import" not in own
    assert "url(" not in own


def test_only_its_own_scripts_may_run(html: str) -> None:
    scripts = re.findall(r"<script(?: [^>]*text/plain[^>]*)?>(.*?)</script>", html, re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts]
    assert len(scripts) == 2
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)
    policy = unescape(policy)
    allowed = next(part for part in policy.split("; ") if part.startswith("script-src"))
    assert sorted(allowed.split(" ")[1:]) == sorted(f"'sha256-{d}'" for d in digests)
    assert "default-src 'none'" in policy
    assert "eval" not in policy


def test_it_says_what_was_run_and_on_what(page: Page) -> None:
    for fact in (
        "16: 10 ok, 2 error, 4 skipped",
        "dcgan[width=32] · mlp",
        "cpu (2 threads)",
        "200000img",
        "2.6.0",
        'architecture = [ "dcgan[width=32]", "mlp", ]',
    ):
        assert fact in page.text


def test_it_begins_with_findings(reported_run: RunFolder) -> None:
    found = gather(reported_run.path).findings
    assert [text.split(":")[0] for text in found[:2]] == ["digits", "mnist"]
    assert all("has the lowest median fd" in text for text in found[:2])
    assert any(text.startswith("Architectures: by fd, ") for text in found)
    assert any(text.startswith("Of 12 trials, 2 failed") for text in found)


def test_it_opens_with_the_closing_words_of_the_run(tmp_path: Path) -> None:
    run = write_synthetic_run(tmp_path / "run", seeds=1)
    before = Page(render_report(run.path))
    run.write_closing_words(["mlp did best:\nfd 3.", HOSTILE])
    page = Page(render_report(run.path))
    assert not [tag for tag in before.all("div") if tag.get("class") == "words"]
    assert "mlp did best: fd 3." in page.texts
    assert any("<script>alert('x')</script>" in text for text in page.texts)
    assert page.all("script")[:-1] == before.all("script")[:-1]


def test_failures_and_skipped_cells_have_their_reasons(page: Page) -> None:
    assert "no gradient of single samples; use dcgan" in page.text
    assert "mlp × wgan-gp × digits mlp × wgan-gp × mnist" in page.text
    assert "RuntimeError: shapes differ" in page.text


def test_samples_stand_side_by_side_with_captions(page: Page) -> None:
    images = [image for image in page.all("img") if image["alt"]]
    assert len(images) == 20  # samples and a timeline for each of ten trials
    assert all("seed" in (image["alt"] or "") for image in images)
    assert page.text.count("no samples") == 2
    assert re.search(r"seed 0 · (stable|degraded|collapsed) · fd [\d.]+", page.text)


def test_every_figure_has_words_for_those_who_cannot_see_it(page: Page) -> None:
    plots = [a for a in page.all("div") if a.get("role") == "img"]
    assert len(plots) >= 8
    assert all(len(plot["aria-label"] or "") > 20 for plot in plots)
    assert len(page.all("figure")) >= len(plots)


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
    assert [a.get("id") for a in found.all("script")] == [
        "tables-data", "figures-data", "colors-data", "plotly-source", None,
    ]  # fmt: skip
    assert all(
        (image.get("src") or "data:image/").startswith("data:image/") for image in found.all("img")
    )
    assert found.all("b") == []
    assert "alert('x')" in found.text
    assert "\x1b" not in html


def test_data_cannot_leave_its_script() -> None:
    value = {"</script>": ["<!--", "\u2028\u2029", "a & b", float("inf"), float("nan"), "\ud800"]}
    text = script_json(value)
    assert not set("<>&\u2028\u2029") & set(text)
    text.encode()
    back = json.loads(text)
    assert back == {"</script>": ["<!--", "\u2028\u2029", "a & b", "Infinity", "NaN", "?"]}


def test_labels_of_figures_are_no_markup() -> None:
    assert label("<b>a</b> & $x$\x1b\u202e") == "&lt;b&gt;a&lt;/b&gt; &amp; &#36;x&#36;"
    assert label("a" * 50 + "b" * 50, 30) == "a" * 20 + "…" + "b" * 9


def test_an_empty_run(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run").create()
    assert "none has ended yet" in Page(render_report(run.path)).text


def test_a_run_of_skipped_cells(tmp_path: Path) -> None:
    run = write_synthetic_run(
        tmp_path / "run", edit=lambda row: row | {"status": "skipped", "error": "no", "fd": None}
    )
    found = gather(run.path)
    assert found.figures == [] or all(f.anchor.startswith("heat") for f in found.figures)
    assert (found.cells.count, found.trials.count) == (4, 8)
    assert "8 skipped" in Page(render_report(run.path)).text


def test_a_run_in_progress(tmp_path: Path) -> None:
    run = write_synthetic_run(
        tmp_path / "run", table=False, edit=lambda row: None if row["seed"] else row
    )
    assert "4: 4 ok; 4 more to come" in Page(render_report(run.path)).text


def test_a_file_that_is_not_a_picture_is_left_out(tmp_path: Path) -> None:
    run = write_synthetic_run(tmp_path / "run", seeds=1, ticks=1)
    for trial in run.trials():
        trial.samples_png.write_text("<svg onload=alert(1)>")
        trial.progress_png.write_bytes(b"\x89PNG\r\n\x1a\n torn")
    page = Page(render_report(run.path))
    assert [image for image in page.all("img") if image.get("src")] == []
    assert page.text.count("is damaged and was left out: it is not a picture") == 8


def test_damaged_files_are_named(tmp_path: Path) -> None:
    run = write_synthetic_run(tmp_path / "run", ticks=1)
    trial = run.trial(run.trial_ids()[0])
    trial.history_csv.write_text("torn")
    assert "history.csv is damaged" in Page(render_report(run.path)).text


def test_no_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        render_report(tmp_path / "missing")


def test_a_missing_plotly_is_said_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError, match="pip install 'plotly>=6'"):
        plotly_source.__wrapped__()


def test_the_command_writes_beside_the_results(tmp_path: Path) -> None:
    run = write_synthetic_run(tmp_path / "run", seeds=1, ticks=1, losses=("x",))
    result = CliRunner().invoke(report_command, [str(run.path)])
    assert result.exit_code == 0, result.output
    assert (run.path / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")


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
