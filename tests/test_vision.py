"""Importing torchvision where its compiled operators may be missing."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import torch

from ganbench.base import vision


def python(code: str) -> str:
    """What a fresh interpreter prints, in which every warning is an error."""
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.strip()


def test_torchvision_is_usable_without_a_warning_in_a_fresh_interpreter() -> None:
    shape = python(
        """
        import torch
        from ganbench.base.vision import import_torchvision, torchvision_ops_missing
        torchvision = import_torchvision()
        torchvision_ops_missing()
        assert torchvision.datasets.MNIST
        print(tuple(torchvision.utils.make_grid(torch.zeros(4, 1, 8, 8), nrow=2).shape))
        """
    )
    assert shape == "(3, 22, 22)"


def test_the_report_agrees_with_what_torchvision_says_of_itself() -> None:
    torchvision = vision.import_torchvision()
    assert vision.torchvision_ops_missing() is not torchvision.extension._has_ops()


def test_operators_that_load_are_not_declared_a_second_time(monkeypatch) -> None:
    loaded = []
    monkeypatch.setattr(vision, "_declared", None)
    monkeypatch.setattr(torch.ops, "load_library", loaded.append)
    monkeypatch.setattr(torch.library, "Library", None)  # calling it would fail
    vision._declare_missing_operators()
    assert len(loaded) == 1
    assert "torchvision" in loaded[0]
    assert vision._declared is None


def test_operators_that_cannot_load_are_declared_once(monkeypatch) -> None:
    class Library:
        def __init__(self, *names: str) -> None:
            self.schemas: list[str] = []

        def define(self, schema: str) -> None:
            self.schemas.append(schema.partition("(")[0])

    def refuse(path: str) -> None:
        raise OSError("libtorch_cuda.so: cannot open shared object file")

    monkeypatch.setattr(vision, "_declared", None)
    monkeypatch.setattr(torch.ops, "load_library", refuse)
    monkeypatch.setattr(torch.library, "Library", Library)
    vision._declare_missing_operators()
    first = vision._declared
    vision._declare_missing_operators()
    assert first.schemas == ["nms", "qnms"]
    assert vision._declared is first
