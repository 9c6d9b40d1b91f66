from __future__ import annotations

import functools
import io
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result
from made_up_runs import Row, write_synthetic_run
from PIL import Image

from ganbench.base.errors import UsageError
from ganbench.cli.plot import plot
from ganbench.report.matplotlib_renderer.style import drawing
from ganbench.report.matplotlib_renderer.text import Names, breadth, printable, wrapped
from ganbench.store.run_folder import RunFolder

Call = Callable[..., Result]
Drawn = Callable[[str, str], bytes]

KINDS = ("curves", "heatmap", "pareto", "profile", "samples")
HOSTILE = (r"evil$\frac{1}{0}$\alpha_{x}[q=%^~&#]", "中文[名=\x1b[31m<b>]", "x" * 120)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    path = tmp_path_factory.mktemp("plots") / "run"
    return write_synthetic_run(
        path, datasets=("digits", "mnist"), seeds=3, ticks=3, pictures=True, edit=_outcomes
    )


def _outcomes(row: Row) -> Row:
    if row["architecture"] == "mlp" and row["loss"] == "wgan-gp":
        return row | {"status": "skipped", "error": "cannot work", "fd": None, "extractor": None}
    if row["loss"] == "wgan-gp" and row["seed"] == 1:
        return row | {"status": "diverged", "error": "d_loss became non-finite"}
    return row


@pytest.fixture
def call(folder: RunFolder, tmp_path: Path) -> Call:
    def invoke(*args: str, path: Path = folder.path, out: str = "f.png") -> Result:
        return _invoke(path, tmp_path / out, *args)

    return invoke


