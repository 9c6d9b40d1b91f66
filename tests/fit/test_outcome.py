"""The outcome of `ganbench fit` in words: no claim beyond what the seeds show."""

from __future__ import annotations

import math

from ganbench.fit.halving import Cost, Start
from ganbench.fit.outcome import FitResult, command_for, words
from ganbench.fit.record import FitRecord, Round
from ganbench.fit.search import Standing

CELLS = [{"architecture": name, "loss": "hinge", "regularizer": "none"} for name in "abc"]


def record(seeds=3):
    return FitRecord(
        images="/photos",
        fingerprint="f",
        dataset="d",
        training={"batch_size": 10},
        evaluation={},
        cells=CELLS,
        costs=[Cost(1.0, 1.0, 1.0)] * 3,
        start=Start(3, seeds, 100, 1),
        rounds=[Round([0, 1, 2], 1, [], True), Round([0, 1], 3, [], True)],
    )


def standing(place, *values, note=""):
    return Standing(place, dict(enumerate(values)), note)


FIRST = [standing(0, 30, 31, 32), standing(1, 33, 34, 35), standing(2, 90, 91, 92)]


def text(last, seeds=3):
    return " ".join(words(record(seeds), [FIRST, last], math.nan))


def test_a_clear_difference_is_claimed_with_its_interval():
    found = text([standing(0, 20, 21, 20.5), standing(1, 40, 42.2, 40.9)])
    assert "a × hinge did best: fd 20.5 (the median of 3 seeds" in found
    assert "95 % interval" in found
    assert "larger than the noise between seeds" in found
    assert "3 seeds may miss" in found
    assert "After 1,000 images, these fell behind: c × hinge (91)" in found


def test_noise_is_not_claimed():
    found = text([standing(0, 20, 40, 30), standing(1, 31, 28, 36)])
    assert "do not tell the two apart" in found


def test_one_seed_claims_nothing():
    found = text([standing(0, 20.0), standing(1, 40.0)], seeds=1)
    assert "one seed gives no interval" in found


def test_what_is_no_result_cannot_win():
    bad = standing(1, math.inf, math.inf, math.inf, note="copies: about 90% …")
    found = text([standing(0, 20, 21, 22), bad])
    assert "gave no result in every seed: copies" in found
    none = [standing(0, math.inf, note="diverged"), bad]
    assert text(none).startswith("No cell gave a result: a × hinge: diverged; b × hinge: copies")


def test_exit_codes_and_the_command(tmp_path):
    command = command_for("my photos", "20m", tmp_path)
    assert command.startswith("ganbench fit 'my photos' --total 20m -o ")
    parts = {"sentences": [], "files": {}, "command": command, "facts": {}}
    assert FitResult(tmp_path, "a", "t", **parts).exit_code == 0
    assert FitResult(tmp_path, None, None, **parts).exit_code == 1
    assert FitResult(tmp_path, None, None, interrupted=True, **parts).exit_code == 130


def test_the_metric_is_explained_with_what_real_images_have():
    def explained(floor):
        own = record()
        own.evaluation |= {"extractor": "pixels", "samples": 200}
        return words(own, [FIRST], floor)[1]

    assert explained(59.21) == (
        "fd: the distance between generated and real images in the features of pixels; lower is "
        "better; real images among themselves: 59.2."
    )
    assert explained(math.nan).endswith(
        "unknown, since that takes at least 400 real images that differ."
    )
