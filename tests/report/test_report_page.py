"""The report in a browser: no error, nothing fetched, and all that a person can do with it."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_up_runs import Row, write_synthetic_run
from PIL import Image

from ganbench.present.results_view import exact
from ganbench.report.html import render_report
from ganbench.store.frames import load_results
from ganbench.store.run_folder import RunFolder

NAMES = {
    "script": "<script>window.hacked = 1</script>",
    "ends": "a\"b'c</script><b>bold</b>",
    "long": "x" * 300,
    "reordered": "left\u202eright",
    "picture": "\N{PARTY POPPER} é",
    "link": "<a href='javascript:window.hacked = 1'>link</a> $x^2$ %{y}",
}

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def written(reported_run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report as a file."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render_report(reported_run.path), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def opened(browser: Any) -> Iterator[Open]:
    """Opens a file in a tab of its own; at the end nothing may have gone wrong in any of them."""
    wrong: list[str] = []
    contexts = []

    def go(path: Path, width: int = 1280, **options: Any) -> Any:
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: wrong.extend(_outside(request.url, path)))
        page.goto(path.as_uri())
        return page

    yield go
    for context in contexts:
        context.close()
    assert wrong == []


def _outside(url: str, path: Path) -> list[str]:
    known = url.partition("#")[0] == path.as_uri() or url.startswith(("data:", "blob:"))
    return [] if known else [f"request of {url}"]


@pytest.fixture(scope="module")
def shared(opened: Open, written: Path) -> Any:
    """One tab for tests that leave it as they found it."""
    return opened(written)


def rows(page: Any, table: str) -> list[list[str]]:
    """The texts of a table's rows that are shown."""
    found = page.eval_on_selector_all(
        f"[data-table={table}] tbody tr:not([hidden])",
        "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))",
    )
    assert isinstance(found, list)
    return found


def column(page: Any, table: str, name: str) -> list[str]:
    """The texts of one column."""
    heads = page.locator(f"[data-table={table}] th").all_text_contents()
    at = next(n for n, head in enumerate(heads) if head.split("\u00a0")[0] == name)
    return [row[at] for row in rows(page, table)]


class TestTables:
    @pytest.fixture(autouse=True)
    def reset(self, shared: Any) -> Iterator[None]:
        yield
        for button in shared.locator(".reset").all():
            button.click()

    def test_numbers_sort_as_numbers_with_what_is_missing_last(self, shared: Any) -> None:
        head = shared.locator("[data-table=trials] th", has_text=re.compile(r"^fd\s↓$"))
        head.locator("button").click()
        up = column(shared, "trials", "fd")
        assert head.get_attribute("aria-sort") == "ascending"
        head.locator("button").click()
        down = column(shared, "trials", "fd")
        assert head.get_attribute("aria-sort") == "descending"
        numbers = [float(text) for text in up if text != "–"]
        assert numbers == sorted(numbers)
        assert len(numbers) == 10
        assert up[-6:] == down[-6:] == ["–"] * 6
        assert down[:10] == up[:10][::-1]

    def test_the_keyboard_sorts_too(self, shared: Any) -> None:
        shared.locator("[data-table=trials] th button", has_text="architecture").focus()
        shared.keyboard.press("Tab")
        shared.keyboard.press("Enter")
        losses = column(shared, "trials", "loss")
        assert losses == sorted(losses)
        status = shared.locator("[data-table=trials] [role=status]").text_content()
        assert status == "16 of 16 trials, sorted by loss, ascending"

    def test_a_search_and_choices_narrow_it(self, shared: Any) -> None:
        shared.locator("[data-table=trials] input[type=search]").fill("MLP digits")
        assert {tuple(row[:3]) for row in rows(shared, "trials")} == {
            ("mlp", "non-saturating", "digits"),
            ("mlp", "wgan-gp", "digits"),
        }
        shared.locator("[data-table=trials] select[data-column=loss]").select_option("wgan-gp")
        assert column(shared, "trials", "outcome") == ["skipped"] * 2
        status = shared.locator("[data-table=trials] [role=status]").text_content()
        assert status == "2 of 16 trials"
        shared.locator("[data-table=trials] .reset").click()
        assert len(rows(shared, "trials")) == 16

    def test_cells_can_be_chosen_by_what_became_of_their_trials(self, shared: Any) -> None:
        shared.locator("[data-table=cells] select[data-column=verdicts]").select_option("error")
        assert {row[1] for row in rows(shared, "cells")} == {"wgan-gp"}

    def test_columns_are_a_matter_of_choice(self, shared: Any) -> None:
        table = shared.locator("[data-table=trials]")
        table.locator(".chooser summary").click()
        table.locator(".panel button", has_text="Stability").click()
        heads = table.locator("th").all_text_contents()
        assert {"fd\u00a0drift\u00a0↓", "fd drift\u00a0↓"} & {*heads}
        assert "d auc" in heads
        table.locator(".panel input[value=d_auc]").uncheck()
        assert "d auc" not in table.locator("th").all_text_contents()
        table.locator(".panel button", has_text="All").click()
        assert table.locator("th").count() > 50
        assert len(rows(shared, "trials")[0]) == table.locator("th").count()
        shared.keyboard.press("Escape")
        assert not table.locator(".panel").is_visible()

    def test_csv_holds_what_the_frame_holds(self, shared: Any, reported_run: RunFolder) -> None:
        with shared.expect_download() as download:
            shared.locator("[data-table=trials] .csv").click()
        assert download.value.suggested_filename == "trials.csv"
        found = pd.read_csv(download.value.path())
        expected = pd.read_csv(
            io.StringIO(exact(load_results(reported_run.path)).to_csv(index=False))
        )
        pd.testing.assert_frame_equal(
            found.set_index("trial").sort_index(),
            expected.set_index("trial").sort_index(),
            check_exact=True,
        )

    def test_csv_holds_the_rows_that_are_shown(self, shared: Any) -> None:
        shared.locator("[data-table=cells] select[data-column=dataset]").select_option("mnist")
        with shared.expect_download() as download:
            shared.locator("[data-table=cells] .csv").click()
        found = pd.read_csv(download.value.path())
        assert [*found["dataset"]] == ["mnist"] * 4
        assert found["reason"].notna().sum() == 1


