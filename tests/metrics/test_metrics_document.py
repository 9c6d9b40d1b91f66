"""docs/metrics.md names every metric with its columns, its options and when it is measured."""

from __future__ import annotations

from pathlib import Path

import pytest

import ganbench as gb

DOCUMENT = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
INFOS = [info for info in gb.components("metric").values() if info.provider == "ganbench"]


@pytest.mark.parametrize("info", INFOS, ids=lambda info: info.name)
def test_the_document_says_what_the_metric_says(info):
    cells = next(
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in DOCUMENT.splitlines()
        if line.startswith(f"| [`{info.name}`]")
    )
    assert cells[1] == ", ".join(f"`{column.name}`" for column in info.cls.columns)
    assert cells[3].startswith("yes") == info.cls.default
    assert cells[4] == ("every tick" if info.cls.every_tick else "the end")
    section = DOCUMENT.split(f"\n## {info.name}\n")[1].split("\n## ")[0]
    for name, option in info.options.items():
        stated = f"{option.default:,}" if option.default >= 10_000 else str(option.default)
        assert f"`{name}` ({stated}" in section or f"`{name}` = {stated}" in section, name
