"""Small pieces of HTML for notebooks."""

from __future__ import annotations

import html
from collections.abc import Sequence

from ganbench.base.text import plain


def escaped(text: object) -> str:
    """Text that HTML shows as it is."""
    return html.escape(plain(text))


def table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    notes: Sequence[str] = (),
    numeric: Sequence[bool] = (),
) -> str:
    """A table with sentences beneath.

    :param rows: of HTML, as all cells are.
    :param notes: plain text.
    :param numeric: for each column, whether it holds numbers.
    """
    styles = [' style="text-align:right"' if one else ' style="text-align:left"' for one in numeric]
    styles += [' style="text-align:left"'] * (len(head) - len(styles))
    lines = ["<table>", "<thead><tr>"]
    lines += [f"<th{style}>{cell}</th>" for style, cell in zip(styles, head, strict=True)]
    lines.append("</tr></thead><tbody>")
    for row in rows:
        cells = (f"<td{style}>{cell}</td>" for style, cell in zip(styles, row, strict=True))
        lines.append(f"<tr>{''.join(cells)}</tr>")
    lines.append("</tbody></table>")
    lines += [f"<p>{escaped(note)}</p>" for note in notes]
    return "\n".join(lines) + "\n"
