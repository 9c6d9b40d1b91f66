"""Checkpoints under damage, and disks that take no more."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError

from ganbench.base import tensor_files
from ganbench.base.errors import StorageError
from ganbench.training import state as module
from ganbench.training.state import check_checkpoint, newest_checkpoint, save_checkpoint

CPU = torch.device("cpu")
OLDER, NEWER = "000000000100-00001", "000000000200-00002"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two checkpoints."""
    for name, steps in ((OLDER, 100), (NEWER, 200)):
        state = {"steps": steps, "w": torch.full((8,), steps), "nest": [{1: torch.ones(2)}, "ü"]}
        save_checkpoint(tmp_path / "checkpoint", name, state)
    return tmp_path / "checkpoint"


def steps(folder: Path) -> tuple[int | None, list[str]]:
    state, problems = newest_checkpoint(folder, CPU)
    if state is None:
        return None, problems
    assert (state["w"] == state["steps"]).all()
    return state["steps"], problems


def falls_back(folder: Path, problem: str = "") -> None:
    """The newer one is reported, and the older one is used."""
    found, problems = steps(folder)
    assert found == 100, problems
    (said,) = problems
    assert said.startswith(f"checkpoint {NEWER} is damaged (")
    assert said.endswith(f"); continuing checkpoint {OLDER}")
    assert problem in said


@pytest.mark.parametrize("suffix", ["json", "safetensors"])
class TestSweep:
    def test_every_cut(self, folder: Path, suffix: str) -> None:
        path = folder / f"{NEWER}.{suffix}"
        content = path.read_bytes()
        for length in range(len(content)):
            path.write_bytes(content[:length])
            assert len(check_checkpoint(folder)) == 1
            falls_back(folder)

    def test_every_flipped_bit(self, folder: Path, suffix: str) -> None:
        path = folder / f"{NEWER}.{suffix}"
        content = bytearray(path.read_bytes())
        survived = 0
        for position in range(len(content)):
            for bit in range(8):
                content[position] ^= 1 << bit
                path.write_bytes(content)
                found, problems = steps(folder)
                content[position] ^= 1 << bit
                if found == 200:  # the same text in another form, such as \\u00FC
                    survived += 1
                    assert problems == []
                else:
                    assert (found, len(problems)) == (100, 1)
        assert survived <= (8 if suffix == "json" else 0)

    def test_what_is_added(self, folder: Path, suffix: str) -> None:
        with (folder / f"{NEWER}.{suffix}").open("ab") as file:
            file.write(b"x")
        falls_back(folder)

    def test_rubbish(self, folder: Path, suffix: str) -> None:
        dice = random.Random(0)
        for length in (1, 100, 10_000):
            (folder / f"{NEWER}.{suffix}").write_bytes(dice.randbytes(length))
            falls_back(folder)

    def test_a_folder_in_its_place(self, folder: Path, suffix: str) -> None:
        path = folder / f"{NEWER}.{suffix}"
        path.unlink()
        path.mkdir()
        falls_back(folder)

    def test_a_loop_of_links(self, folder: Path, suffix: str) -> None:
        path = folder / f"{NEWER}.{suffix}"
        path.unlink()
        path.symlink_to(path)
        falls_back(folder)

    def test_nothing_is_left(self, folder: Path, suffix: str) -> None:
        for name in (OLDER, NEWER):
            (folder / f"{name}.{suffix}").write_bytes(b"")
        found, problems = steps(folder)
        assert found is None
        assert [said.split(" ")[1] for said in problems] == [NEWER, OLDER]
        assert all(said.endswith("; starting from the beginning") for said in problems)
        assert len(check_checkpoint(folder)) == 2


def test_a_missing_half(folder: Path) -> None:
    json_file, tensor_file = (folder / f"{NEWER}.{suffix}" for suffix in ("json", "safetensors"))
    tensor_file.rename(folder / "aside")
    falls_back(folder, "No such file")
    (folder / "aside").rename(tensor_file)
    json_file.unlink()  # as after a crash before it was written
    assert steps(folder) == (100, [])


def test_no_folder_and_no_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path, tmp_path / "missing", tmp_path / "file"):
        assert newest_checkpoint(folder, CPU) == (None, [])
        assert check_checkpoint(folder) == []


def sealed(content: object) -> str:
    """A JSON file whose digest is right."""
    import hashlib

    body = content if isinstance(content, str) else json.dumps(content)
    return json.dumps({"digest": hashlib.sha256(body.encode()).hexdigest(), "body": body})


@pytest.mark.parametrize(
    "text",
    [
        "null",
        "[]",
        "7",
        "{}",
        '{"body": 1, "digest": 1}',
        '{"body": null}',
        "[" * 100_000,
        '{"body":' * 100_000,
        "9" * 10_000,
        sealed("null"),
        sealed([]),
        sealed({}),
        sealed("[" * 100_000),
        sealed({"sha256": 1, "state": {}}),
        sealed({"sha256": "RIGHT", "state": 7}),
        sealed({"sha256": "RIGHT", "state": {"__tensor__": "/nowhere"}}),
        sealed({"sha256": "RIGHT", "state": {"__tensor__": []}}),
        sealed({"sha256": "RIGHT", "state": {"__pairs__": 7}}),
        sealed({"sha256": "RIGHT", "state": {"__pairs__": [[[], 1]]}}),
        sealed({"sha256": "RIGHT", "state": {"other": 7}}),
        sealed({"sha256": "RIGHT", "bytes": "many", "state": {}}),
    ],
    ids=range(21),
)
def test_json_of_the_wrong_shape(folder: Path, text: str) -> None:
    if "RIGHT" in text:
        body = json.loads(text)["body"]
        digest = module.sha256_of(folder / f"{NEWER}.safetensors")
        text = sealed(body.replace("RIGHT", digest))
    (folder / f"{NEWER}.json").write_text(text)
    falls_back(folder)


