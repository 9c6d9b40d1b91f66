"""Errors of the command line itself say which option or value is right."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from ganbench.cli.app import app


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("train", "no command 'train'; did you mean 'run'?"),
        ("frobnicate", "no command 'frobnicate'; known: run, "),
        ("run --lr 3", "no option --lr; did you mean --set training.lr=VALUE?"),
        ("run --batch-size 3", "did you mean --set training.batch_size=VALUE?"),
        ("run --epochs 3", "no option --epochs; the budget counts images, not epochs: --budget"),
        ("run --steps 3", "no option --steps; write --budget 2000steps"),
        ("run --gpu", "no option --gpu; write --device cuda"),
        ("run --output x", "no option --output; did you mean --out?"),
        ("run --nothing", "no option --nothing; run has --architecture, "),
        ("run --retries x", "'x' is not allowed; it takes a whole number, at least 0"),
        ("run --gpus-per-trial 2", "it takes a number, more than 0, at most 1"),
        ("results . --format xml", "'xml' is not allowed; it takes table, csv, json"),
        ("plot . --kind curve -o x.png", "'curve' is not allowed; did you mean 'curves'?"),
        ("run --set lr=1", "bad --set 'lr=1': write --set training.lr=1"),
        ("run --set train.batch=9", "write --set training.batch_size=9"),
        ("run --set epochs=3", "the budget counts images, not epochs"),
        ("run --set nosuch=3", "known settings of training: batch_size, "),
        ("run --grid --set training.ticks=3", "it belongs to evaluation: evaluation.ticks"),
        ("run --grid --set training.seed=3", "no option 'seed'; write --seeds 3"),
        ("run --grid --set training.learning_rate=3", "did you mean 'lr'?"),
        ("run --grid --set evaluation.extractors=pixels", "write extractors=[pixels]"),
        ("list trackers", "did you mean 'callbacks'?"),
        ("report . -o x.pdf", "the report is an HTML file"),
        ("results . --columns ,", "--columns names no column"),
    ],
)
def test_one_sentence_with_a_way_out(line, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, line.split())
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr
