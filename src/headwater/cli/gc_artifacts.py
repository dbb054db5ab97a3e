"""The part of ``headwater gc`` that removes artifacts of runs that stay."""

import asyncio
import contextlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table

from headwater.cli.artifact_store import existing_store
from headwater.cli.progress import progress
from headwater.cli.remover import ArtifactFiles
from headwater.entities.artifact_quota import size_text
from headwater.entities.artifact_store_uri import is_store
from headwater.storage.artifacts.collect import collect
from headwater.storage.metadata.base import Database
from headwater.tracking.artifact_retention import ArtifactPlan
from headwater.tracking.collect_artifacts import may_still_go

_SHOWN = 20


@dataclass
class ArtifactOutcome:
    """What became of a plan."""

    removed: dict[str, int] = field(default_factory=dict)
    """Files that went, by run."""

    failed: dict[str, str] = field(default_factory=dict)
    condemned: int = 0
    """Packs of the store that no file needs any more."""

    condemned_bytes: int = 0


async def remove_artifacts(
    database: Database, registry: Database, plan: ArtifactPlan, files: ArtifactFiles
) -> ArtifactOutcome:
    """Remove the planned artifacts; stopped half-way, the next time removes the rest."""
    outcome = ArtifactOutcome()
    with progress("Removing artifacts") as bar:
        task = bar.add_task("", total=len(plan.removed))
        for each in plan.removed:
            run_id = each.run.run_id
            if await may_still_go(database, registry, each):
                count, error = await asyncio.to_thread(files.remove, each.files)
                outcome.removed[run_id] = count
            else:
                error = "it has changed since"
            if error is not None:
                outcome.failed[run_id] = error
            bar.advance(task)
    return outcome


def collect_after(destination: str, data_dir: str | None, outcome: ArtifactOutcome) -> None:
    """Have the store, if it is one of Headwater's, let go of what the artifacts took.

    Raises:
        ArtifactStoreError: it cannot be read or written.
    """
    if not is_store(destination) or not any(outcome.removed.values()):
        return
    with contextlib.closing(existing_store(destination, data_dir)) as store:
        done = collect(store)
    outcome.condemned = len(done.condemn)
    outcome.condemned_bytes = sum(each.size for each in done.condemn)


def show_artifacts(plan: ArtifactPlan) -> None:
    """Print which artifacts go, and which stay and why."""
    console = Console()
    if plan.removed:
        columns = ("run", "name", "experiment", "files", "size", "rule")
        table = Table(*columns, title="Artifacts to be removed; their runs stay")
        for each in plan.removed[:_SHOWN]:
            run = each.run
            numbers = (f"{len(each.files):,}", size_text(each.size))
            table.add_row(run.run_id, run.name, run.experiment, *numbers, each.rule)
        console.print(table)
        if (more := len(plan.removed) - _SHOWN) > 0:
            console.print(f"and of {more:,} more runs (--json lists them)")
        files = sum(len(each.files) for each in plan.removed)
        size = sum(each.size for each in plan.removed)
        console.print(
            f"{files:,} files of {len(plan.removed):,} runs, {size_text(size)} as users see them"
        )
    if plan.kept:
        reasons = itertools.groupby(sorted(kept.reason for kept in plan.kept))
        counts = [f"{len(list(same)):,} {reason}" for reason, same in reasons]
        console.print(f"Artifacts kept: {'; '.join(counts[:_SHOWN])}")


def result_line(plan: ArtifactPlan, outcome: ArtifactOutcome) -> str:
    """Return what was done, for people."""
    files = sum(len(each.files) for each in plan.removed)
    line = f"Removed {sum(outcome.removed.values()):,} of {files:,} files."
    if outcome.condemned:
        line += (
            f" {size_text(outcome.condemned_bytes)} of the store are needed by no file any more, "
            "and are given back by a collection a day from now."
        )
    return line


def artifacts_as_json(plan: ArtifactPlan, outcome: ArtifactOutcome | None) -> dict[str, Any]:
    """Return plan and outcome for ``--json``."""
    removed: Sequence[dict[str, Any]] = [
        {
            "run_id": each.run.run_id,
            "name": each.run.name,
            "experiment": each.run.experiment,
            "rule": each.rule,
            "bytes": each.size,
            "files": [
                "/".join(part for part in (file.place.prefix, file.path) if part)
                for file in each.files
            ],
        }
        for each in plan.removed
    ]
    done = outcome or ArtifactOutcome()
    return {
        "artifacts": removed,
        "artifacts_kept": [
            {"run_id": kept.run.run_id, "reason": kept.reason} for kept in plan.kept
        ],
        "artifacts_removed": done.removed,
        "artifacts_failed": {**(plan.failed or {}), **done.failed},
    }
