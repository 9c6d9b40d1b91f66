"""The public names: grouped, documented, quick to import, and shipped with their types."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import ganbench as gb
from ganbench.cli.api_doc import api_document, groups

ROOT = Path(__file__).parents[1]
#: Names that documents and plugins have used since the first version.
DOCUMENTED = """
components get DataSpec run load_results load_history frechet_distance prdc stability compare rank
measure evaluate kernel_distance mixture_statistics nearest_neighbours Grid RunResult MeasureResult
Architecture Loss Dataset Regularizer Augmentation Extractor Metric Callback Component Column Measured
FeatureSet hookimpl option Networks Critique View Translation ImageData Features FeatureNetwork Level
ExtractorContext Modes Progress PER_SAMPLE_CRITIC MINIBATCH_STATISTICS CRITIC_FEATURES CRITIC_CLASSES
STYLES ComponentInfo ImageError check_image_bytes decode_image read_image_file DataNotFoundError
GanbenchError UsageError MomentAccumulator Moments feature_matrix __version__
plot report Figure sample export Exported load_generator Trained
"""


def test_the_documented_names_are_there():
    assert [name for name in DOCUMENTED.split() if not hasattr(gb, name)] == []


def test_flat_names_are_those_of_the_groups():
    assert gb.load_results is gb.results.load
    assert gb.load_history is gb.results.history
    assert gb.nearest_neighbours is gb.metrics.nearest_neighbors
    for group in (gb.results, gb.metrics):
        for name in set(group.__all__) & set(gb.__all__):
            assert getattr(gb, name) is getattr(group, name)


def test_the_api_document_is_current():
    assert (ROOT / "docs" / "api.md").read_text(encoding="utf-8") == api_document(), (
        "run: python -m ganbench.cli.api_doc > docs/api.md"
    )


def test_the_api_document_names_every_public_name():
    documented = {name for group in groups() for name in group.names}
    namespaces = {"metrics", "results", "testing"}
    assert documented <= {
        *gb.__all__,
        *(f"{n}.{x}" for n in namespaces for x in vars(gb)[n].__all__),
    }
    flat = {getattr(gb, name) for name in ("load_results", "load_history", "nearest_neighbours")}
    flat |= {getattr(gb.results, name) for name in gb.results.__all__}
    flat |= {getattr(gb.metrics, name) for name in gb.metrics.__all__}
    missing = set(gb.__all__) - documented - namespaces
    assert {name for name in missing if getattr(gb, name) not in flat} == set()


def test_the_function_components_survives_the_import_of_its_package():
    import ganbench.components.loss  # noqa: F401

    assert "dcgan" in gb.components("architecture")


def test_contracts_and_results_load_no_torch():
    script = (
        "import sys, ganbench as gb\nassert not {'torch', 'pandas', 'numpy'} & set(sys.modules)\n"
        "from ganbench import Architecture, Column, DataSpec, Loss, Metric, hookimpl, option\n"
        "assert not {'torch', 'pandas'} & set(sys.modules)\n"
        "gb.results.load, gb.load_results\nassert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="load_result"):
        gb.load_result  # noqa: B018


def test_the_wheel_ships_the_stub(tmp_path):
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as files:
        assert {"ganbench/__init__.pyi", "ganbench/py.typed"} <= set(files.namelist())
        metadata = next(n for n in files.namelist() if n.endswith("METADATA"))
        assert re.search(rb"^Requires-Dist: lazy-loader", files.read(metadata), re.MULTILINE)


def test_the_function_report_survives_the_import_of_its_package():
    script = (
        "import ganbench.report.html, ganbench as gb\nassert callable(gb.report)\n"
        "import ganbench.report.palette\nassert callable(gb.report)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
