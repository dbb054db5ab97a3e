"""Runs that were logged elsewhere or without a server arrive as they are, with ids and times."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import mlflow
import msgspec
import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric, ViewType
from tests.server import Server, command, environment
from tests.unit.mlflow_plugin.conftest import MLFLOWS_WARNINGS

from headwater.client.captures import RankCapture, get_captures, get_diff, get_output
from headwater.client.connection import connect
from headwater.mlflow_plugin.import_transfer import MARK
from headwater.mlflow_plugin.metric_store import open_store
from headwater.mlflow_release import installed_release
from headwater.storage.metadata import run_captures, run_output
from headwater.storage.metadata.prepare import create
from headwater.wire.capture import Captured, Command, Host, Python

pytestmark = [pytest.mark.slow, *MLFLOWS_WARNINGS, pytest.mark.filterwarnings("ignore")]

LOG = """
import sys
import mlflow
import pandas
name = sys.argv[1]
mlflow.set_experiment(name)
with mlflow.start_run(run_name="outer", tags={"team": "blue"}) as run:
    mlflow.log_params({"lr": 0.1, "depth": 3})
    for step in range(30):
        mlflow.log_metric("loss", 1 / (1 + step), step=step, timestamp=1000 + step)
    mlflow.log_text("hello", "notes/hello.txt")
    frame = pandas.DataFrame({"x": [1.0, 2.0]})
    mlflow.log_input(mlflow.data.from_pandas(frame, name="points"), context="training")
    with mlflow.start_run(run_name="inner", nested=True):
        mlflow.log_metric("m", 2.0)
    model = mlflow.pyfunc.log_model(
        name="echo", python_model=lambda model_input: model_input, pip_requirements=[]
    )
    mlflow.log_metric("acc", 0.5, model_id=model.model_id)
print(run.info.run_id, model.model_id)
"""

REGISTER = """
client, team = mlflow.MlflowClient(), {"team": "blue"}
key = name.replace(" ", "-")
client.create_registered_model(key, tags=team, description="echoes")
notes = client.get_run(run.info.run_id).info.artifact_uri + "/notes"
for _ in range(2):
    client.create_model_version(key, notes, run.info.run_id, tags=team, description="of a run")
client.create_model_version(key, f"models:/{model.model_id}", model_id=model.model_id)
client.delete_model_version(key, "1")
client.set_registered_model_alias(key, "champion", "2")
client.transition_model_version_stage(key, "2", "Production")
client.create_registered_model("taken-" + key, description="the source's")
if not client.tracking_uri.startswith("file") and "sqlite" in client.tracking_uri:
    mlflow.genai.register_prompt(name="prompt-" + key, template="Say {{word}}", tags=team)

@mlflow.trace
def answer(question):
    with mlflow.start_span("think") as span:
        span.set_attribute("depth", 2)
    return question + "!"

with mlflow.start_run(run.info.run_id):
    answer("why")