@pytest.fixture(scope="module")
def drawn(folder: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    """The figure of a kind and a suffix, drawn once."""
    path = tmp_path_factory.mktemp("drawn")

    @functools.cache
    def draw(kind: str, suffix: str) -> bytes:
        target = path / f"{kind}.{suffix}"
        assert f"Wrote {target}" in _invoke(folder.path, target, "--kind", kind).stderr
        return target.read_bytes()

    return draw


def _invoke(path: Path, target: Path, *args: str) -> Result:
    result = CliRunner().invoke(plot, [str(path), "-o", str(target), "--dpi", "40", *args])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_in_every_format(drawn: Drawn, kind: str, suffix: str) -> None:
    content = drawn(kind, suffix)
    if suffix == "png":
        with Image.open(io.BytesIO(content)) as image:
            image.load()
            assert image.getextrema()[0] != (255, 255)
            assert not image.info.get("Software")
    elif suffix == "svg":
        root = ElementTree.fromstring(content)
        assert root.tag.endswith("}svg")
        assert b"dc:date" not in content
    else:
        assert content.startswith(b"%PDF-")
        assert b"/FontFile2" in content  # TrueType, embedded
        assert b"/Type3" not in content
        assert b"/CreationDate" not in content


@pytest.mark.parametrize(
    ("kind", "suffix"), [("curves", "pdf"), ("heatmap", "svg"), ("samples", "png")]
)
def test_the_same_run_gives_the_same_bytes(
    call: Call, drawn: Drawn, tmp_path: Path, kind: str, suffix: str
) -> None:
    call("--kind", kind, out=f"again.{suffix}")
    assert (tmp_path / f"again.{suffix}").read_bytes() == drawn(kind, suffix)


def test_the_size_is_as_asked_and_the_caption_can_stand_elsewhere(
    call: Call, tmp_path: Path
) -> None:
    size = ["--width", "5", "--height", "4", "--dpi", "50"]
    result = call("--kind", "curves", "--dataset", "digits", "--no-caption", *size)
    assert "Median of 3 seeds" in result.stderr
    with Image.open(tmp_path / "f.png") as image:
        assert image.size == (250, 200)


def test_timelines(call: Call, folder: RunFolder) -> None:
    trials = ",".join(folder.trial_ids()[:2])
    assert call("--kind", "samples", "--trials", trials, "--ticks").exit_code == 0
    with pytest.raises(UsageError, match=r"no frame of tick 9; it has 0, 1, 2, 3"):
        call("--kind", "samples", "--trials", trials, "--ticks", "0,9")


@pytest.mark.parametrize(
    "args",
    [
        ["--kind", "curves", "--over", "seconds", "--band", "range", "--linear"],
        ["--kind", "curves", "--metric", "d_loss", "--dataset", "digits"],
        ["--kind", "heatmap", "--metric", "precision", "--dataset", "mnist"],
        ["--kind", "pareto", "--speed", "generator_params", "--metric", "fd_best"],
        ["--kind", "profile", "--by", "architecture", "--metric", "precision"],
        ["--kind", "profile", "--target", "30", "--over", "seconds"],
    ],
)
def test_choices(call: Call, tmp_path: Path, args: list[str]) -> None:
    only = [] if "--dataset" in args else ["--dataset", "digits"]
    assert call(*args, *only).exit_code == 0
    assert (tmp_path / "f.png").stat().st_size > 0


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--kind", "curves", "--metric", "fdd"], "no metric 'fdd' in the histories; did you mean"),
        (["--kind", "heatmap", "--metric", "loss"], "'loss' in the results is not a metric"),
        (["--kind", "heatmap", "--metric", "fid"], "no trial that ended well has a value of 'fid'"),
        (
            ["--kind", "pareto", "--metric", "d_auc"],
            "a Pareto front of 'd_auc': its direction",
        ),
        (["--kind", "profile", "--by", "colour"], "cannot compare by 'colour'; known axes: arch"),
        (["--kind", "curves", "--by", "loss"], "--by is for --kind profile, not for curves"),
        (["--kind", "curves", "--ticks"], "--ticks is for --kind samples"),
        (["--kind", "profile", "--over", "seconds"], "--over is for profiles of the time to"),
        (["--kind", "profile", "--target", "nan"], "--target nan: expected a finite number"),
        (["--kind", "samples", "--log"], "--log and --linear are for --kind curves"),
        (["--kind", "samples", "--ticks", "a"], "expected numbers of ticks"),
        (["--kind", "samples", "--trials", "nobody"], "nobody"),
        (["--kind", "heatmap", "--dataset", "digit"], "no data set 'digit'.*did you mean 'digits'"),
        (["--kind", "curves", "--metric", "d_loss", "--height", "0.6"], "leaves no room"),
        (["--kind", "curves", "--metric", "cs_mean", "--dataset", "x"], "no data set 'x'"),
    ],
)
def test_wrong_use_is_told_and_writes_nothing(
    call: Call, tmp_path: Path, args: list[str], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        call(*args)
    assert not (tmp_path / "f.png").exists()


def test_another_suffix(call: Call) -> None:
    with pytest.raises(UsageError, match=r"must end in \.png, \.pdf or \.svg"):
        call("--kind", "curves", out="f.jpg")
    with pytest.raises(UsageError, match="does not exist"):
        call("--kind", "curves", out="nowhere/f.png")


class TestNothingToDraw:
    def test_no_ended_trial(self, call: Call, tmp_path: Path) -> None:
        run = write_synthetic_run(tmp_path / "run", ticks=1, edit=lambda row: None)
        for kind in KINDS:
            with pytest.raises(UsageError, match="has ended yet"):
                call("--kind", kind, path=run.path)

    def test_no_trial_ran_alone(self, call: Call, tmp_path: Path) -> None:
        run = write_synthetic_run(
            tmp_path / "run", ticks=1, edit=lambda row: row | {"exclusive": False}
        )
        with pytest.raises(UsageError, match="no trial had its device to itself"):
            call("--kind", "pareto", path=run.path)
        assert call("--kind", "pareto", "--speed", "train_seconds", path=run.path).exit_code == 0
        with pytest.raises(UsageError, match=r"samples\.png"):
            call("--kind", "samples", path=run.path)

    def test_one_tick(self, call: Call, tmp_path: Path) -> None:
        run = write_synthetic_run(tmp_path / "run", seeds=1, ticks=1)
        for trial in run.trials():
            text = trial.history_csv.read_text().splitlines(keepends=True)
            trial.history_csv.write_text("".join(text[:2]))
            trial.digests_json.unlink(missing_ok=True)
        with pytest.raises(UsageError, match="only one tick"):
            call("--kind", "curves", path=run.path)


@pytest.mark.parametrize("kind", ["curves", "heatmap", "samples"])
def test_names_are_text_and_never_markup(call: Call, hostile: RunFolder, kind: str) -> None:
    assert call("--kind", kind, path=hostile.path).exit_code == 0


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    path = tmp_path_factory.mktemp("hostile") / "run"
    return write_synthetic_run(
        path, architectures=HOSTILE[:1], losses=HOSTILE, datasets=("d$_$[" + "y," * 60 + "]",),
        seeds=1, ticks=2, pictures=True,
    )  # fmt: skip


class TestText:
    @pytest.mark.parametrize(
        "text", [*HOSTILE, "dcgan[width=32] × r1[gamma=0.1,every=16]", " a  b "]
    )
    @pytest.mark.parametrize("inches", [0.3, 1.0, 3.0])
    def test_breaking_loses_nothing_and_fits(self, text: str, inches: float) -> None:
        with drawing():
            lines = wrapped(text, inches, 8)
            assert _dense(lines) == _dense(printable(text))
            assert breadth(lines, 8) <= inches

    def test_lines_break_at_spaces_before_brackets(self) -> None:
        with drawing():
            assert wrapped("dcgan[width=32] × hinge", 1.1, 8) == "dcgan[width=32] ×\nhinge"
            assert wrapped("dcgan[width=32,depth=4]", 1.1, 8) == "dcgan[width=32,\ndepth=4]"

    def test_what_the_font_lacks_is_spelt_out(self) -> None:
        with drawing():
            assert printable("中a↓×") == "\\u4e2da↓×"

    def test_a_cut_name_stands_in_the_notes(self) -> None:
        names = Names()
        assert names.short("hinge") == "hinge"
        assert names.short("y" * 120) == names.short("y" * 120) == "y" * 40 + "… [1]"
        assert names.notes() == ["[1] " + "y" * 120 + "."]


def test_a_person_s_own_settings_change_nothing(call: Call, drawn: Drawn, tmp_path: Path) -> None:
    import matplotlib as mpl

    with mpl.rc_context({"font.size": 30, "axes.grid": True, "svg.fonttype": "none"}):
        call("--kind", "profile", out="b.svg")
        assert mpl.rcParams["font.size"] == 30
    assert (tmp_path / "b.svg").read_bytes() == drawn("profile", "svg")


def test_the_command_imports_no_drawing_library() -> None:
    heavy = "{'matplotlib', 'pandas', 'torch'}"
    code = f"import sys, ganbench.cli.plot; sys.exit(bool({heavy} & {{*sys.modules}}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_drawing_does_without_torch() -> None:
    code = "import sys, ganbench.report.plot_request; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def _dense(text: str) -> str:
    return re.sub(r"\s+", "", text)
