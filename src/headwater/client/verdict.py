"""A verdict as Python's users see it: numbers, Markdown, HTML in notebooks, a plot."""

import importlib
from collections.abc import Sequence
from typing import Any

from headwater.client.verdict_html import to_html
from headwater.entities import verdict as entities
from headwater.errors import ConfigurationError
from headwater.wire import verdict_rows
from headwater.wire.verdict_markdown import to_markdown


class Verdict:
    """The answer to whether the first group of runs is better than the others."""

    def __init__(self, record: entities.Verdict) -> None:
        self.record = record
        """All that was asked, used and found; see `headwater.entities.verdict`."""

    @property
    def decision(self) -> entities.Decision:
        """Return "better", "worse", "equivalent" or "undecided"."""
        return self.record.decision

    @property
    def headline(self) -> str:
        """Return the decision in a sentence."""
        return self.record.headline

    @property
    def comparisons(self) -> Sequence[entities.Comparison]:
        """Return the first group against each other one."""
        return self.record.comparisons

    @property
    def warnings(self) -> Sequence[str]:
        """Return what a reader must know, of all comparisons."""
        return verdict_rows.warnings(self.record)

    def recompute(self) -> "Verdict":
        """Return the verdict computed anew from what it holds; equal to it, bit for bit."""
        # Loaded on demand: scipy is large.
        judge = importlib.import_module("headwater.verdicts.judge")
        return Verdict(judge.recompute(self.record))

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain dictionaries and lists."""
        return self.record.to_dict()

    def to_json(self) -> str:
        """Return it as JSON."""
        return self.record.to_json()

    @classmethod
    def from_json(cls, text: str | bytes) -> "Verdict":
        """Return the verdict of a JSON text. Raises InvalidParameterError."""
        return cls(entities.Verdict.from_json(text))

    def to_markdown(self) -> str:
        """Return it as Markdown, for a pull request or a report."""
        return to_markdown(self.record)

    def plot(self) -> Any:
        """Return a Plotly figure: each run's value by group, and the means.

        Raises:
            ConfigurationError: plotly is not installed.
        """
        try:
            graph = importlib.import_module("plotly.graph_objects")
        except ImportError as error:
            raise ConfigurationError(
                f"plots need plotly ({error}); run: pip install plotly"
            ) from error
        figure = graph.Figure()
        for group in self.record.groups:
            runs = [run for run in group.runs if run.value is not None]
            figure.add_trace(
                graph.Box(
                    y=[run.value for run in runs],
                    text=[f"{run.run_id} {run.pair or ''}".strip() for run in runs],
                    name=group.name,
                    boxpoints="all",
                    boxmean=True,
                    jitter=0.4,
                    pointpos=0,
                )
            )
        figure.update_layout(
            title=self.headline, yaxis_title=self.record.question.metric, showlegend=False
        )
        return figure

    def _repr_html_(self) -> str:
        return to_html(self.record)

    def __repr__(self) -> str:
        return f"<Verdict {self.decision}: {self.headline}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Verdict) and self.record == other.record

    def __hash__(self) -> int:
        return hash(self.record)
