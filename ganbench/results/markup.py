"""Text and estimates in Markdown and LaTeX, whatever characters a name brings along."""

from __future__ import annotations

import re

from ganbench.results.estimates import BETWEEN, Estimate

_MARKDOWN = re.compile(
    r"[\\`*<>|~]|(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])|\](?=[(\[:])|(?<=:)/(?=/)|(?<=www)\."
)
_ENTITIES = str.maketrans({"&": "&amp;", "$": "&#36;"})  # GitHub takes two $ for mathematics
_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    "'": r"\textquotesingle{}",
    "[": "{[}",  # after a line break it would open an option
    "]": "{]}",
    "–": "--",
    "−": "$-$",
    "±": r"$\pm$",
    "∞": r"$\infty$",
    "×": r"$\times$",
    "↓": r"$\downarrow$",
    "↑": r"$\uparrow$",
}
_LIGATURES = "-(?=-)|,(?=,)"
_UNKNOWN = "[^\0-\u017f\u2010-\u2026]"  # to pdfLaTeX
_SPECIAL = re.compile("|".join([*map(re.escape, _LATEX), _LIGATURES, _UNKNOWN]))


def markdown(text: str) -> str:
    """Text that Markdown shows as it is."""
    return _MARKDOWN.sub(lambda match: "\\" + match[0], text.translate(_ENTITIES))


def latex(text: str) -> str:
    """Text that LaTeX sets as it is.

    Characters that pdfLaTeX does not know, such as Chinese ones, come with a stand-in for it; LuaLaTeX
    and XeLaTeX set them if the font has them.
    """
    return _SPECIAL.sub(_set, text)


def _set(match: re.Match[str]) -> str:
    found = match[0]
    if found in _LATEX:
        return _LATEX[found]
    if found.isascii():
        return found + "{}"  # keeps two characters from becoming one
    return rf"\ifdefined\Umathchar {found}\else U+{ord(found):04X}\fi{{}}"


def latex_number(text: str) -> str:
    """A number as LaTeX text, its sign a minus and not a hyphen."""
    mantissa, exponent, power = text.partition("e")
    if exponent:
        return rf"{latex_number(mantissa)}$\times 10^{{{int(power)}}}$"
    return "$-$" + text[1:] if text.startswith("-") else latex(text)


def latex_estimate(estimate: Estimate) -> str:
    r"""``3.72 $\pm$ 0.68``, or ``3.72$_{-0.62}^{+0.74}$`` where the two sides differ.

    Of two seeds ``3.72 / 4.06``.
    """
    if estimate.both:
        return BETWEEN.join(map(latex_number, estimate.both))
    value = latex_number(estimate.value)
    if estimate.half:
        return rf"{value} $\pm$ {latex_number(estimate.half)}"
    if estimate.bracketed() == estimate.value:
        return value
    return f"{value}$_{{-{_in_math(estimate.down)}}}^{{+{_in_math(estimate.up)}}}$"


def _in_math(text: str) -> str:
    mantissa, exponent, power = text.partition("e")
    found = mantissa.replace(",", "{,}").replace("∞", r"\infty")
    return rf"{found}\times 10^{{{int(power)}}}" if exponent else found
