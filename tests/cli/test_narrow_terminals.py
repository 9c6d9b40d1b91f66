"""Lines in narrow terminals: they break between words, and nowhere else."""

from __future__ import annotations

import pytest

from ganbench.base.text import for_stream, wrapped_words
from ganbench.cli import text

TRIAL = "dcgan-non-saturating-digits-s0-0123456789"


class Terminal:
    """A stream of a terminal, or of a file."""

    def __init__(self, terminal=True):
        self._terminal = terminal

    def isatty(self):
        return self._terminal


@pytest.mark.parametrize("width", [20, 40, 60])
def test_no_word_is_broken_and_no_line_is_lost(width):
    sentence = f"  interrupted: {TRIAL}, which the same command continues\n\nlast"
    lines = wrapped_words(sentence, width).split("\n")
    assert " ".join(lines).split() == sentence.split()
    assert all(len(line) <= width or len(line.split()) == 1 for line in lines)
    assert all(line.startswith("  ") for line in lines[:-2])


def test_only_a_terminal_gets_shorter_lines(monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    sentence = "no trial in runs/quick has this loss"
    assert for_stream(sentence, Terminal(False)) == sentence
    assert for_stream(sentence, Terminal(), "  ") == "no trial in\n  runs/quick has\n  this loss"


def test_rows_that_do_not_fit_side_by_side_become_text(monkeypatch):
    rows = [("hinge", "ganbench 0.1.0", "Hinge loss of geometric GAN"), ("wgan", "", "Wasserstein")]
    wide = text.columns(rows)
    assert [line.index("ganbench") for line in wide[:1]] == [7]
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr(text.sys, "stdout", Terminal())
    assert text.columns(rows) == [
        "hinge  ganbench 0.1.0  Hinge loss of\n    geometric GAN",
        "wgan  Wasserstein",
    ]
