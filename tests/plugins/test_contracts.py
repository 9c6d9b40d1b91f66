"""Every component that ganbench ships keeps the contract that plugin authors test theirs against."""

from __future__ import annotations

import urllib.request
from pathlib import Path

import pytest
from PIL import Image

import ganbench as gb
from ganbench import DataSpec
from ganbench.base.paths import cache_root, data_root
from ganbench.testing import (
    ArchitectureTests,
    AugmentationTests,
    CallbackTests,
    DatasetTests,
    ExtractorTests,
    LossTests,
    OptimizerTests,
    RegularizerTests,
    ScheduleTests,
)
from ganbench_extractors.inception_weights import find_weights

SUITES = {
    "architecture": ArchitectureTests,
    "loss": LossTests,
    "dataset": DatasetTests,
    "regularizer": RegularizerTests,
    "augmentation": AugmentationTests,
    "extractor": ExtractorTests,
    "optimizer": OptimizerTests,
    "schedule": ScheduleTests,
    "callback": CallbackTests,
}

#: Components with the kit in a test file of their own, which stands beside this one.
ELSEWHERE = {
    "architecture": {
        "biggan": "test_biggan.py",
        "cyclegan": "test_cyclegan.py",
        "pix2pix": "test_pix2pix.py",
        "progan": "test_progan.py",
        "r3gan": "test_r3gan.py",
        "sagan": "test_sagan.py",
        "sngan": "test_sngan.py",
        "stylegan2": "test_stylegan2.py",
    },
    "loss": {"acgan": "test_acgan.py", "feature-matching": "test_feature_matching.py"},
    "dataset": dict.fromkeys(
        ("colorization", "edges", "paired-folder", "two-classes", "unpaired-folder"),
        "test_translation_data.py",
    ),
    "regularizer": {"orthogonal": "test_orthogonal.py"},
    "augmentation": {"ada": "test_ada.py", "diffaugment": "test_diffaugment.py"},
    "extractor": {"clip": "test_clip.py", "dinov2": "test_dinov2.py"},
}

#: Specs in place of the plain name: small ones, and one for each way in which a component differs.
#: Of what is in ELSEWHERE, those ways that its own file leaves to this one.
SPECS = {
    "cyclegan": ["cyclegan[blocks=1,fake_pool=0,identity=0.0,layers=1,width=4]"],
    "dcgan": [
        f"dcgan[latent_dim=4,width=4,g_norm={g},d_norm={d}]"
        for g, d in (
            *(("batch", "auto"), ("layer", "layer"), ("instance", "instance")),
            *(("none", "none"), ("batch", "spectral"), ("batch", "batch")),
        )
    ],
    "mlp": [
        "mlp[g_widths=[8],d_widths=[8]]",
        "mlp[g_widths=[8],d_widths=[8],g_norm=none,d_norm=layer,maxout=2]",
        "mlp[g_widths=[8],d_widths=[8],d_norm=spectral,activation=relu]",
    ],
    "stylegan2": [
        "stylegan2[channel_base=32,channel_max=4,conditional=true,latent_dim=4,mapping_layers=1,w_dim=4]"
    ],
    "lsgan": ["lsgan", "lsgan[a=-1.0,c=0.0]"],
    "minimax": ["minimax", "minimax[smoothing=0.1]"],
    "gradient-penalty": ["gradient-penalty", "gradient-penalty[one_sided=true,target=0.0]"],
    "path-length": ["path-length", "path-length[batch_shrink=1,every=1]"],
    "adamw": ["adamw[amsgrad=true,weight_decay=0.01]"],
    "sgd": ["sgd", "sgd[momentum=0.9,nesterov=true]"],
    "rmsprop": ["rmsprop[centered=true,momentum=0.5]"],
    "adagrad": ["adagrad[initial=0.1]"],
    "linear": ["linear", "linear[begin=0.5,final=0.1]"],
    "ring": ["ring[n=2000]"],
    "gaussian-grid": ["gaussian-grid[n=2000]"],
    "folder": ["folder[path=images,size=8,test_fraction=0.3]"],
    "small-cnn": ["small-cnn[steps=2,features=4]"],
}
#: Each architecture is tested on those that its task and its `problem` allow, of the small ones.
DATA = (
    DataSpec(2, 1, 1, kind="points"),
    DataSpec(1, 8, 8, classes=10),
    DataSpec(1, 28, 28),
    DataSpec(3, 32, 32, classes=3),
)
TRANSLATIONS = (
    DataSpec(3, 32, 32, source_channels=1, pairing="paired"),
    DataSpec(3, 16, 16, source_channels=3, pairing="unpaired"),
)


