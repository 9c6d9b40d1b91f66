"""Views as LaTeX, whatever characters a name brings along."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ganbench.present.view import BETWEEN, Estimate, View, ViewColumn

_TEXT = {
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
_SPECIAL = re.compile("|".join([*map(re.escape, _TEXT), _LIGATURES, _UNKNOWN]))


def latex_view(view: View) -> str:
    """A booktabs ``tabular``, the best values bold, footnotes beneath, notes as comments."""
    layout = "".join("r" if column.numeric else "l" for column in view.columns)
    heads = " & ".join(latex(column.title) for column in view.columns)
    body = [rf"{' & '.join(line)} \\" for line in zip(*map(_cells, view.columns), strict=True)]
    notes = [f"{n.label}: {', '.join(n.concerns)}: {n.reason}" for n in view.notes]
    lines = [
        rf"\begin{{tabular}}{{{layout}}}",
        r"\toprule",
        rf"{heads} \\",
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
    ]
    head = [
        r"% needs \usepackage{booktabs} and \usepackage[T1]{fontenc}",
        *(f"% {note}" for note in notes),
    ]
    return "\n".join([*head, *_with_small_print(lines, view.beneath)]) + "\n"


def latex(text: str) -> str:
    """Text that LaTeX typesets as it is.

    Characters that pdfLaTeX does not know, such as Chinese ones, come with a stand-in for it; LuaLaTeX
    and XeLaTeX typeset them if the font has them.
    """
    return _SPECIAL.sub(_escaped, text)


def latex_estimate(estimate: Estimate) -> str:
    r"""``3.72 $\pm$ 0.68``, or ``3.72$_{-0.62}^{+0.74}$`` where the two sides differ.

    Two seeds give ``3.72 / 4.06``.
    """
    if estimate.both:
        return BETWEEN.join(map(_number, estimate.both))
    value = _number(estimate.value)
    if estimate.half:
        return rf"{value} $\pm$ {_number(estimate.half)}"
    if not estimate.low:
        return value
    return f"{value}$_{{-{_in_math(estimate.down)}}}^{{+{_in_math(estimate.up)}}}$"


def _with_small_print(table: Sequence[str], sentences: Sequence[str]) -> list[str]:
    """A table with small print beneath, as wide as the table, in a ``table`` environment or without.

    The table is set into the scratch box 0 first, whose width the small print takes.
    """
    if not sentences:
        return list(table)
    return [
        r"\begingroup\setbox0\hbox\bgroup",
        *table,
        r"\unskip\egroup",
        r"\begin{minipage}{\wd0}",
        r"\copy0\par\smallskip\footnotesize",
        *(f"{latex(sentence.rstrip('.'))}." for sentence in sentences),
        r"\end{minipage}\endgroup",
    ]


def _cells(column: ViewColumn) -> list[str]:
    if column.estimates:
        shown = [latex_estimate(estimate) for estimate in column.estimates]
    else:
        shown = [_number(c) if column.numeric else latex(c) for c in column.cells]
    pairs = zip(shown, column.best, strict=True)
    return [_bold(cell) if best else cell for cell, best in pairs]


def _bold(cell: str) -> str:
    return rf"\textbf{{\boldmath {cell}}}" if "$" in cell else rf"\textbf{{{cell}}}"


def _escaped(match: re.Match[str]) -> str:
    found = match[0]
    if found in _TEXT:
        return _TEXT[found]
    if found.isascii():
        return found + "{}"  # keeps two characters from becoming one
    return rf"\ifdefined\Umathchar {found}\else U+{ord(found):04X}\fi{{}}"


def _number(text: str) -> str:
    """A number as LaTeX text, its sign a minus and not a hyphen."""
    mantissa, exponent, power = text.partition("e")
    if exponent:
        return rf"{_number(mantissa)}$\times 10^{{{int(power)}}}$"
    return "$-$" + text[1:] if text.startswith("-") else latex(text)


def _in_math(text: str) -> str:
    mantissa, exponent, power = text.partition("e")
    found = mantissa.replace(",", "{,}").replace("∞", r"\infty")
    return rf"{found}\times 10^{{{int(power)}}}" if exponent else found
