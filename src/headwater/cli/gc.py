"""``headwater gc``: remove the runs that retention rules let go, after showing which."""

import asyncio
import itertools
import json
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from headwater.cli import server_options as given
from headwater.cli.database import existing_database, registry_database
from headwater.cli.gc_artifacts import (
    ArtifactOutcome,
    artifacts_as_json,
    collect_after,
    remove_artifacts,
    result_line,
    show_artifacts,
)
from headwater.cli.progress import progress
from headwater.cli.remover import ArtifactFiles, Remover
from headwater.cli.rewind import Json, Yes, ask
from headwater.errors import ConfigurationError
from headwater.server.settings import artifacts_destination as default_destination
from headwater.storage.backend import Backend
from headwater.storage.metadata.base import Database
from headwater.tracking.artifact_retention import ArtifactPlan
from headwater.tracking.collect_artifacts import plan_artifact_collection
from headwater.tracking.collect_runs import delete_collected, plan_collection
from headwater.tracking.retention import ENDED, KeepBest, RetentionPlan, RetentionRule
from headwater.tracking.retention_rules import (
    parse_duration,
    parse_rules,
    require_count,
    require_registered,
    require_statuses,
)

_SHOWN = 20
_BATCH = 50
_RULE = "Rule"


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command("gc")(gc)


@dataclass
class _Outcome:
    removed: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def gc(
    rules: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="A TOML file of [[rule]] tables."),
    ] = None,
    experiment: Annotated[
        list[str] | None,
        typer.Option(rich_help_panel=_RULE, help="Name pattern or id; may be repeated."),
    ] = None,
    older_than: Annotated[
        str | None,
        typer.Option(rich_help_panel=_RULE, help="Only runs that ended so long ago: 12h, 30d, 4w."),
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option(rich_help_panel=_RULE, help="KEY=PATTERN or KEY; all must match."),
    ] = None,
    status: Annotated[
        list[str] | None,
        typer.Option(rich_help_panel=_RULE, help="FINISHED, FAILED or KILLED; may be repeated."),
    ] = None,
    deleted: Annotated[
        bool,
        typer.Option(
            "--deleted", rich_help_panel=_RULE, help="Only deleted runs, by when they were."
        ),
    ] = False,
    keep_best: Annotated[
        int | None,
        typer.Option(rich_help_panel=_RULE, help="Keep so many of each experiment, by --metric."),
    ] = None,
    metric: Annotated[
        str | None, typer.Option(rich_help_panel=_RULE, help="What --keep-best compares.")
    ] = None,
    minimize: Annotated[
        bool, typer.Option("--minimize", rich_help_panel=_RULE, help="Less is better.")
    ] = False,
    project: Annotated[
        list[str] | None,
        typer.Option(rich_help_panel=_RULE, help="Project, with all below; may be repeated."),
    ] = None,
    artifacts: Annotated[
        list[str] | None,
        typer.Option(
            rich_help_panel=_RULE,
            help="Remove such artifacts, and keep the runs: 'checkpoints/*'; may be repeated.",
        ),
    ] = None,
    registered: Annotated[
        bool,
        typer.Option(
            "--registered",
            rich_help_panel=_RULE,
            help="With --artifacts: also those of runs that made a registered model.",
        ),
    ] = False,
    data_dir: given.DataDir = None,
    backend_store_uri: given.BackendStoreUri = None,
    registry_store_uri: given.RegistryStoreUri = None,
    artifacts_destination: given.ArtifactsDestination = None,
    remove: Annotated[
        bool, typer.Option("--remove", help="Remove the runs after showing them.")
    ] = False,
    yes: Yes = False,
    json_output: Json = False,
) -> None:
    """Show which runs retention rules let go; with --remove, remove them for good.

    Removed are a run's params, tags, metrics and artifacts; with --artifacts, only those artifacts
    that match. Servers may go on running.
    """
    options = (
        *(experiment, older_than, tag, status, deleted or None, keep_best, metric),
        *(project, artifacts, registered or None),
    )
    if rules is None:
        if all(option is None for option in options):
            raise ConfigurationError("no rule: say which runs may go, or give --rules FILE")
        best = _keep_best(keep_best, metric, minimize)
        rule = _rule(experiment, older_than, tag, status, deleted, best)
        wanted = [
            replace(
                rule,
                projects=tuple(project or ()),
                artifacts=tuple(artifacts or ()),
                registered=require_registered(registered, artifacts or (), "--registered: "),
            )
        ]
    elif any(option is not None for option in options):
        raise ConfigurationError("--rules and options of a rule cannot be combined")
    else:
        wanted = list(parse_rules(rules.read_bytes(), str(rules)))
    backend = existing_database(data_dir, backend_store_uri)
    command = _Command(
        backend,
        registry_database(registry_store_uri, backend),
        artifacts_destination or default_destination(data_dir, backend_store_uri, Path.cwd()),
        data_dir,
        remove=remove,
        yes=yes,
        json=json_output,
    )
    _print_result(backend.name, asyncio.run(command.run(wanted)), json_output)


