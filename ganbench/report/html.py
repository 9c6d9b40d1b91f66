"""The report as one HTML file: no network, no outside file, nothing executed but its own scripts."""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path

import jinja2
from markupsafe import Markup

import ganbench
from ganbench.report.colors import COLORS, as_css
from ganbench.report.content import Report, gather
from ganbench.report.embed import script_json
from ganbench.report.plotlyjs import plotly_source

#: In the order in which they follow each other in the page's script.
_SCRIPTS = ("page", "tables", "paint", "figures", "samples")

_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.PackageLoader("ganbench.report", "templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
)


def render_report(path: str | os.PathLike[str]) -> str:
    """The report of the run in a folder, as HTML; raises UsageError if there is none."""
    return render(gather(Path(path)))


def render(report: Report) -> str:
    """A gathered report as HTML; all its texts are escaped."""
    script = "\n".join(["'use strict';", *(_source(f"js/{name}.js") for name in _SCRIPTS)])
    plotly = _without_ends(plotly_source()) if report.figures else ""
    hashes = [f"'sha256-{_digest(text)}'" for text in (script, plotly) if text]
    page: str = _ENVIRONMENT.get_template("report.html").render(
        report=report,
        style=Markup(as_css() + "\n" + _source("report.css")),
        script=Markup(script),
        plotly=Markup(plotly),
        script_hashes=" ".join(hashes),
        tables=Markup(script_json([report.cells.record(), report.trials.record()])),
        figures=Markup(script_json({f.anchor: f.record() for f in report.figures})),
        colors=Markup(script_json(COLORS)),
        version=ganbench.__version__,
    )
    return page.encode("utf-8", "replace").decode()  # lone surrogates would not be UTF-8


def _without_ends(script: str) -> str:
    """A script in which nothing ends its element or opens a comment."""
    return script.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _digest(text: str) -> str:
    """The hash by which the page's policy knows a script."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _source(name: str) -> str:
    assert _ENVIRONMENT.loader is not None
    source: str = _ENVIRONMENT.loader.get_source(_ENVIRONMENT, name)[0]
    return source
