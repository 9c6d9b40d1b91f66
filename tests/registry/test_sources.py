"""What a component's code is: the files that define it, of its own distribution, found by reading."""

from __future__ import annotations

import importlib
import json
import py_compile
import sys
import textwrap
import zipfile
from pathlib import Path

import pytest

import ganbench as gb
from ganbench.registry.sources import UNKNOWN, changed_sources, source_digest

LOSS = """
from ganbench import Loss
class Mine(Loss):
    def discriminator(self, real, fake): return fake.mean() - real.mean()
    def generator(self, real, fake): return -fake.mean()
"""


FIRST = "from . import used_first\n"


class Place:
    """A folder on the import path with modules that may be edited."""

    def __init__(self, folder):
        self.folder = folder

    def write(self, name, text=""):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))

    def distribution(self, name, *, record=(), editable=None, modules=()):
        info = self.folder / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        points = "".join(f"{module} = {module}\n" for module in modules)
        (info / "entry_points.txt").write_text(f"[ganbench]\n{points}")
        if record:
            (info / "RECORD").write_text("".join(f"{path},,\n" for path in record))
        if editable:
            url = {"url": editable.as_uri(), "dir_info": {"editable": True}}
            (info / "direct_url.json").write_text(json.dumps(url))

    def digest(self, module="mine_pkg.losses", distribution="mine", edits=()):
        """The digest of the class in a module, which is imported once; files are edited before."""
        for name, text in dict(edits).items():
            self.write(name, text)
        importlib.invalidate_caches()
        return source_digest(importlib.import_module(module).Mine, distribution)


@pytest.fixture
def place(tmp_path, monkeypatch):
    folder = tmp_path / "place"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    before = set(sys.modules)
    yield Place(folder)
    for name in set(sys.modules) - before:
        if name.startswith(("mine", "other", "spaced")):
            del sys.modules[name]


@pytest.fixture
def package(place):
    """A package whose loss uses, directly or not, everything that is called `used…`."""
    place.write("mine_pkg/__init__.py", "from mine_pkg.registered import hook")
    place.write("mine_pkg/registered.py", "hook = 1")
    place.write(
        "mine_pkg/losses.py", LOSS + "from . import used_first\nimport mine_pkg.deep.used_second\n"
    )
    place.write(
        "mine_pkg/used_first.py", "from .deep import used_third as name\nimport json, torch\n"
    )
    place.write("mine_pkg/deep/__init__.py", "from .used_fourth import constant")
    place.write(
        "mine_pkg/deep/used_second.py", "def f():\n    from mine_pkg.deep import constant\n"
    )
    place.write("mine_pkg/deep/used_third.py", "import mine_top_used")
    place.write("mine_pkg/deep/used_fourth.py", "constant = 1")
    place.write("mine_pkg/typing_only.py", "")
    place.write("mine_pkg/unused.py", "")
    place.write(
        "mine_top_used.py",
        "try:\n    import other_pkg.helper\nexcept ImportError:\n    pass\n"
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import mine_pkg.typing_only\n",
    )
    place.write("other_pkg/__init__.py")
    place.write("other_pkg/helper.py")
    return place


USED = ("mine_pkg/losses.py", "mine_pkg/used_first.py", "mine_pkg/deep/used_second.py",
        "mine_pkg/deep/used_third.py", "mine_pkg/deep/used_fourth.py", "mine_pkg/deep/__init__.py",
        "mine_top_used.py")  # fmt: skip
NOT_USED = ("mine_pkg/unused.py", "mine_pkg/typing_only.py", "mine_pkg/registered.py",
            "mine_pkg/__init__.py", "other_pkg/helper.py")  # fmt: skip


