"""What `ganbench fit` sees in a folder, and which folders it refuses with one sentence."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from ganbench.base.errors import UsageError
from ganbench.fit.look import look


def fill(folder, count, size=(20, 16), mode="RGB", kind="png"):
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.RandomState(count)
    shape = (size[1], size[0]) + ((3,) if mode == "RGB" else ())
    for number in range(count):
        pixels = random.randint(0, 256, shape).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:03}.{kind}")
    return folder


def test_numbers_sizes_colors_and_copies(tmp_path):
    fill(tmp_path / "a", 20)
    fill(tmp_path / "b", 10, (40, 30))
    (tmp_path / "b" / "again.png").write_bytes((tmp_path / "b" / "001.png").read_bytes())
    facts = look(tmp_path)
    assert (facts.count, facts.readable, facts.sizes, facts.channels) == (31, 31, 2, 3)
    assert (facts.smallest, facts.largest, facts.side) == ((20, 16), (40, 30), 16)
    assert facts.copies == 1
    first, copies, few = facts.sentences(2)
    assert "31 images in 2 classes, color, 2 sizes from 20x16 to 40x30 pixels" in first
    assert "1 image of them" in copies
    assert "30 different images are few" in few


def test_broken_files_are_named(tmp_path):
    fill(tmp_path, 20)
    (tmp_path / "text.jpg").write_text("no image")
    (tmp_path / "empty.png").write_bytes(b"")
    facts = look(tmp_path)
    assert set(facts.broken) == {"text.jpg", "empty.png"}
    assert any("2 files cannot be read: empty.png" in line for line in facts.sentences(0))


def test_color_formats_without_color_are_gray(tmp_path):
    fill(tmp_path, 20, mode="L")
    assert look(tmp_path).channels == 1
    for number in range(20):
        gray = Image.open(tmp_path / f"{number:03}.png")
        gray.convert("RGB").save(tmp_path / f"{number:03}.png")
    assert look(tmp_path).channels == 1
    fill(tmp_path / "color", 20)
    assert look(tmp_path).channels == 3


def test_places_without_enough_images_are_refused(tmp_path):
    with pytest.raises(UsageError, match="does not exist"):
        look(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="has no images: it is empty"):
        look(tmp_path)
    fill(tmp_path, 1)
    with pytest.raises(UsageError, match="has 1 image that can be read; a GAN needs at least 16"):
        look(tmp_path)
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "a.png").write_bytes(b"nothing")
    with pytest.raises(UsageError, match=r"none of the 1 image .* can be read"):
        look(broken)


@pytest.mark.parametrize("given", ["", "runs", "runs/mine", "runs/mine/trials/one"])
def test_the_pictures_of_a_run_are_no_images_to_learn_from(tmp_path, given):
    trial = fill(tmp_path / "runs" / "mine" / "trials" / "one", 20)
    (trial / "trial.json").write_text("{}")
    with pytest.raises(UsageError, match="holds a ganbench run"):
        look(tmp_path / given)


def test_a_folder_called_trials_may_hold_a_persons_images(tmp_path):
    fill(tmp_path / "trials" / "one", 20)
    assert look(tmp_path).readable == 20


def test_a_truncated_file_counts_as_broken_where_it_is_decoded(tmp_path):
    fill(tmp_path, 20, kind="jpg")
    whole = (tmp_path / "000.jpg").read_bytes()
    (tmp_path / "000.jpg").write_bytes(whole[:-40])
    facts = look(tmp_path)
    assert (facts.decoded, facts.readable, set(facts.broken)) == (20, 19, {"000.jpg"})
    hurried = look(tmp_path, 0)
    assert (hurried.decoded, hurried.readable) == (0, 20)
    assert any("0 of 20 files were decoded in full" in line for line in hurried.sentences(0))