@dataclass(frozen=True)
class _Command:
    """What is asked for, apart from the rules."""

    backend: Backend
    registry: Backend
    destination: str
    data_dir: str | None
    remove: bool
    yes: bool
    json: bool

    async def run(self, rules: Sequence[RetentionRule]) -> "_Result":
        with ExitStack() as stack:
            database, _ = self.backend.open()
            stack.callback(database.close)
            registry = database
            if self.registry is not self.backend:
                registry, _ = self.registry.open()
                stack.callback(registry.close)
            plan = await plan_collection(database, registry, rules)
            gone = {run.run_id for run, _ in plan.removed}
            on_artifacts, files = ArtifactPlan(), None
            if any(rule.artifacts for rule in rules):
                files = stack.enter_context(ArtifactFiles(self.destination))
                on_artifacts = await plan_artifact_collection(
                    database, registry, rules, files.list, gone
                )
            if not self.json:
                _show(plan)
                show_artifacts(on_artifacts)
            result = _Result(plan, on_artifacts)
            if not self.remove or not (plan.removed or on_artifacts.removed):
                return result
            ask(_question(plan, on_artifacts), self.yes)
            if files is not None and on_artifacts.removed:
                done = await remove_artifacts(database, registry, on_artifacts, files)
                result.artifact_outcome = done
            if plan.removed:
                with Remover(self.backend.uri, self.destination) as remover:
                    run_ids = [run.run_id for run, _ in plan.removed]
                    result.outcome = await _remove(database, registry, remover, run_ids)
            if result.artifact_outcome is not None:
                collect_after(self.destination, self.data_dir, result.artifact_outcome)
            return result


@dataclass
class _Result:
    """What a command has found and done."""

    plan: RetentionPlan
    on_artifacts: ArtifactPlan
    outcome: _Outcome | None = None
    artifact_outcome: ArtifactOutcome | None = None

    @property
    def failures(self) -> dict[str, str]:
        """Why runs stay that were to go, and artifacts of runs; by run."""
        found = dict(self.on_artifacts.failed or {})
        for outcome in (self.artifact_outcome, self.outcome):
            found.update({} if outcome is None else outcome.failed)
        return found


def _question(plan: RetentionPlan, on_artifacts: ArtifactPlan) -> str:
    parts = []
    if plan.removed:
        parts.append(f"{len(plan.removed):,} runs")
    if on_artifacts.removed:
        files = sum(len(each.files) for each in on_artifacts.removed)
        parts.append(f"{files:,} artifacts of {len(on_artifacts.removed):,} runs")
    return f"Remove {' and '.join(parts)} for good"


def _print_result(database: str, result: _Result, json_output: bool) -> None:
    plan, on_artifacts = result.plan, result.on_artifacts
    outcome, removed = result.outcome, result.artifact_outcome
    if json_output:
        told = _as_json(database, plan, outcome)
        print(json.dumps(told | artifacts_as_json(on_artifacts, removed)))
    else:
        if outcome is not None:
            print(f"Removed {len(outcome.removed):,} of {len(plan.removed):,} runs.")
        if removed is not None:
            print(result_line(on_artifacts, removed))
        if outcome is None and removed is None:
            is_any = plan.removed or on_artifacts.removed
            kind = "run" if on_artifacts.failed is None else "artifact"
            print("Nothing was removed; --remove does it." if is_any else f"No {kind} would go.")
    if result.failures:
        console = Console(stderr=True)
        for run_id, error in result.failures.items():
            console.print(f"run {run_id} stays: {error}", style="yellow", highlight=False)
        raise typer.Exit(1)


