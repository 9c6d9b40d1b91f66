"""The report as one HTML file: no network, no outside file, nothing executed but its own script."""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path

import jinja2
from markupsafe import Markup

import ganbench
from ganbench.report.content import Report, gather

_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.PackageLoader("ganbench.report", "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render_report(path: str | os.PathLike[str]) -> str:
    """The report of the run in a folder, as HTML; raises UsageError if there is none."""
    return render(gather(Path(path)))


def render(report: Report) -> str:
    """A gathered report as HTML; all its texts are escaped."""
    script = _source("report.js")
    return _ENVIRONMENT.get_template("report.html").render(
        report=report,
        style=Markup(_source("report.css")),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        svg=Markup,
        version=ganbench.__version__,
    )


def _source(name: str) -> str:
    assert _ENVIRONMENT.loader is not None
    source: str = _ENVIRONMENT.loader.get_source(_ENVIRONMENT, name)[0]
    return source