def specs(kind):
    """Specs of all components of a kind that belong to ganbench itself."""
    infos = gb.components(kind).values()
    names = [info.name for info in infos if info.provider == "ganbench"]
    assert names
    elsewhere = ELSEWHERE.get(kind, {})
    return [spec for name in names for spec in SPECS.get(name, [] if name in elsewhere else [name])]


def possible(component, data):
    """Those of the data that a design allows."""
    return [spec for spec in data if component.problem(spec) is None]


class TestArchitectures(ArchitectureTests):
    @pytest.fixture(autouse=True, params=specs("architecture"))
    def choose(self, request):
        self.component = gb.get("architecture", request.param)
        translates = self.component.task.endswith("translation")
        self.data = possible(self.component, TRANSLATIONS if translates else DATA)


class TestLosses(LossTests):
    @pytest.fixture(autouse=True, params=specs("loss"))
    def choose(self, request):
        self.component = gb.get("loss", request.param)


class TestRegularizers(RegularizerTests):
    @pytest.fixture(autouse=True, params=specs("regularizer"))
    def choose(self, request):
        self.component = gb.get("regularizer", request.param)


class TestAugmentations(AugmentationTests):
    @pytest.fixture(autouse=True, params=specs("augmentation"))
    def choose(self, request):
        self.component = gb.get("augmentation", request.param)


class TestOptimizers(OptimizerTests):
    @pytest.fixture(autouse=True, params=specs("optimizer"))
    def choose(self, request):
        self.component = gb.get("optimizer", request.param)


class TestSchedules(ScheduleTests):
    @pytest.fixture(autouse=True, params=specs("schedule"))
    def choose(self, request):
        self.component = gb.get("schedule", request.param)


class TestCallbacks(CallbackTests):
    @pytest.fixture(autouse=True, params=specs("callback"))
    def choose(self, request, monkeypatch):
        monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        monkeypatch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        self.component = gb.get("callback", request.param)


def check(suite, **attributes):
    """All tests of a suite as one, so that what is not at hand is left out once."""
    tests = type("Suite", (suite,), attributes)()
    for name in dir(tests):
        if name.startswith("test_"):
            getattr(tests, name)()


@pytest.mark.parametrize("spec", specs("dataset"))
def test_data_sets(spec, tmp_path, monkeypatch):
    """Nothing is downloaded: data that is not at hand is left out."""
    dataset = gb.get("dataset", spec)
    if spec.startswith("folder"):
        paint(tmp_path / "images")
        check(DatasetTests, component=dataset, root=tmp_path)
        return

    def unreachable(*arguments, **options):
        raise OSError("tests download nothing")

    monkeypatch.setattr(urllib.request, "urlopen", unreachable)
    try:
        dataset.load("train", data_root())
    except gb.DataNotFoundError:
        pytest.skip(f"{spec} is not in the data folder")
    check(DatasetTests, component=dataset)


def paint(folder):
    """Images of two classes."""
    for number in range(40):
        place = folder / ("dark" if number % 2 else "light")
        place.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (6 * number, 3, 5)).save(place / f"{number}.png")


@pytest.mark.parametrize("spec", specs("extractor"))
def test_extractors(spec):
    extractor = gb.get("extractor", spec)
    cache = None
    if spec == "inception-v3-compat":
        cache = cache_root()
        if find_weights(cache) is None:
            pytest.skip("the weights of inception-v3-compat are not at hand")
    check(ExtractorTests, component=extractor, data=possible(extractor, DATA), cache=cache)


@pytest.mark.parametrize("kind", ELSEWHERE)
def test_what_is_left_out_here_is_tested_in_its_own_file(kind):
    """The names are those of components, and the files run the kit."""
    assert ELSEWHERE[kind].keys() <= gb.components(kind).keys()
    for name, file in ELSEWHERE[kind].items():
        text = (Path(__file__).parent / file).read_text()
        assert f"({SUITES[kind].__name__})" in text, f"{file} does not run the kit on {name}"