def install(place, way):
    ours = [*USED, *(name for name in NOT_USED if name.startswith("mine"))]
    match way:
        case "wheel":
            place.distribution("mine", record=ours)
            place.distribution("other", record=["other_pkg/__init__.py", "other_pkg/helper.py"])
        case "editable":
            project = place.folder / "project"
            for name in ("mine_pkg", "mine_top_used.py"):
                project.mkdir(exist_ok=True)
                (place.folder / name).rename(project / name)
            sys.path.insert(1, str(project))
            place.distribution("mine", editable=project)
            return project
        case "beside each other, with nothing recorded":
            place.distribution("mine", modules=["mine_pkg"])
            place.distribution("other", modules=["other_pkg"])
    return place.folder


WAYS = ["wheel", "editable", "beside each other, with nothing recorded"]


@pytest.mark.parametrize("way", WAYS)
def test_files_that_the_component_uses_count_and_no_others(package, way, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    home = install(package, way)
    importlib.invalidate_caches()
    first = package.digest()
    assert first != UNKNOWN
    assert package.digest() == first
    for name in NOT_USED:
        root = package.folder if name.startswith("other") else home
        (root / name).write_text((root / name).read_text() + "# edited\n")
        assert package.digest() == first, name
    seen = {first}
    for name in USED:
        (home / name).write_text((home / name).read_text() + "# edited\n")
        found = package.digest()
        assert found not in seen, name
        seen.add(found)


def test_the_digest_does_not_depend_on_the_place(package, tmp_path, monkeypatch):
    first = package.digest()
    moved = tmp_path / "moved"
    package.folder.rename(moved)
    monkeypatch.syspath_prepend(str(moved))
    for name in [name for name in sys.modules if name.startswith(("mine", "other"))]:
        del sys.modules[name]
    assert package.digest() == first


def test_the_digest_does_not_depend_on_the_working_directory(package, tmp_path, monkeypatch):
    editable = package.digest()
    monkeypatch.chdir(package.folder)
    assert package.digest() == editable
    cls = gb.components("loss")["hinge"].cls
    elsewhere = source_digest(cls, "ganbench")
    monkeypatch.chdir(Path(gb.__file__).parents[1])  # the project of an editable installation
    assert source_digest(cls, "ganbench") == elsewhere


def test_nothing_is_imported_to_find_it(package):
    package.write("mine_pkg/deep/used_third.py", "raise SystemExit('imported')\n")
    package.write("mine_pkg/used_first.py", "def f():\n    from .deep import used_third\n")
    before = package.digest()
    assert "mine_pkg.deep.used_third" not in sys.modules
    assert package.digest(edits={"mine_pkg/deep/used_third.py": "1 / 0\n"}) != before


def test_a_module_of_one_file_and_a_base_class_beside_it(place):
    place.write("mine_base.py", LOSS.replace("Mine", "Base"))
    place.write("mine_one.py", "import mine_base as b\nclass Mine(b.Base):\n    pass\n")
    first = place.digest("mine_one")
    assert place.digest("mine_one", edits={"mine_base.py": LOSS + "# edited"}) != first
    assert place.digest("mine_one", edits={"mine_broken.py": "def"}) != first


def test_a_namespace_package(place):
    place.write("spaced/mine_part/losses.py", LOSS + "from spaced.mine_part.inner import helper\n")
    place.write("spaced/mine_part/inner/helper.py")
    first = place.digest("spaced.mine_part.losses")
    edits = {"spaced/mine_part/inner/helper.py": "# edited"}
    assert UNKNOWN != first != place.digest("spaced.mine_part.losses", edits=edits)


def test_in_a_shared_folder_with_nothing_recorded_its_package_counts(tmp_path, monkeypatch):
    shared = Place(tmp_path / "site-packages")
    shared.write("mine_pkg/losses.py", LOSS + "import mine_pkg.helper, other_pkg.helper\n")
    shared.write("mine_pkg/helper.py")
    shared.write("other_pkg/helper.py")
    monkeypatch.syspath_prepend(str(shared.folder))
    first = shared.digest(distribution="nobody")
    assert shared.digest(distribution="nobody", edits={"other_pkg/helper.py": "# x"}) == first
    assert shared.digest(distribution="nobody", edits={"mine_pkg/helper.py": "# x"}) != first
    for name in [name for name in sys.modules if name.startswith(("mine", "other"))]:
        del sys.modules[name]


@pytest.mark.parametrize("linked", ["mine_linked.py", "mine_folder"])
def test_a_link_to_files_elsewhere_hides_no_edit(place, tmp_path, linked):
    away = tmp_path / "away"
    for name in ("mine_linked.py", "mine_folder/losses.py"):
        (away / name).parent.mkdir(parents=True, exist_ok=True)
        (away / name).write_text(LOSS)
    (away / "mine_folder/__init__.py").touch()
    (place.folder / linked).symlink_to(away / linked)
    place.distribution("mine", modules=["mine_linked"])
    module = "mine_linked" if linked.endswith(".py") else "mine_folder.losses"
    first = place.digest(module)
    assert first != UNKNOWN
    target = away / (linked if linked.endswith(".py") else "mine_folder/losses.py")
    target.write_text(LOSS + "# edited\n")
    assert place.digest(module) not in (first, UNKNOWN)


def test_an_archive_has_sources_too(tmp_path, monkeypatch):
    digests = []
    for number, helper in enumerate(("x = 1", "x = 2")):
        path = tmp_path / f"archive{number}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("mine_zipped/__init__.py", "")
            archive.writestr("mine_zipped/losses.py", LOSS + "from mine_zipped import helper\n")
            archive.writestr("mine_zipped/helper.py", helper)
        with monkeypatch.context() as patch:
            patch.syspath_prepend(str(path))
            module = importlib.import_module("mine_zipped.losses")
            digests.append(source_digest(module.Mine, "mine"))
        for name in [name for name in sys.modules if name.startswith("mine")]:
            del sys.modules[name]
    assert UNKNOWN not in digests
    assert digests[0] != digests[1]


def test_what_has_no_source_is_unknown(place, monkeypatch):
    place.write("mine_compiled.py", LOSS)
    source = place.folder / "mine_compiled.py"
    py_compile.compile(str(source), cfile=str(source) + "c")
    source.unlink()
    assert place.digest("mine_compiled") == UNKNOWN

    class Local(gb.Loss):
        pass

    Local.__module__ = "no_such_module"
    assert source_digest(Local, "mine") == UNKNOWN
    place.write(
        "mine_source.py", LOSS + "try:\n    import mine_compiled\nexcept ImportError: pass\n"
    )
    assert place.digest("mine_source") != UNKNOWN


def test_import_hooks_and_metadata_that_raise_make_it_unknown(place, monkeypatch):
    place.write("mine_pkg/losses.py", LOSS + "def f():\n    import mine_pkg.helper\n")
    place.digest()

    class Hook:
        def find_spec(self, *_):
            raise RuntimeError

    monkeypatch.setattr(sys, "meta_path", [Hook(), *sys.meta_path])
    assert place.digest() == UNKNOWN


def test_what_is_unknown_counts_as_equal():
    now = {"a": "1", "b": "2", "c": UNKNOWN}
    assert changed_sources({"a": "1", "b": "2", "c": "3"}, now) == []
    assert changed_sources({"a": "0", "b": UNKNOWN, "z": "1"}, now) == ["a"]
    assert changed_sources(None, now) == changed_sources({}, now) == []
    assert changed_sources("damaged", now) == []
    assert changed_sources({"b": 3, "a": None}, now) == ["a", "b"]


def test_digests_of_two_editions_of_what_ganbench_ships_do_not_compare():
    digest = gb.components("loss")["hinge"].source
    assert changed_sources({"loss": "0" * 16 + digest[16:]}, {"loss": digest}) == ["loss"]
    assert changed_sources({"loss": "0" * 16}, {"loss": digest}) == []


def test_built_in_components_are_known_by_their_files():
    for kind in ("architecture", "loss", "dataset", "extractor", "regularizer", "augmentation"):
        for info in gb.components(kind).values():
            assert info.source != UNKNOWN, info.name
    assert not gb.components("loss")["hinge"].edited
