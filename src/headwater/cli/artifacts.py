"""``headwater artifacts``: look after the artifact store of a server."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from headwater.cli import table
from headwater.cli.options import Json
from headwater.cli.progress import progress
from headwater.entities.artifact_store_uri import (
    BUCKET_SCHEME,
    STORE_SCHEME,
    is_store,
    store_directory,
)
from headwater.errors import ConfigurationError, CorruptArtifactError
from headwater.server.settings import DEFAULT_DATA_DIR, INDEX_DIRECTORY
from headwater.storage.artifacts.check import check as check_store
from headwater.storage.artifacts.collect import GRACE_SECONDS
from headwater.storage.artifacts.collect import collect as collect_packs
from headwater.storage.artifacts.export import export as export_files
from headwater.storage.artifacts.open_uri import open_uri
from headwater.storage.artifacts.overlay import STORE_DIRECTORY
from headwater.storage.artifacts.store import ArtifactStore, open_local_store
from headwater.storage.artifacts.usage import packed_bytes, usage

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
)


def register(app: typer.Typer) -> None:
    """Add the subcommands."""
    artifacts = typer.Typer(no_args_is_help=True, help="Look after the artifact store.")
    artifacts.command("check")(check)
    artifacts.command("du")(du)
    artifacts.command("collect")(collect)
    artifacts.command("export")(export)
    app.add_typer(artifacts, name="artifacts")


def check(
    data_dir: DataDir = None,
    directory: Directory = None,
    destination: Destination = None,
    json_output: Json = False,
) -> None:
    """Read all files, and say which are damaged. Exits with 1 where one is."""
    store = _opened(data_dir, directory, destination)
    files = sum(1 for _ in store.paths())
    with progress("checking files") as bar:
        task = bar.add_task("", total=files)
        damaged = list(check_store(store, lambda _: bar.advance(task)))
    if json_output:
        table.print_json({"files": files, "damaged": [asdict(each) for each in damaged]})
    else:
        for each in damaged:
            print(f"{each.path}: {each.fault}")
        print(f"{table.counted(files, 'file')}, {len(damaged):,} damaged")
    if damaged:
        sys.exit(1)


def du(
    data_dir: DataDir = None,
    directory: Directory = None,
    destination: Destination = None,
    depth: Annotated[
        int, typer.Option(min=1, help="Directories to tell apart; 1 is experiments, 2 is runs.")
    ] = 1,
    json_output: Json = False,
) -> None:
    """Tell the bytes of files, of their chunks without repetition, and what is stored for them."""
    store = _opened(data_dir, directory, destination)
    found = usage(store, depth)
    total = found.pop("")
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


def collect(
    data_dir: DataDir = None,
    directory: Directory = None,
    destination: Destination = None,
    grace: Annotated[
        float, typer.Option(min=0, help="Hours that an upload may take.")
    ] = GRACE_SECONDS / _HOUR,
    json_output: Json = False,
) -> None:
    """Remove what no file needs; in two steps, a grace period apart. Servers do so every day."""
    done = collect_packs(_opened(data_dir, directory, destination), grace=grace * _HOUR)
    told = {
        "condemned": len(done.condemn),
        "removed": len(done.remove),
        "removed_bytes": sum(each.size for each in done.remove),
        "drafts": len(done.drafts),
    }
    if json_output:
        table.print_json(told)
        return
    print(
        f"Removed {table.counted(told['removed'], 'pack')} of {told['removed_bytes']:,} bytes; "
        f"{told['condemned']:,} more will go after {grace:g} hours."
    )


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
    if destination is not None and directory is None and data_dir is None:
        if destination.startswith(f"{BUCKET_SCHEME}:"):
            return _opened_bucket(destination)
        if not is_store(destination):
            raise ConfigurationError(
                f"{destination} is no artifact store; its URI would begin with {BUCKET_SCHEME}: "
                f"or {STORE_SCHEME}:"
            )
        directory = store_directory(destination)
    root = directory or Path(data_dir or DEFAULT_DATA_DIR) / "artifacts"
    place = root / STORE_DIRECTORY
    if not place.is_dir():
        raise ConfigurationError(
            f"there is no artifact store in {root}; name yours with --data-dir or --directory"
        )
    return open_local_store(place)


def _opened_bucket(uri: str) -> ArtifactStore:
    index = Path(DEFAULT_DATA_DIR) / INDEX_DIRECTORY
    store = open_uri(uri, index if index.is_dir() else None).store
    found = store.objects.list_directory("")
    if not (found.directories or found.objects):
        raise ConfigurationError(f"there is no artifact store in {uri}: nothing was stored there")
    return store