class TestFigures:
    def test_they_are_drawn_when_they_come_into_sight(self, opened: Open, written: Path) -> None:
        page = opened(written)
        assert page.locator("#stability-2 .main-svg").count() == 0
        page.locator("#stability-2").scroll_into_view_if_needed()
        page.wait_for_selector("#stability-2 .main-svg")

    def test_all_have_files_to_take_away(self, shared: Any) -> None:
        figures = shared.locator("[data-figure]").all()
        assert len(figures) >= 8
        for figure in figures:
            kinds = [b.text_content() for b in figure.locator("[data-save]").all()]
            assert kinds == ["PNG", "SVG", "CSV"]

    @pytest.mark.parametrize("anchor", ["curves-1", "heat-map-1"])
    def test_files_are_what_they_say(self, shared: Any, anchor: str) -> None:
        found = {}
        for kind in ("png", "svg", "csv"):
            with shared.expect_download() as download:
                shared.locator(f"#{anchor} [data-save={kind}]").click()
            assert download.value.suggested_filename == f"{anchor}.{kind}"
            found[kind] = Path(download.value.path())
        with Image.open(found["png"]) as image:
            assert image.format == "PNG"
            assert image.width >= 1800
            assert len(image.convert("RGB").getcolors(1 << 24) or ()) > 20
        svg = found["svg"].read_text(encoding="utf-8")
        assert svg.startswith("<svg")
        assert "digits" in svg
        assert len(pd.read_csv(found["csv"])) >= 4

    def test_a_click_on_a_name_hides_its_cell(self, shared: Any) -> None:
        name = shared.locator("#curves-1 .legend button").first
        shared.locator("#curves-1").scroll_into_view_if_needed()
        lines = shared.locator("#curves-1 .scatterlayer .trace")
        shared.wait_for_selector("#curves-1 .scatterlayer .trace")
        before = lines.count()
        name.press("Enter")
        assert name.get_attribute("aria-pressed") == "false"
        assert lines.count() < before
        name.click()
        assert lines.count() == before

    def test_views_and_scales_switch(self, shared: Any) -> None:
        shared.locator("#curves-1").scroll_into_view_if_needed()
        shared.wait_for_selector("#curves-1 .xtitle")
        shared.locator("#curves-1 button", has_text="Seconds").click()
        assert "second" in (shared.locator("#curves-1 .xtitle").text_content() or "")
        shared.locator("#curves-1 button", has_text="Linear").click()
        kind = "document.querySelector('#curves-1 .plot').layout.yaxis.type"
        assert shared.evaluate(kind) == "linear"
        shared.locator("#curves-1 button", has_text="Log").click()
        assert shared.evaluate(kind) == "log"
        shared.locator("#curves-1 button", has_text="Images").click()

    def test_their_numbers_stand_beneath_them(self, shared: Any) -> None:
        shared.locator("#heat-map-1 .data summary").press("Enter")
        cells = shared.locator("#heat-map-1 .data tbody tr")
        cells.first.wait_for()
        assert cells.count() == 4
        assert "no gradient of single samples" in " ".join(cells.all_text_contents())

    def test_they_follow_the_theme(self, opened: Open, written: Path) -> None:
        page = opened(written, color_scheme="light")
        page.locator("#curves-1").scroll_into_view_if_needed()
        page.wait_for_selector("#curves-1 .xtitle")
        look = """[getComputedStyle(document.body).backgroundColor,
            document.querySelector('#curves-1 .xtitle').style.fill]"""
        light = page.evaluate(look)
        assert page.locator("#theme").text_content() == "Dark theme"
        page.locator("#theme").press("Enter")
        dark = page.evaluate(look)
        assert light[0] != dark[0]
        assert light[1] != dark[1]
        page.emulate_media(color_scheme="dark")
        page.locator("#theme").click()
        assert page.evaluate(look) == light

    def test_print_has_them_all_on_white(self, opened: Open, written: Path) -> None:
        page = opened(written, color_scheme="dark")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        page.emulate_media(media="print")
        plots = page.locator(".plot").all()
        assert all(plot.locator(".main-svg").count() for plot in plots)
        widths = [plot.bounding_box()["width"] for plot in plots]
        assert all(width <= 1280 for width in widths)
        fill = page.evaluate("document.querySelector('#curves-1 .xtitle').style.fill")
        assert fill in ("rgb(27, 28, 31)", "#1b1c1f")
        assert not page.locator(".tools").first.is_visible()
        assert page.pdf(format="A4").startswith(b"%PDF")