mlflow.flush_trace_async_logging()
trace = mlflow.get_last_active_trace_id()
mlflow.set_trace_tag(trace, "kind", "test")
mlflow.log_feedback(trace_id=trace, name="good", value=True, rationale="it is")
print(run.info.run_id, model.model_id)
"""


def log(uri: str, name: str, spools: Path, where: Path, program: str = LOG) -> tuple[str, str]:
    """Run the program in a process of its own and return the ids of its run and its model."""
    ended = subprocess.run(
        [sys.executable, "-c", program, name],
        cwd=where,
        env=environment(
            MLFLOW_TRACKING_URI=uri,
            MLFLOW_ALLOW_FILE_STORE="true",
            HEADWATER_SPOOL_DIR=str(spools),
            MLFLOW_DISABLE_TELEMETRY="true",
        ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    run_id, model_id = ended.stdout.split()[-2:]
    return run_id, model_id


def sync(spools: Path, *arguments: str, status: int = 0) -> Any:
    ended = subprocess.run(
        command("sync", "--json", *arguments),
        env=environment(HEADWATER_SPOOL_DIR=str(spools), MLFLOW_ALLOW_FILE_STORE="true"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == status, ended.stderr
    return json.loads(ended.stdout)


def as_seen(client: MlflowClient, run_id: str) -> dict[str, Any]:
    """All that a client tells of a run, except where its things are."""
    run: dict[str, Any] = client.get_run(run_id).to_dictionary()
    for name in ("artifact_uri", "experiment_id"):
        run["info"].pop(name)
    run["data"]["tags"].pop("headwater.imported_from", None)
    history = client.get_metric_history(run_id, "loss")
    points = [(point.value, point.timestamp, point.step) for point in history]
    run["loss"] = list(dict.fromkeys(points))  # a folder keeps exact duplicates, databases do not
    return run


def model_as_seen(client: MlflowClient, model_id: str) -> dict[str, Any]:
    model = client.get_logged_model(model_id)
    return {
        "name": model.name,
        "status": str(model.status),
        "created": model.creation_timestamp,
        "run": model.source_run_id,
        "tags": {k: v for k, v in model.tags.items() if k.startswith("mlflow.source")},
        "metrics": [(m.key, m.value, m.step) for m in model.metrics or []],
    }


def require_arrived(server: Server, name: str, run_id: str, before: dict[str, Any]) -> None:
    target = MlflowClient(tracking_uri=server.url)
    after = as_seen(target, run_id)
    for part in before:
        assert after[part] == before[part]
    experiment = target.get_experiment_by_name(name)
    assert experiment is not None
    runs = target.search_runs([experiment.experiment_id], run_view_type=ViewType.ALL)
    assert {run.info.run_name for run in runs} == {"outer", "inner"}
    uri = target.get_run(run_id).info.artifact_uri
    assert uri.startswith("mlflow-artifacts:/")
    mlflow.set_tracking_uri(server.url)
    try:
        assert mlflow.artifacts.load_text(f"{uri}/notes/hello.txt") == "hello"
    finally:
        mlflow.set_tracking_uri(None)


def test_what_was_done_offline_comes_to_the_server(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.wait_for_upstream()
    place, name = tmp_path / "place", "offline"
    run_id, model_id = log(f"headwater://offline?dir={place}", name, tmp_path / "spools", tmp_path)
    local = MlflowClient(tracking_uri=f"headwater+sqlite:///{place}/mlflow.db")
    before, model = as_seen(local, run_id), model_as_seen(local, model_id)
    assert before["info"]["status"] == "FINISHED"
    assert len(before["loss"]) == 30
    [synced] = sync(tmp_path / "spools", str(place), "--tracking-uri", server.url)
    assert synced["state"] == "sent"
    assert not place.exists()
    require_arrived(server, name, run_id, before)
    target = MlflowClient(tracking_uri=server.url)
    assert model_as_seen(target, model_id) == model
    files = {item.path for item in target.list_logged_model_artifacts(model_id)}
    assert "MLmodel" in files
    assert not (tmp_path / "spools").exists()


@pytest.mark.parametrize("kind", ["folder", "database"])
def test_an_import_may_be_run_again(server: Server, tmp_path: Path, kind: str) -> None:
    server.wait_for_upstream()
    place = tmp_path / ("mlruns" if kind == "folder" else "mlflow.db")
    uri = str(place) if kind == "folder" else f"sqlite:///{place}"
    name = f"import of a {kind}"
    run_id, _ = log(uri, name, tmp_path / "spools", tmp_path, LOG + REGISTER)
    os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
    before = as_seen(MlflowClient(tracking_uri=uri), run_id)
    options = ("--import", str(place), "--tracking-uri", server.url)
    key = name.replace(" ", "-")
    source, target = (MlflowClient(at, registry_uri=at) for at in (uri, server.url))
    registered, traces = registered_as_seen(source, key), traces_as_seen(source, name)
    assert len(registered["versions"]) == 2
    assert len(traces) == 1
    target.create_registered_model(f"taken-{key}", description="the server's")
    first = sync(tmp_path / "spools", *options, status=1)
    prompts = int(kind == "database")
    [failure] = first["failures"]
    assert "not from this source" in failure
    assert (first["runs"], first["traces"]) == (2, 1)
    assert (first["models"], first["versions"]) == (1 + prompts, 2 + prompts)
    assert target.get_registered_model(f"taken-{key}").description == "the server's"
    require_arrived(server, name, run_id, before)
    target.delete_registered_model(f"taken-{key}")
    target.set_registered_model_alias(key, "champion", "3")
    again = sync(tmp_path / "spools", *options)
    assert (again["runs"], again["already"], again["traces"], again["versions"]) == (0, 2, 0, 0)
    assert again["models"] == 1  # the one that was in the way
    require_arrived(server, name, run_id, before)
    assert target.get_model_version_by_alias(key, "champion").version == "3"  # stays
    target.set_registered_model_alias(key, "champion", "2")
    assert registered_as_seen(target, key) == registered
    assert traces_as_seen(target, name) == traces
    if prompts:
        mlflow.set_tracking_uri(server.url)
        try:
            found = mlflow.genai.load_prompt(f"prompts:/prompt-{key}/1")
            experiment = target.get_experiment_by_name(name)
            assert experiment is not None
            condition = f"experiment_id = '{experiment.experiment_id}'"
            [listed] = mlflow.genai.search_prompts(condition)
            assert listed.name == f"prompt-{key}"
        finally:
            mlflow.set_tracking_uri(None)
        assert (found.template, found.tags["team"]) == ("Say {{word}}", "blue")


def test_what_a_headwater_has_captured_comes_along(server: Server, tmp_path: Path) -> None:
    """The source is named as a file, of which MLflow's own tables lack the points."""
    path, printed = tmp_path / "mlflow.db", "ü is a line\n" * 10_000
    create(path, installed_release(), str(tmp_path / "artifacts"))
    store = open_store(f"headwater+sqlite:///{path}", str(tmp_path / "artifacts"))
    experiment_id = store.create_experiment("captured")
    run_id = store.create_run(experiment_id, "me", 1, [], "captured").info.run_id
    store.log_metric(run_id, Metric("loss", 0.5, 1, 2))
    store.engine.dispose()
    told = Captured(
        Command(["python", "train.py"], "/src"),
        Python("3.11.0", "CPython", "/usr/bin/python"),
        Host("node7", "Linux", "x86_64", "a processor", 8, 1 << 30),
        ["numpy==2.0"],
    )
    with closing(sqlite3.connect(path)) as connection, connection:
        run_captures.put(connection, run_id, 0, msgspec.json.encode(told), b"a patch")
        for _ in range(12):  # more than is kept
            run_output.append(connection, run_id, 1, printed.encode())
    options = ("--import", str(path), "--tracking-uri", server.url)
    client = MlflowClient(tracking_uri=server.url)
    texts = []
    for _ in range(2):
        assert sync(tmp_path / "spools", *options)["runs"] == 1
        client.delete_tag(run_id, MARK)  # as if it had been interrupted at the end
        with connect(server.url) as connected:
            assert get_captures(connected, run_id) == [RankCapture(0, told)]
            assert get_diff(connected, run_id) == b"a patch"
            part = get_output(connected, run_id, 1, -100_000)
            assert part["ranks"] == [1]
            texts.append((part["end"], part["text"]))
    assert texts[0] == texts[1]
    assert texts[0][0] >= run_output.KEPT_BYTES - 16
    assert (printed * 12).endswith(texts[0][1])
    [point] = client.get_metric_history(run_id, "loss")
    assert (point.value, point.timestamp, point.step) == (0.5, 1, 2)


