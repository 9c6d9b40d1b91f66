"""Files that travel between a run folder and machines that do not see it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ganbench.base.errors import StorageError
from ganbench.execution.ray import transfer
from ganbench.execution.ray.scratch import scratch_folder
from ganbench.execution.ray.transfer import ChangedFiles, UrlStore, pack, trial_files, unpack


def write(folder, **contents):
    for name, text in contents.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def content(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


@pytest.fixture(params=[False, True], ids=["bytes", "url"])
def store(request, tmp_path):
    return UrlStore(f"file://{tmp_path}/store") if request.param else None


@pytest.fixture
def here(tmp_path):
    return make(tmp_path / "here")


@pytest.fixture
def there(tmp_path):
    return make(tmp_path / "there")


def make(folder):
    folder.mkdir()
    return folder


def test_what_a_trial_makes_elsewhere_arrives_and_what_it_removes_goes(
    here, there, store, monkeypatch
):
    monkeypatch.setattr(transfer, "_EVERY", 0)
    monkeypatch.setattr(transfer, "_SHARE", 0)
    write(here, trial_json="{}", checkpoint__1_json="old", checkpoint__1_safetensors="old")
    write(here, log_txt="before\n", attempts_jsonl="{}")
    unpack(there, pack(trial_files(here), store), (), store)
    assert content(there).keys() == content(here).keys() - {"log.txt", "attempts.jsonl"}

    changed = ChangedFiles(there, store)
    write(there, checkpoint__2_json="new", checkpoint__2_safetensors="new", log_txt="more\n")
    write(there, row_json="{}", digests_json="{}")
    (there / ".half-written.tmp").write_text("")
    for name in ("json", "safetensors"):
        (there / f"checkpoint/1.{name}").unlink()
    (event,) = changed.look(final=False)
    assert list(event["files"]) == ["log.txt", "checkpoint/2.safetensors", "checkpoint/2.json"]
    unpack(here, event["files"], event["removed"], store)
    assert changed.look(final=False) == []

    with (there / "log.txt").open("a") as log:
        log.write("last\n")
    (event,) = changed.look(final=True)
    assert list(event["files"]) == ["log.txt", "digests.json", "row.json"]
    unpack(here, event["files"], event["removed"], store)
    assert (here / "log.txt").read_text() == "before\nmore\nlast\n"
    kept = {"attempts.jsonl", "log.txt"}
    assert content(here).keys() - kept == content(there).keys() - {".half-written.tmp", "log.txt"}


@pytest.mark.parametrize(
    "name",
    ["../row.json", "/etc/passwd", "claim-000001.json", "attempts.jsonl", "checkpoint/../../x"],
)
def test_nothing_is_written_where_a_trial_has_no_business(here, name):
    for files, removed in [({name: b""}, []), ({}, [name])]:
        with pytest.raises(ValueError, match="not a file of a trial"):
            unpack(here, files, removed, None)


def test_what_was_damaged_on_its_way_is_not_written(here, tmp_path):
    store = UrlStore(f"file://{tmp_path}/store")
    files = pack([("history.csv", b"sent")], store)
    (tmp_path / "store" / files["history.csv"]).write_bytes(b"arrived")
    with pytest.raises(StorageError, match=r"damaged on its way"):
        unpack(here, files, [], store)
    assert content(here) == {}


def test_a_store_gives_back_what_it_was_given_once(tmp_path):
    store = UrlStore(f"file://{tmp_path}/deep/store/")
    store.check()
    key = store.put(b"some bytes")
    assert UrlStore(f"file://{tmp_path}/deep/store").take(key) == b"some bytes"
    assert not list((tmp_path / "deep" / "store").iterdir())
    with pytest.raises(StorageError, match=r"the store file://.* cannot be read"):
        store.take(key)
    store.put(b"left behind")
    store.clear()
    assert not list((tmp_path / "deep").iterdir())


def test_a_store_that_cannot_be_is_one_sentence():
    with pytest.raises(StorageError, match=r"the store nonsense://x/y cannot be used: .*nonsense"):
        UrlStore("nonsense://x/y")


def test_scratch_goes_with_its_user_and_at_the_latest_with_the_next_one(tmp_path):
    script = (
        "import os, sys; from pathlib import Path\n"
        "from ganbench.execution.ray.scratch import scratch_folder\n"
        "with scratch_folder(Path(sys.argv[1])) as folder: (folder / 'x').touch(); os._exit(0)\n"
    )
    with scratch_folder(tmp_path) as used:
        subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True)
        (left,) = set(tmp_path.iterdir()) - {used}
        with scratch_folder(tmp_path) as new:
            assert set(tmp_path.iterdir()) == {used, new}
            assert not left.exists()
    assert not list(tmp_path.iterdir())
