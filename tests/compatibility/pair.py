"""A stock MLflow server and a candidate that get the same calls and must give the same answers."""

import itertools
import json
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

import httpx
from tests.compatibility.answers import Answer, Names, normalise
from tests.compatibility.calls import Call, get, post
from tests.compatibility.servers import FIRST_EXPERIMENT, Server

PREFIXES = ("/api/2.0/mlflow/", "/ajax-api/2.0/mlflow/")
_numbers = itertools.count(1)

_HOME = str(FIRST_EXPERIMENT)
_START = 1_000
_LATER = 2_000
_CREATIONS: dict[str, tuple[Call, ...]] = {
    "<experiment>": (
        post("experiments/create", name="<unique>").saving(experiment="experiment_id"),
    ),
    "<deleted experiment>": (
        post("experiments/create", name="<unique> deleted").saving(
            deleted_experiment="experiment_id"
        ),
        post("experiments/delete", experiment_id="<deleted experiment>"),
    ),
    "<run>": (
        post(
            "runs/create", experiment_id="<experiment>", start_time=_START, run_name="a run"
        ).saving(run="run.info.run_id"),
    ),
    "<other run>": (
        post(
            "runs/create", experiment_id="<experiment>", start_time=_LATER, run_name="another"
        ).saving(other_run="run.info.run_id"),
    ),
    "<deleted run>": (
        post("runs/create", experiment_id="<experiment>", start_time=3, run_name="gone").saving(
            deleted_run="run.info.run_id"
        ),
        post("runs/delete", run_id="<deleted run>"),
    ),
    "<model>": (
        post("logged-models", experiment_id="<experiment>", name="model").saving(
            model="model.info.model_id"
        ),
    ),
}
_RUNS = ("<run>", "<other run>", "<deleted run>")


@dataclass
class Side:
    """One of the two servers, as one case sees it."""

    server: Server
    client: httpx.Client
    names: Names

    def send(self, call: Call, prefix: str) -> tuple[Answer, httpx.Response]:
        """Send the call and return the answer, normalised and as it came."""
        path = call.path if call.path.startswith("/") else prefix + call.path
        content = call.content
        response = self.client.request(
            call.method,
            self.names.fill_in(path) + self._query(call),
            content=self.names.fill_in(content) if isinstance(content, str) else content,
            headers=call.headers,
        )
        if self.server.name == "mlflow" and response.is_server_error:
            # Uvicorn closes the connection a moment after an exception, without saying so.
            response.extensions["network_stream"].close()
        return normalise(response, self.names), response

    def _query(self, call: Call) -> str:
        filled = self.names.fill_in(call.query)
        return f"?{quote(filled, safe='=&%+;/?:@!$,')}" if filled else ""


@dataclass
class Pair:
    """The two servers during one case, with what the case created on each."""

    stock: Side
    candidate: Side
    prefix: str = PREFIXES[0]
    known: set[str] = field(default_factory=set)

    @classmethod
    def begin(cls, stock: Server, candidate: Server, clients: tuple[httpx.Client, ...]) -> "Pair":
        """Start a case with names of its own."""
        number = next(_numbers)
        first, second = (
            Side(
                server,
                client,
                Names(str(server.directory), {"<unique>": f"case {number}", "<home>": _HOME}),
            )
            for server, client in zip((stock, candidate), clients, strict=True)
        )
        return cls(first, second, PREFIXES[number % len(PREFIXES)])

    def play(self, *calls: Call) -> Any:
        """Send calls to both servers; fail at the first answer that differs.

        What the calls name and nobody created yet is created first. Returns stock's last body.
        """
        body: Any = None
        for call in calls:
            self._create_what_is_named(call)
            body = self._send(call)
        return body

    def exceed(self, call: Call) -> None:
        """Send a call that MLflow refuses and the candidate carries out."""
        refusal, _ = self.stock.send(call, self.prefix)
        answer, response = self.candidate.send(call, self.prefix)
        assert refusal.status == httpx.codes.BAD_REQUEST, f"{call}: stock answers {refusal}"
        assert response.status_code == httpx.codes.OK, f"{call}: {answer}"

    def create(self, label: str) -> None:
        """Create what a label stands for before a call names it."""
        self._create(label, _CREATIONS[label])

    def give(self, label: str, value: str) -> None:
        """Let a label stand for a text that is the same on both servers, as page tokens are."""
        for side in (self.stock, self.candidate):
            side.names.by_label[label] = value

    def compare_state(self) -> None:
        """Compare what the case left behind: its experiment, its runs, their metric histories."""
        if "<experiment>" in self.known:
            self.play(get("experiments/get", "experiment_id=<experiment>"))
        for run in _RUNS:
            if run in self.known:
                self.compare_run(run)

    def compare_run(self, run: str) -> None:
        """Compare one run and the whole history of its first metrics."""
        body = self.play(get("runs/get", f"run_id={run}"))
        metrics = body.get("run", {}).get("data", {}).get("metrics", []) if body else []
        for key in sorted(metric["key"] for metric in metrics)[:3]:
            query = f"run_id={run}&metric_key={quote(key, safe='')}&max_results=5000"
            self.play(get("metrics/get-history", query))

    def _send(self, call: Call) -> Any:
        expected, response = self.stock.send(call, self.prefix)
        actual, other = self.candidate.send(call, self.prefix)
        if expected != actual:
            raise AssertionError(
                f"{call} (under {self.prefix})\n"
                f"{self.stock.server.name} answers {expected}\n"
                f"{self.candidate.server.name} answers {actual}"
            )
        if call.saved and response.status_code == httpx.codes.OK:
            self._save(call.saved, self.stock.names, response)
            self._save(call.saved, self.candidate.names, other)
        return _body(response)

    def _save(self, saved: Any, names: Names, response: httpx.Response) -> None:
        for label, path in saved.items():
            value = _body(response)
            for step in path.split("."):
                value = value[int(step)] if isinstance(value, list) else value[step]
            names.give(label, value)
            self.known.add(label)

    def _create_what_is_named(self, call: Call) -> None:
        content = call.content if isinstance(call.content, str) else ""
        text = f"{call.path} {call.query} {content}"
        for label, creation in _CREATIONS.items():
            if label in text and label not in self.known:
                self._create(label, creation)

    def _create(self, label: str, creation: tuple[Call, ...]) -> None:
        self.known.add(label)
        for step in creation:
            self._send(self._at_home(step))

    def _at_home(self, creation: Call) -> Call:
        """Put runs into a common experiment unless the case has one of its own: this is faster."""
        if "<experiment>" in self.known or not isinstance(creation.content, str):
            return creation
        return replace(creation, content=creation.content.replace("<experiment>", "<home>"))


def _body(response: httpx.Response) -> Any:
    if response.headers.get("content-type", "").startswith("application/json"):
        return json.loads(response.content or b"null")
    return None