def _keep_best(count: int | None, metric: str | None, minimize: bool) -> KeepBest | None:
    if count is None and metric is None and not minimize:
        return None
    if count is None or metric is None:
        raise ConfigurationError("--keep-best and --metric belong together")
    return KeepBest(metric, require_count(count, "--keep-best: "), minimize)


def _rule(
    experiments: Sequence[str] | None,
    older_than: str | None,
    tags: Sequence[str] | None,
    statuses: Sequence[str] | None,
    deleted: bool,
    best: KeepBest | None,
) -> RetentionRule:
    patterns = {}
    for each in tags or ():
        key, equals, pattern = each.partition("=")
        patterns[key] = pattern if equals else "*"
    return RetentionRule(
        "command line",
        tuple(experiments or ("*",)),
        parse_duration(older_than) if older_than is not None else 0,
        patterns,
        require_statuses(statuses, "--status: ") if statuses else ENDED,
        deleted,
        best,
    )


async def _remove(
    database: Database, registry: Database, remover: Remover, run_ids: Sequence[str]
) -> _Outcome:
    """Remove runs a batch at a time; stopped half-way, those under way are deleted, not removed."""
    outcome = _Outcome()
    with progress("Removing runs") as bar:
        task = bar.add_task("remove", total=len(run_ids))
        for batch in _batches(run_ids):
            # Children before parents, a batch after the other: may_go asks for active children.
            removable = set(await delete_collected(database, registry, batch))
            for run_id in batch:
                error = (
                    await asyncio.to_thread(remover.remove, run_id)
                    if run_id in removable
                    else "it has changed since"
                )
                if error is None:
                    outcome.removed.append(run_id)
                else:
                    outcome.failed[run_id] = error
                bar.advance(task)
    return outcome


def _batches(run_ids: Sequence[str]) -> Iterable[Sequence[str]]:
    for start in range(0, len(run_ids), _BATCH):
        yield run_ids[start : start + _BATCH]


def _show(plan: RetentionPlan) -> None:
    console = Console()
    if plan.removed:
        columns = ("run", "name", "experiment", "status", "points", "rule")
        table = Table(*columns, title="Runs to be removed")
        for run, rule in plan.removed[:_SHOWN]:
            status = "deleted" if run.deleted else run.status
            table.add_row(run.run_id, run.name, run.experiment, status, f"{run.points:,}", rule)
        console.print(table)
        if (more := len(plan.removed) - _SHOWN) > 0:
            console.print(f"and {more:,} more (--json lists them)")
        points = sum(run.points for run, _ in plan.removed)
        experiments = len({run.experiment_id for run, _ in plan.removed})
        console.print(
            f"{len(plan.removed):,} runs of {experiments:,} experiments, {points:,} metric points"
        )
    if plan.kept:
        reasons = itertools.groupby(sorted(kept.reason for kept in plan.kept))
        counts = [f"{len(list(same)):,} {reason}" for reason, same in reasons]
        console.print(f"Kept: {'; '.join(counts[:_SHOWN])}")


def _as_json(database: str, plan: RetentionPlan, outcome: _Outcome | None) -> dict[str, Any]:
    return {
        "database": database,
        "runs": [
            {
                "run_id": run.run_id,
                "name": run.name,
                "experiment": run.experiment,
                "rule": rule,
                "points": run.points,
            }
            for run, rule in plan.removed
        ],
        "kept": [{"run_id": kept.run.run_id, "reason": kept.reason} for kept in plan.kept],
        "removed": [] if outcome is None else outcome.removed,
        "failed": {} if outcome is None else outcome.failed,
    }
