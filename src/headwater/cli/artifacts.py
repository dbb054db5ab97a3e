"""``headwater artifacts``: look after the artifact store of a server."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from headwater.cli import server_options as given
from headwater.cli import table
from headwater.cli.artifact_check import check_artifacts
from headwater.cli.artifact_store import directory_store, existing_store, has_store
from headwater.cli.database import existing_database
from headwater.cli.options import Json
from headwater.cli.progress import progress
from headwater.cli.quotas import percent
from headwater.errors import CorruptArtifactError
from headwater.server.settings import DEFAULT_DATA_DIR
from headwater.storage.artifacts.collect import GRACE_SECONDS
from headwater.storage.artifacts.collect import collect as collect_packs
from headwater.storage.artifacts.export import export as export_files
from headwater.storage.artifacts.reindex import correct_sizes
from headwater.storage.artifacts.reindex import reindex as make_index
from headwater.storage.artifacts.repack import repack
from headwater.storage.artifacts.store import ArtifactStore
from headwater.storage.artifacts.usage import Usage, directories, packed_bytes, usage
from headwater.storage.backend import Backend
from headwater.tracking.artifact_usage import OwnedUsage, Owner, artifact_usage
from headwater.tracking.model_usage import ModelUsage, model_usage

DataDir = Annotated[
    str | None,
    typer.Option(help=f"The server's directory for data; {DEFAULT_DATA_DIR} unless set."),
]
Directory = Annotated[
    Path | None,
    typer.Option("--directory", help="The directory of the artifacts, if it is elsewhere."),
]
Destination = Annotated[
    str | None,
    typer.Option(
        "--artifacts-destination",
        envvar="MLFLOW_ARTIFACTS_DESTINATION",
        help="The server's, where that is a store: headwater-cas+s3://bucket/prefix.",
    ),
]
_HOUR = 3600.0
_COLUMNS = (
    table.Column("path"),
    table.Column("files", "number"),
    table.Column("size", "number"),
    table.Column("unique", "number"),
    table.Column("stored", "number"),
    table.Column("own", "number"),
)


def register(app: typer.Typer) -> None:
    """Add the subcommands."""
    artifacts = typer.Typer(no_args_is_help=True, help="Look after the artifact store.")
    artifacts.command("check")(check)
    artifacts.command("du")(du)
    artifacts.command("collect")(collect)
    artifacts.command("reindex")(reindex)
    artifacts.command("export")(export)
    app.add_typer(artifacts, name="artifacts")


def check(
    data_dir: DataDir = None,
    directory: Directory = None,
    destination: Destination = None,
    json_output: Json = False,
) -> None:
    """Read all files; say which are damaged, and what is missing. Exits with 1 where one is."""
    found = check_artifacts(_opened(data_dir, directory, destination))
    if json_output:
        table.print_json(found.as_json())
    else:
        for line in found.lines():
            print(line)
    if not found.is_sound:
        sys.exit(1)


def du(
    data_dir: DataDir = None,
    directory: Directory = None,
    destination: Destination = None,
    depth: Annotated[
        int, typer.Option(min=1, help="Directories to tell apart; 1 is experiments, 2 is runs.")
    ] = 1,
    by: Annotated[
        Literal["directory", "experiment", "project", "model"],
        typer.Option(
            help="Whose files to tell apart; of experiments and projects with the limits, of "
            "registered models by version."
        ),
    ] = "directory",
    backend_store_uri: given.BackendStoreUri = None,
    json_output: Json = False,
) -> None:
    """Tell the bytes of files, of their chunks without repetition, and what is stored for them.

    `own` is what is stored for nobody else.
    """
    store = _opened(data_dir, directory, destination)
    if by != "directory":
        database = existing_database(data_dir, backend_store_uri)
        if by == "model":
            _print_models(asyncio.run(_models(database, store)), json_output)
            return
        _print_owners(asyncio.run(_owners(database, store, by)), by, json_output)
        return
    found = dict(sorted(usage(store, directories(depth)).items()))
    total = found.pop("", Usage())
    packed = packed_bytes(store)
    if json_output:
        told = {name: asdict(each) for name, each in found.items()}
        table.print_json({"total": {**asdict(total), "packed": packed}, "directories": told})
        return
    rows = [{"path": name, **asdict(each)} for name, each in found.items()]
    rows.append({"path": "all", **asdict(total)})
    table.print_rows(_COLUMNS, rows, as_csv=False, empty="")
    if total.size:
        print(f"Stored: {100 * total.stored / total.size:.1f} % of the files' bytes.")


async def _owners(backend: Backend, store: ArtifactStore, by: Owner) -> Sequence[OwnedUsage]:
    database, _ = backend.open()
    try:
        return await artifact_usage(database, store, by)
    finally:
        database.close()


async def _models(backend: Backend, store: ArtifactStore) -> Sequence[ModelUsage]:
    database, _ = backend.open()
    try:
        return await model_usage(database, store)
    finally:
        database.close()


def _print_models(found: Sequence[ModelUsage], json_output: bool) -> None:
    rows = [
        {"model": each.model, "version": each.version, **asdict(each.usage)}
        for each in found
        if each.usage is not None
    ]
    elsewhere = [f"{each.model}/{each.version}" for each in found if each.usage is None]
    if json_output:
        table.print_json({"models": rows, "elsewhere": elsewhere})
        return
    rows[0]["model"] = "all"
    columns = (table.Column("model"), table.Column("version", "number"), *_COLUMNS[1:])
    table.print_rows(columns, rows, as_csv=False, empty="")
    if elsewhere:
        table.note(f"Not in this store: {', '.join(elsewhere)}")


def _print_owners(found: Sequence[OwnedUsage], by: Owner, json_output: bool) -> None:
    rows = [{by: each.name, **asdict(each.usage), "limit": each.limit} for each in found]
    if json_output:
        table.print_json({f"{by}s": rows})
        return
    for row in rows:
        limit = row["limit"]
        row["used"] = "" if limit is None else percent(row["size"], limit)
    rows[0][by] = "all"
    columns = (table.Column(by), *_COLUMNS[1:], table.Column("limit", "number"))
    table.print_rows((*columns, table.Column("used", title="%")), rows, as_csv=False, empty="")


def collect(
    data_dir: DataDir = None,
    directory: Directory = None,
    destination: Destination = None,
    grace: Annotated[
        float, typer.Option(min=0, help="Hours that an upload may take.")
    ] = GRACE_SECONDS / _HOUR,
    json_output: Json = False,
) -> None:
    """Remove what no file needs; in two steps, a grace period apart. Servers do so every day.

    Packs that are mostly unneeded are packed anew first.
    """
    store = _opened(data_dir, directory, destination)
    moved = repack(store, grace=grace * _HOUR)
    done = collect_packs(store, grace=grace * _HOUR)
    told = {
        "repacked": len(moved.packs),
        "damaged": list(moved.damaged),
        "condemned": len(done.condemn),
        "removed": len(done.remove),
        "removed_bytes": sum(each.size for each in done.remove),
        "drafts": len(done.drafts),
    }
    if json_output:
        table.print_json(told)
        return
    for name in moved.damaged:
        table.note(f"pack {name} is damaged and stays: headwater artifacts check")
    if moved.packs:
        unneeded = sum(each.size - each.needed for each in moved.packs)
        print(
            f"Packed {table.counted(len(moved.packs), 'pack')} anew, of which {unneeded:,} bytes "
            "were not needed."
        )
    print(
        f"Removed {table.counted(len(done.remove), 'pack')} of {told['removed_bytes']:,} bytes; "
        f"{told['condemned']:,} more will go after {grace:g} hours."
    )


def reindex(
    data_dir: DataDir = None, directory: Directory = None, destination: Destination = None
) -> None:
    """Make the index anew from what is stored. A server does so where its index was lost."""
    store = _opened(data_dir, directory, destination)
    make_index(store)
    corrected = correct_sizes(store)
    files, size = store.index.total("")
    print(f"{table.counted(files, 'file')} of {size:,} bytes; {corrected:,} corrected.")


def export(
    target: Annotated[Path, typer.Argument(help="Where the plain files go.")],
    data_dir: DataDir = None,
    directory: Directory = None,
    destination: Destination = None,
) -> None:
    """Write all files as plain ones, as ``mlflow server --artifacts-destination`` has them."""
    store = _opened(data_dir, directory, destination)
    files = sum(1 for _ in store.paths())
    failures = 0
    with progress("exporting files") as bar:
        task = bar.add_task("", total=files)
        for _, failure in export_files(store, target):
            bar.advance(task)
            if failure is not None:
                failures += 1
                table.note(failure)
    print(f"{table.counted(files - failures, 'file')} in {target}")
    if failures:
        raise CorruptArtifactError(f"{table.counted(failures, 'file')} could not be exported")


def _opened(data_dir: str | None, directory: Path | None, destination: str | None) -> ArtifactStore:
    root = directory or Path(data_dir or DEFAULT_DATA_DIR) / "artifacts"
    is_named = directory is not None or (data_dir is not None and has_store(root))
    if destination is not None and not is_named:
        return existing_store(destination, data_dir)
    return directory_store(root)
