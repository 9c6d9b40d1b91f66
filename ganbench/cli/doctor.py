"""``ganbench doctor``: what is installed, what is wrong, and how to mend it."""

from __future__ import annotations

from dataclasses import asdict
from itertools import groupby

import click

from ganbench.cli.text import WrittenPath, echo_json, examples

_MARKS = {"ok": "  ", "warning": "? ", "error": "! "}
_COLOURS = {"ok": None, "warning": "yellow", "error": "red"}


@click.command(
    epilog=examples(
        "ganbench doctor",
        "ganbench doctor --data-dir /data/images",
        "ganbench doctor --json",
    ),
)
@click.option(
    "--data-dir",
    type=WrittenPath(),
    metavar="DIR",
    help="Data folder; else $GANBENCH_DATA or the cache.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def doctor(data_dir: str | None, as_json: bool) -> None:
    """Check versions, devices, plugins, data and weights.

    Lines with ! say what is wrong, lines with ? what may surprise, both with how to mend it. The
    exit code is 0 either way.
    """
    from ganbench.cli.checks import examine, versions

    findings = list(examine(data_dir))
    errors = sum(finding.level == "error" for finding in findings)
    warnings = sum(finding.level == "warning" for finding in findings)
    if as_json:
        echo_json(
            {
                "versions": versions(),
                "errors": errors,
                "warnings": warnings,
                "findings": [asdict(finding) for finding in findings],
            }
        )
        return
    for section, group in groupby(findings, key=lambda finding: finding.section):
        click.secho(section, bold=True)
        for finding in group:
            click.secho(f"{_MARKS[finding.level]}{finding.text}", fg=_COLOURS[finding.level])
    trouble = f"{errors} wrong (!), {warnings} to know (?)" if errors + warnings else "all is well"
    click.echo(f"\n{trouble}")
