"""What messages offer for a text that names no component."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

import ganbench as gb


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("photos", "my photos", "mnsit"):
        Path(folder).mkdir()
    Path("note.txt").write_text("text")
    Path("my_loss.py").write_text("x = 1\n")
    with zipfile.ZipFile("photos.zip", "w") as archive:
        archive.writestr("a.png", b"")
    return tmp_path


@pytest.mark.parametrize(
    ("kind", "text", "offered"),
    [
        ("dataset", "photos", "this is a folder: write 'folder[path=photos]'"),
        ("dataset", "./photos/", "this is a folder: write 'folder[path=photos]'"),
        ("dataset", "my photos", "this is a folder: write 'folder[path=my photos]'"),
        ("dataset", "photos.zip", "this is a file: write 'folder[path=photos.zip]'"),
        ("dataset", "note.txt", "this is a file, and no dataset reads it"),
        ("dataset", "./nowhere", "./nowhere is neither a dataset nor a file or folder that exists"),
        ("dataset", "folder[photos]", "did you mean 'folder[path=photos]'?"),
        ("dataset", "MNIST", "did you mean 'mnist'?"),
        ("loss", "photos", "known: acgan, feature-matching, "),
        ("loss", "./my_loss.py", "give --plugin ./my_loss.py and one of its names"),
        ("loss", "bce", "did you mean 'non-saturating'?"),
        ("loss", "WGAN_GP[weight=5]", "did you mean 'wgan-gp[weight=5]'?"),
        ("loss", "wgan-gp(weight=5)", "options stand in square brackets: 'wgan-gp[weight=5]'"),
        ("loss", "wgan-gp[5]", "each option is key=value, see `ganbench info wgan-gp`"),
        ("loss", "hinge,wgan", "these are 2 names: give the option once for each"),
        ("loss", "", "a spec is empty; name a component"),
        ("architecture", "dcgan[nz=3]", "did you mean 'latent_dim'?"),
    ],
)
def test_what_to_write_instead(here, kind, text, offered):
    with pytest.raises(gb.UsageError) as caught:
        gb.get(kind, text)
    assert offered in str(caught.value)


@pytest.mark.parametrize("text", ["wgan-gp[weight=1,]", "wgan-gp[weight=1", "hinge]]x"])
def test_a_name_that_is_right_is_not_suggested_again(text):
    with pytest.raises(gb.UsageError) as caught:
        gb.get("loss", text)
    assert "did you mean 'wgan-gp[" not in str(caught.value)


def test_an_alias_is_a_hint_and_no_name():
    info = gb.components("extractor")["inception-v3-compat"]
    assert "inception" in info.aliases
    with pytest.raises(gb.UsageError, match="did you mean 'inception-v3-compat'"):
        gb.get("extractor", "inception")


def test_a_file_here_that_registers_the_name_is_offered(here):
    Path("own_loss.py").write_text("from ganbench import hookimpl\nregister('soft-square', Mine)\n")
    with pytest.raises(gb.UsageError, match=r"; own_loss\.py has it: add --plugin own_loss\.py"):
        gb.get("loss", "soft-square")
