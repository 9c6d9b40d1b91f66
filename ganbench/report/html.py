"""The report as one HTML file: it loads nothing, and runs only its own scripts."""

from __future__ import annotations

import base64
import functools
import hashlib
import importlib.util
import os
from pathlib import Path

import jinja2
from markupsafe import Markup

from ganbench import __version__
from ganbench.base.errors import UsageError
from ganbench.report.content import gather
from ganbench.report.embed import script_json
from ganbench.report.palette import PAGE, as_css

#: The page's script consists of these, in this order.
_SCRIPTS = ("page", "tables", "paint", "figures", "samples")

_TEMPLATES = Path(__file__).with_name("templates")
_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_TEMPLATES),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
)


def render_report(path: str | os.PathLike[str]) -> str:
    """The report of the run in a folder, as HTML in which all texts are escaped.

    :raises UsageError: without a run, or without plotly.
    """
    report = gather(Path(path))
    script = "\n".join(["'use strict';", *(_source(f"js/{name}.js") for name in _SCRIPTS)])
    plotly = ""
    if report.figures:  # in which nothing may end its element or open a comment
        plotly = plotly_source().replace("</script", "<\\/script").replace("<!--", "<\\!--")
    digests = [hashlib.sha256(text.encode()).digest() for text in (script, plotly) if text]
    hashes = [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]
    page: str = _ENVIRONMENT.get_template("report.html").render(
        report=report,
        style=Markup(as_css() + "\n" + _source("report.css")),
        script=Markup(script),
        plotly=Markup(plotly),
        script_hashes=" ".join(hashes),
        tables=Markup(script_json([report.cells.record(), report.trials.record()])),
        figures=Markup(script_json({f.anchor: f.record() for f in report.figures})),
        colors=Markup(script_json(PAGE)),
        version=__version__,
    )
    return page.encode("utf-8", "replace").decode()  # lone surrogates would not be UTF-8


@functools.cache
def plotly_source() -> str:
    """The text of plotly.min.js from the installed package, which loads slowly as a module.

    :raises UsageError: without the package.
    """
    found = importlib.util.find_spec("plotly")
    if found is None or found.origin is None:
        message = "a report needs the package plotly; install it with: pip install 'plotly>=6'"
        raise UsageError(message)
    path = Path(found.origin).with_name("package_data") / "plotly.min.js"
    return path.read_text(encoding="utf-8")


def _source(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")