class TestSamples:
    def test_a_slider_walks_all_trials_through_their_ticks(
        self, opened: Open, written: Path
    ) -> None:
        page = opened(written)
        page.emulate_media(reduced_motion="reduce")  # places are looked at, not the way to them
        frame = page.locator(".frame img").first
        assert not frame.is_visible()
        page.locator(".stepper button", has_text="Tick by tick").click()
        assert frame.is_visible()
        assert not page.locator("button.last").first.is_visible()
        notes = page.locator(".timeline .tick")
        assert all(note.startswith("tick 4 · 200,000 images") for note in notes.all_text_contents())
        page.locator(".stepper input").press("ArrowLeft")
        page.locator(".stepper .back").click()
        assert all(note.startswith("tick 2 · 100,000 images") for note in notes.all_text_contents())
        box, window = (page.locator(s).first.bounding_box() for s in (".frame img", ".frame"))
        assert window["y"] - box["y"] == pytest.approx(2 / 5 * box["height"], rel=0.05)

    def test_a_picture_can_be_enlarged_and_put_away(self, shared: Any) -> None:
        shared.locator("button.last").first.press("Enter")
        large = shared.locator("dialog img")
        assert large.is_visible()
        shared.keyboard.press("Escape")
        assert not large.is_visible()

    def test_trials_lead_to_their_samples(self, opened: Open, written: Path) -> None:
        page = opened(written)
        page.locator("[data-table=trials] .chooser summary").click()
        page.locator("[data-table=trials] .panel input[value=trial]").check()
        page.keyboard.press("Escape")
        link = page.locator("[data-table=trials] tbody a").first
        target = link.get_attribute("href")
        link.click()
        assert page.locator(str(target)).bounding_box()["y"] < 900


