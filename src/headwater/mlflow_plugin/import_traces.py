"""Moves traces to a server with their ids, times, tags, metadata, assessments and spans."""

from collections.abc import Iterator, Sequence
from typing import Any

from mlflow.entities.trace_location import TraceLocation
from mlflow.exceptions import MlflowException
from mlflow.tracing.client import TracingClient
from mlflow.tracing.constant import TraceTagKey
from mlflow.utils.mlflow_tags import MLFLOW_ARTIFACT_LOCATION

from headwater.mlflow_plugin.import_transfer import MARK, Transfer, pages

_PAGE = 100
_HAS_SPAN_IDS = "tr-"
"""Ids of traces whose spans name them; older ones have their spans in a file only."""

_OF_THE_STORE = frozenset({MLFLOW_ARTIFACT_LOCATION, TraceTagKey.SPANS_LOCATION})


def import_traces(transfer: Transfer, experiments: Sequence[Any]) -> None:
    """Import the traces of experiments; those that an earlier import has brought stay."""
    source = TracingClient(transfer.source_uri)
    target = TracingClient(transfer.target_uri)
    for experiment in experiments:
        found = _search(source, experiment.experiment_id, spans=True)
        there: set[str] | None = None
        for trace in found:
            if there is None:
                place = transfer.target_experiment(experiment)
                there = _complete(target, place)
            if trace.info.trace_id in there:
                continue
            try:
                _bring(transfer, target, trace, place)
            except (MlflowException, OSError) as error:
                transfer.result.failures.append(f"trace {trace.info.trace_id}: {error}")
            else:
                transfer.result.traces += 1


def _search(client: TracingClient, experiment_id: str, *, spans: bool) -> Iterator[Any]:
    return pages(
        lambda token: client.search_traces(
            locations=[experiment_id], max_results=_PAGE, page_token=token, include_spans=spans
        )
    )


def _complete(target: TracingClient, experiment_id: str) -> set[str]:
    found = _search(target, experiment_id, spans=False)
    return {trace.info.trace_id for trace in found if MARK in trace.info.tags}


def _bring(transfer: Transfer, target: TracingClient, trace: Any, experiment_id: str) -> None:
    """Bring a trace: spans first, then files, and the mark with what is left of it."""
    info = trace.info
    location = info.tags.get(MLFLOW_ARTIFACT_LOCATION)
    tags = {key: value for key, value in info.tags.items() if key not in _OF_THE_STORE}
    info.trace_location = TraceLocation.from_experiment_id(experiment_id)
    info.tags = tags
    if info.trace_id.startswith(_HAS_SPAN_IDS) and trace.data.spans:
        target.log_spans(experiment_id, trace.data.spans)
    begun = target.start_trace(info)
    if location:
        transfer.copy_artifacts(location, begun.tags[MLFLOW_ARTIFACT_LOCATION])
    target.set_trace_tag(info.trace_id, MARK, transfer.origin)
