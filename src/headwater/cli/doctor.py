"""``headwater doctor``: what a database holds, what is amiss, and what would be gained."""

import dataclasses
import json
import shlex
import time
from typing import Annotated, Any

import typer
from rich.console import Console

from headwater.cli import server_options as given
from headwater.cli.database import named_database
from headwater.mlflow_release import installed_release
from headwater.storage.doctor import Report, examine


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command("doctor")(doctor)


def doctor(
    data_dir: given.DataDir = None,
    backend_store_uri: given.BackendStoreUri = None,
    json_output: Annotated[
        bool, typer.Option("--json", help="Print the report as one JSON object.")
    ] = False,
) -> None:
    """Report what a database holds and what would be gained, writing nothing.

    Works on databases of plain MLflow, too. Exit status 1 tells that the database cannot serve.
    """
    backend = named_database(data_dir, backend_store_uri)
    with Console(stderr=True).status("Counting"), backend.surveyed() as survey:
        report = examine(survey, installed_release(), time.time_ns() // 1_000_000)
    if json_output:
        print(json.dumps(_as_json(backend.name, report)))
    else:
        _print(backend.name, report, _options(data_dir, backend_store_uri))
    if any(finding.is_problem for finding in report.findings):
        raise typer.Exit(1)


def _as_json(name: str, report: Report) -> dict[str, Any]:
    found = dataclasses.asdict(report)
    return {"database": name, **found, "bytes_a_point": report.bytes_a_point}


def _print(name: str, report: Report, options: str) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(name, style="bold", markup=False)
    for label, text in _lines(report):
        console.print(f"{label:<20}  {text}", markup=False)
    for finding in report.findings:
        mark, style = ("✗", "red") if finding.is_problem else ("•", "yellow")
        console.print(f"{mark} {finding.text}", style=style, markup=False)
        if finding.command:
            ours = finding.command.startswith("headwater ")
            console.print(f"    {finding.command}{options if ours else ''}", markup=False)
    if not report.findings:
        console.print("✓ nothing to do", style="green")


def _options(data_dir: str | None, backend_store_uri: str | None) -> str:
    """Return the options that name the same database in a command to copy."""
    if backend_store_uri:
        return f" --backend-store-uri {shlex.quote(backend_store_uri)}"
    return f" --data-dir {shlex.quote(data_dir)}" if data_dir else ""


def _lines(report: Report) -> list[tuple[str, str]]:
    rows, stored, sizes = report.rows, report.stored, report.sizes
    statuses = ", ".join(f"{runs:,} {status}" for status, runs in report.runs_by_status.items())
    free = "" if sizes.disk_free is None else f", {size(sizes.disk_free)} free on its disk"
    lines = [
        ("MLflow's schema", report.mlflow_revision or "none"),
        ("Headwater's schema", report.headwater_revision or "none yet"),
        ("size", f"{size(sizes.total)}, {size(sizes.free)} of it unused{free}"),
        ("experiments", f"{rows['experiments']:,}"),
        ("runs", f"{rows['runs']:,}" + (f" ({statuses})" if statuses else "")),
        ("params, tags", f"{rows['params']:,}, {rows['tags']:,}"),
        ("metric rows", f"{rows['metrics']:,}"),
        ("blocks", f"{stored.blocks:,} with {stored.block_points:,} points"),
        (
            "chunks",
            f"{stored.chunks:,} of {stored.series:,} series with {stored.chunk_points:,} points",
        ),
    ]
    if report.bytes_a_point is not None:
        lines.append(("bytes a point", f"{report.bytes_a_point:.1f}"))
    largest = sorted(sizes.tables.items(), key=lambda item: -item[1])[:5]
    lines += [(f"  {table}", size(taken)) for table, taken in largest]
    return lines + gain_lines(report)


def gain_lines(report: Report) -> list[tuple[str, str]]:
    """Return what migrating would change, as lines of a label and a text."""
    gained = report.gain
    if gained.rows == 0:
        return []
    before, after = size(gained.bytes), size(gained.bytes_as_chunks)
    each = gained.bytes_as_chunks / gained.rows
    lines = [("migrating", f"{before} of rows become about {after} ({each:.1f} bytes a point)")]
    lines += [(f"  run {run_id}", f"{rows:,} rows") for run_id, rows in gained.largest_runs]
    if (longest := gained.longest) is not None:
        old, new = longest.seconds_as_rows * 1000, longest.seconds_as_chunks * 1000
        text = f"{longest.rows:,} points, read in {old:,.1f} ms as rows and {new:,.1f} as chunks"
        lines.append((f"  its metric {longest.key!r}", text))
    return lines


def size(count: float) -> str:
    """Return bytes as people read them."""
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