def test_a_phone_shows_it_without_moving_sideways(opened: Open, written: Path) -> None:
    page = opened(written, width=390, has_touch=True, is_mobile=True)
    for anchor in ("cells", "heat-maps", "curves", "speed", "trials", "samples"):
        page.locator(f"#{anchor}").scroll_into_view_if_needed()
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_the_first_stop_of_the_keyboard_leads_to_the_content(opened: Open, written: Path) -> None:
    page = opened(written)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").is_visible()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_hostile_names_are_shown_and_do_nothing(tmp_path: Path, opened: Open) -> None:
    names = [*NAMES.values()]
    run = write_synthetic_run(
        tmp_path / "run",
        architectures=names[:3],
        losses=names[3:],
        datasets=("d</script>",),
        ticks=2,
        pictures=True,
        edit=_failing,
    )
    path = tmp_path / "report.html"
    path.write_text(render_report(run.path), encoding="utf-8")
    page = opened(path)
    for plot in page.locator("[data-figure]").all():
        plot.scroll_into_view_if_needed()
        plot.locator(".main-svg").first.wait_for()
    assert page.evaluate("window.hacked") is None
    assert page.locator(".plot a").count() == 0
    assert page.locator(".plot tspan[style*=bold]").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") == 1280
    texts = page.locator("#heat-map-1 .plot").text_content()
    assert NAMES["script"] in texts
    assert "\u202e" not in page.content()
    cells = {text for row in rows(page, "cells") for text in row}
    assert {NAMES["script"], NAMES["ends"], NAMES["long"], NAMES["picture"]} <= cells
    page.locator("#curves-1 .data summary").click()
    page.locator("#curves-1 .data tbody tr").first.wait_for()
    assert NAMES["link"] in page.locator("#curves-1 .data").inner_text()
    with page.expect_download() as download:
        page.locator("[data-table=cells] .csv").click()
    assert {*pd.read_csv(download.value.path())["architecture"]} == {*names[:3]}


@pytest.mark.parametrize("kind", ["empty", "skipped", "begun"])
def test_runs_without_much_open_as_well(tmp_path: Path, opened: Open, kind: str) -> None:
    edits: dict[str, Callable[[Row], Row | None]] = {
        "skipped": lambda row: row | {"status": "skipped", "error": "cannot work", "fd": None},
        "begun": lambda row: None if row["seed"] or row["loss"] == "wgan-gp" else row,
    }
    if kind == "empty":
        run = RunFolder(tmp_path / "run").create()
    else:
        run = write_synthetic_run(tmp_path / "run", table=False, ticks=1, edit=edits[kind])
    path = tmp_path / "report.html"
    path.write_text(render_report(run.path), encoding="utf-8")
    page = opened(path)
    assert page.locator("h1").text_content() == "run"
    for plot in page.locator("[data-figure]").all():
        plot.scroll_into_view_if_needed()
        plot.locator(".main-svg").first.wait_for()


def test_a_narrow_log_axis_has_ticks_too(tmp_path: Path, opened: Open) -> None:
    """Between 120 and 180 no digit of a decade stands."""
    run = write_synthetic_run(tmp_path / "run", seeds=1, losses=["hinge"], architectures=["mlp"])
    (curve,) = run.path.glob("trials/*/history.csv")
    history = pd.read_csv(curve)
    history["fd"] = np.linspace(180, 120, len(history))
    history.to_csv(curve, index=False)
    curve.with_name("digests.json").unlink(missing_ok=True)
    path = tmp_path / "report.html"
    path.write_text(render_report(run.path), encoding="utf-8")
    page = opened(path)
    plot = page.locator("[data-figure^=curves]").first
    plot.scroll_into_view_if_needed()
    plot.locator(".main-svg").first.wait_for()
    ticks = plot.locator(".ytick text").all_text_contents()
    assert {"140", "160"} <= set(ticks)


@pytest.mark.slow
def test_three_hundred_trials_are_a_page_like_any_other(tmp_path: Path, opened: Open) -> None:
    run = write_synthetic_run(
        tmp_path / "run",
        architectures=[f"a{n}[width={n}]" for n in range(6)],
        losses=[f"l{n}" for n in range(5)],
        datasets=("digits", "mnist"),
        seeds=5,
        pictures=True,
    )
    path = tmp_path / "report.html"
    path.write_text(render_report(run.path), encoding="utf-8")
    assert path.stat().st_size < 30e6
    page = opened(path)
    assert len(rows(page, "trials")) == 300
    page.locator("[data-table=trials] th button").first.click()
    page.locator("[data-table=trials] input[type=search]").fill("a3")
    assert len(rows(page, "trials")) == 50


def _failing(row: Row) -> Row:
    if row["seed"] and row["loss"] == NAMES["link"]:
        return row | {"status": "error", "error": NAMES["script"], "fd": None}
    return row