def registered_as_seen(client: MlflowClient, name: str) -> dict[str, Any]:
    """All of a registered model but times; a version's source as what is there to load."""
    model = client.get_registered_model(name)
    versions = {}
    for found in client.search_model_versions(f"name = '{name}'"):
        files = mlflow.artifacts.list_artifacts(
            client.get_model_version_download_uri(name, found.version),
            tracking_uri=client.tracking_uri,
        )
        tags = {key: value for key, value in found.tags.items() if "headwater." not in key}
        versions[int(found.version)] = (
            *(found.run_id, found.description or "", found.current_stage, tags),
            sorted(Path(each.path).name for each in files),
        )
    tags = {key: value for key, value in model.tags.items() if "headwater." not in key}
    aliases = {alias: int(version) for alias, version in model.aliases.items()}
    return {
        "description": model.description,
        "tags": tags,
        "aliases": aliases,
        "versions": versions,
    }


def traces_as_seen(client: MlflowClient, experiment_name: str) -> list[Any]:
    experiment = client.get_experiment_by_name(experiment_name)
    assert experiment is not None
    return [
        (
            *(info.trace_id, info.request_time, info.execution_duration, str(info.state)),
            info.tags["kind"],
            info.trace_metadata["mlflow.sourceRun"],
            [(a.name, a.value, a.rationale, a.assessment_id) for a in info.assessments],
            [(s.name, s.start_time_ns, s.parent_id, s.inputs, s.attributes) for s in spans],
        )
        for trace in client.search_traces(locations=[experiment.experiment_id])
        for info, spans in [(trace.info, trace.data.spans)]
    ]
