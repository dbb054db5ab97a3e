"""A verdict as a piece of HTML, for notebooks."""

from collections.abc import Sequence
from html import escape

from headwater.entities.verdict import Verdict
from headwater.wire import verdict_rows

_COLOURS = {
    "better": "#1a7f37",
    "worse": "#cf222e",
    "equivalent": "#0969da",
    "undecided": "#6e7781",
}


def to_html(verdict: Verdict) -> str:
    """Return the headline, a table of the comparisons, what they rest on, and the warnings."""
    colour = _COLOURS[verdict.decision]
    head = "".join(f"<th>{escape(title)}</th>" for title in verdict_rows.TITLES)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>"
        for row in verdict_rows.rows(verdict)
    )
    return (
        f'<div><p style="border-left:4px solid {colour};padding-left:8px"><b>'
        f"{escape(verdict.headline)}</b></p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        f"{_listed('Rests on', verdict_rows.notes(verdict))}"
        f"{_listed('Warnings', verdict_rows.warnings(verdict))}</div>"
    )


def _listed(title: str, told: Sequence[str]) -> str:
    if not told:
        return ""
    items = "".join(f"<li>{escape(each)}</li>" for each in told)
    return f"<details><summary>{title} ({len(told)})</summary><ul>{items}</ul></details>"