@pytest.mark.parametrize("length", [0, 1, 2**31, 2**63, 2**64 - 1])
def test_tensors_with_a_wrong_header(folder: Path, length: int) -> None:
    """Even if the digests were those of the wrong file."""
    path = folder / f"{NEWER}.safetensors"
    path.write_bytes(length.to_bytes(8, "little") + path.read_bytes()[8:])
    content = json.loads(json.loads((folder / f"{NEWER}.json").read_text())["body"])
    content["sha256"] = module.sha256_of(path)
    (folder / f"{NEWER}.json").write_text(sealed(content))
    falls_back(folder)


def test_an_error_of_the_device_is_no_damage(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(module, "load_file", full)
    with pytest.raises(torch.OutOfMemoryError):
        newest_checkpoint(folder, CPU)


def test_a_quick_look_needs_no_hashing_of_tensors(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert check_checkpoint(folder) == []
    monkeypatch.setattr(module, "sha256_of", pytest.fail)
    path = folder / f"{OLDER}.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    (problem,) = check_checkpoint(folder)
    assert problem.startswith(f"checkpoint {OLDER} is damaged (its tensor file has ")


def test_a_checkpoint_without_a_size_is_taken(folder: Path) -> None:
    path = folder / f"{NEWER}.json"
    content = json.loads(json.loads(path.read_text())["body"])
    del content["bytes"]
    path.write_text(sealed(content))
    assert check_checkpoint(folder) == []
    assert steps(folder) == (200, [])


def test_what_was_not_gone_on_with_is_removed(folder: Path) -> None:
    (folder / f"{NEWER}.safetensors").write_bytes(b"")
    (folder / "000000000050-00000.safetensors").touch()  # a half that a crash left
    save_checkpoint(folder, "000000000150-00001", {"steps": 150, "w": torch.tensor(150)})
    names = {path.stem for path in folder.iterdir()}
    assert names == {OLDER, "000000000150-00001"}
    assert steps(folder) == (150, [])


def test_the_files_may_be_read_by_whom_others_may(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    modes = {stat.S_IMODE(path.stat().st_mode) for path in [*folder.iterdir(), tmp_path / "usual"]}
    assert len(modes) == 1


class TestStorage:
    @pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
    def test_what_the_system_says_is_one_sentence(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, number: int
    ) -> None:
        before = {path.name: path.read_bytes() for path in folder.iterdir()}
        reason = os.strerror(number)

        def rust(*_: object) -> None:
            raise SafetensorError(
                f"Error while serializing: I/O error: {reason} (os error {number})"
            )

        def system(*_: object) -> None:
            raise OSError(number, reason)

        for target, name, refuse in ((tensor_files, "save_file", rust), (os, "fsync", system)):
            with monkeypatch.context() as patch:
                patch.setattr(target, name, refuse)
                with pytest.raises(StorageError) as caught:
                    save_checkpoint(folder, "3", {"w": torch.ones(3)})
            assert caught.value.errno == number
            assert str(caught.value) == f"cannot write to {folder}/3.safetensors: {reason}"
            assert {path.name: path.read_bytes() for path in folder.iterdir()} == before

    def test_another_error_of_safetensors_is_a_fault(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> None:
            raise SafetensorError("InvalidTensor")

        monkeypatch.setattr(tensor_files, "save_file", refuse)
        with pytest.raises(SafetensorError):
            save_checkpoint(folder, "3", {"w": torch.ones(3)})

    def test_a_folder_that_was_taken_away_does_not_come_back(self, folder: Path) -> None:
        shutil.rmtree(folder.parent)
        with pytest.raises(StorageError, match="No such file or directory"):
            save_checkpoint(folder, "3", {})
        assert not folder.parent.exists()

    def test_a_real_disk_that_is_full(self, tmp_path: Path) -> None:
        if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
            pytest.skip("mounting a file system is not permitted")
        here = Path(__file__).parent
        code = f"import test_checkpoints as t; t.on_a_small_disk({str(tmp_path)!r})"
        done = subprocess.run(
            ["unshare", "-m", sys.executable, "-c", code],
            capture_output=True,
            text=True,
            env=os.environ | {"PYTHONPATH": f"{here}{os.pathsep}{here.parent / 'helpers'}"},
        )
        if "cannot mount" in done.stdout:
            pytest.skip("mounting a file system is not permitted")
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines() == [
            "No space left on device",
            "1 []",
            "1.json 1.safetensors",
        ]


def on_a_small_disk(path: str) -> None:
    """Print what is said of a checkpoint that does not fit, and what is there afterwards."""
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", path]).returncode:
        print("cannot mount")
        return
    folder = Path(path, "checkpoint")
    save_checkpoint(folder, "1", {"steps": 1, "w": torch.tensor(1)})
    try:
        save_checkpoint(folder, "2", {"steps": 2, "w": torch.ones(100_000)})
    except StorageError as error:
        print(str(error).split(": ")[-1])
    print(*steps(folder))
    print(*sorted(path.name for path in folder.iterdir()))
