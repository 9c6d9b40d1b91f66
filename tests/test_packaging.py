"""The package page, the wheel's metadata and the documentation's site."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import zipfile
from email import message_from_bytes
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
ADDRESS = "https://example.org/owner/ganbench"
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def package_page() -> ModuleType:
    spec = importlib.util.spec_from_file_location("package_page", ROOT / "tools/package_page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def targets(text: str) -> list[str]:
    return re.findall(r"\]\(([^)]*)\)", text)


def test_no_link_of_the_package_page_needs_a_folder_beside_it(package_page):
    text = package_page.page(README, ADDRESS, ROOT)
    assert all(target.startswith(("https://", "#")) for target in targets(text))
    assert f"]({ADDRESS}/raw/main/docs/images/quick-samples.png)" in text
    assert f"]({ADDRESS}/blob/main/docs/results.md)" in text
    assert f"]({ADDRESS}/tree/main/plugins/example)" in text
    without = package_page.page(README, "", ROOT)
    assert all(target.startswith(("https://", "#")) for target in targets(without))
    assert "docs/images/quick-samples.png" in without  # says where the picture is


def test_urls_follow_the_address(package_page):
    assert package_page.urls("") == {}
    assert package_page.urls(ADDRESS)["Source"] == ADDRESS


@pytest.mark.slow
def test_a_wheel_carries_the_page_the_urls_and_the_documentation(tmp_path, monkeypatch):
    monkeypatch.setenv("GANBENCH_REPOSITORY", ADDRESS)
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = wheel.namelist()
        stored = next(name for name in names if name.endswith(".dist-info/METADATA"))
        metadata = message_from_bytes(wheel.read(stored))
    assert f"Source, {ADDRESS}" in metadata.get_all("Project-URL", [])
    assert metadata["Description-Content-Type"] == "text/markdown"
    pages = {Path(name).name for name in names if "/extra_metadata/docs/" in name}
    assert {path.name for path in (ROOT / "docs").glob("*.md")} <= pages


def build_site(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", str(folder), *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.slow
def test_the_site_has_every_page_and_no_broken_link(tmp_path):
    pytest.importorskip("material", reason="the extra `docs` is not installed")
    done = build_site(tmp_path)
    assert done.returncode == 0, done.stderr
    for path in (ROOT / "docs").glob("*.md"):
        assert (tmp_path / path.stem / "index.html").is_file() or path.name == "README.md"
    first = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "Is this GAN component really better?" in first
    assert "images/quick-samples.png" in first


@pytest.mark.slow
@pytest.mark.parametrize("link", ["[x](nowhere.md)", "[x](results.md#no-such-title)"])
def test_a_broken_link_or_anchor_fails_the_site(tmp_path, link):
    pytest.importorskip("material", reason="the extra `docs` is not installed")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/README.md").write_text(f"# First\n\n{link}\n")
    (tmp_path / "docs/results.md").write_text("# Results\n")
    own = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    checks = re.search(r"^validation:\n(?: .*\n)+", own, re.MULTILINE)
    assert checks is not None
    (tmp_path / "mkdocs.yml").write_text(f"site_name: x\n{checks[0]}")
    done = build_site(tmp_path / "site", "-f", str(tmp_path / "mkdocs.yml"))
    assert done.returncode == 1
    assert "warnings in strict mode" in done.stderr + done.stdout
