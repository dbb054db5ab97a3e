"""A verdict as Markdown."""

from headwater.entities.verdict import Verdict
from headwater.wire import verdict_rows

MARKDOWN_TYPE = "text/markdown; charset=utf-8"
_SPECIAL = str.maketrans({each: f"\\{each}" for each in "\\`*_{}[]<>#|~"} | {"\n": " "})


def to_markdown(verdict: Verdict) -> str:
    """Return the headline, a table of the comparisons, what they rest on, and the warnings."""
    question = verdict.question
    lines = [f"**{_escaped(verdict.headline)}**", ""]
    first = verdict.groups[0]
    lines.append(
        f"{_escaped(question.metric)} ({_escaped(question.reduction)}, {question.direction} is "
        f"better) of {_escaped(first.name)}:"
    )
    lines += ["", f"| {' | '.join(verdict_rows.TITLES)} |"]
    lines.append("| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |")
    lines += [f"| {' | '.join(map(_escaped, row))} |" for row in verdict_rows.rows(verdict)]
    for title, told in (
        ("Rests on", verdict_rows.notes(verdict)),
        ("Warnings", verdict_rows.warnings(verdict)),
    ):
        if told:
            lines += ["", f"{title}:", "", *(f"- {_escaped(each)}" for each in told)]
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.translate(_SPECIAL)
