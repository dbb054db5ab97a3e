"""Random life of a tracking server: both servers get the same calls and must stay alike.

Names come from small pools, so that conflicts, overwrites and operations on what is deleted are
common. ``HEADWATER_STATE_MACHINE_EXAMPLES`` sets the number of histories to try (default few and
always the same; any other number explores new ones).
"""

import itertools
import os
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)
from tests.compatibility.calls import get, post
from tests.compatibility.deviations import refuses_repeated_points
from tests.compatibility.pair import Pair

_EXAMPLES = os.environ.get("HEADWATER_STATE_MACHINE_EXAMPLES")

_experiment_names = st.sampled_from(["alpha", "beta", "gamma 🚀", "with/slash"])
_keys = st.sampled_from(["a", "b", "A", "c/d", "é", "e.f g", "x//y"])
_texts = st.sampled_from(["", "1", "1.0", "one", "ünï 🚀", "x" * 6_001])
_NANS = [] if refuses_repeated_points else ["NaN"]
_values = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, 2, *_NANS, "Infinity", "-Infinity", "nope"]),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
)
_steps = st.sampled_from([-1, 0, 1, 2, 3, 2**40])
_times = st.sampled_from([0, 1, 2, 3, 1_000])
_views = st.sampled_from(["ACTIVE_ONLY", "DELETED_ONLY", "ALL"])
_statuses = st.sampled_from(["RUNNING", "FINISHED", "FAILED", "KILLED", "SCHEDULED"])
_points = st.fixed_dictionaries(
    {"key": _keys, "value": _values, "timestamp": _times, "step": _steps}
)
_entries = st.fixed_dictionaries({"key": _keys, "value": _texts})
_FILTERS = (
    "",
    "metrics.a > 0",
    "metrics.b != 1",
    "params.a = '1'",
    "params.a ILIKE 'ON%'",
    "params.a != 'one'",
    "tags.b = 'one'",
    "tags.a LIKE '%1%'",
    "attributes.status = 'FINISHED'",
    "attributes.run_name = 'alpha'",
    "attributes.end_time > 1",
    "metrics.a < 2 AND params.b = '1'",
)
_ORDERS = (
    (),
    ("metrics.a",),
    ("metrics.a DESC",),
    ("params.a DESC",),
    ("tags.b",),
    ("attributes.end_time",),
    ("attributes.status", "metrics.b DESC"),
    ("run_name",),
)
_filters = st.sampled_from(_FILTERS)
_orders = st.sampled_from(_ORDERS).map(list)


class TrackingLife(RuleBasedStateMachine):
    """The operations of a tracking server, in any order."""

    begin: Callable[[], Pair]
    experiments = Bundle("experiments")
    runs = Bundle("runs")

    @initialize()
    def start(self) -> None:
        self.pair = type(self).begin()
        self.clock = itertools.count(1_000)
        self.made: dict[str, list[str]] = {"experiment": [], "run": []}

    def _create(self, kind: str, path: str, **fields: Any) -> str:
        """Create an experiment or run on both servers; its label stays even if that fails."""
        label = f"<{kind} number {len(self.made[kind])}>"
        place = "experiment_id" if kind == "experiment" else "run.info.run_id"
        self.pair.play(post(path, **fields).saving(**{label.strip("<>").replace(" ", "_"): place}))
        self.made[kind].append(label)
        return label

    @rule(target=experiments, name=_experiment_names, tags=st.lists(_entries, max_size=2))
    def create_experiment(self, name: str, tags: list[Any]) -> str:
        name = f"<unique> {name}"
        return self._create("experiment", "experiments/create", name=name, tags=tags)

    @rule(experiment=experiments, name=_experiment_names)
    def rename_experiment(self, experiment: str, name: str) -> None:
        name = f"<unique> {name}"
        self.pair.play(post("experiments/update", experiment_id=experiment, new_name=name))

    @rule(experiment=experiments, action=st.sampled_from(["delete", "restore", "restore"]))
    def delete_or_restore_experiment(self, experiment: str, action: str) -> None:
        self.pair.play(post(f"experiments/{action}", experiment_id=experiment))

    @rule(experiment=experiments, entry=_entries)
    def tag_experiment(self, experiment: str, entry: dict[str, Any]) -> None:
        self.pair.play(post("experiments/set-experiment-tag", experiment_id=experiment, **entry))

    @rule(experiment=experiments, key=_keys)
    def untag_experiment(self, experiment: str, key: str) -> None:
        path = "experiments/delete-experiment-tag"
        self.pair.play(post(path, experiment_id=experiment, key=key))

    @rule(
        target=runs,
        experiment=experiments,
        name=st.one_of(st.none(), _experiment_names),
        tags=st.lists(_entries, max_size=2),
    )
    def create_run(self, experiment: str, name: str | None, tags: list[Any]) -> str:
        fields = {"run_name": name} if name else {}
        time = next(self.clock)
        return self._create(
            "run", "runs/create", experiment_id=experiment, start_time=time, tags=tags, **fields
        )

    @rule(run=runs, status=_statuses, time=_times)
    def update_run(self, run: str, status: str, time: int) -> None:
        self.pair.play(post("runs/update", run_id=run, status=status, end_time=time))

    @rule(run=runs, name=_experiment_names)
    def rename_run(self, run: str, name: str) -> None:
        self.pair.play(post("runs/update", run_id=run, run_name=name))

    @rule(run=runs, action=st.sampled_from(["delete", "restore", "restore"]))
    def delete_or_restore_run(self, run: str, action: str) -> None:
        self.pair.play(post(f"runs/{action}", run_id=run))

    @rule(run=runs, point=_points)
    def log_metric(self, run: str, point: dict[str, Any]) -> None:
        self.pair.play(post("runs/log-metric", run_id=run, **point))

    @rule(run=runs, entry=_entries)
    def log_param(self, run: str, entry: dict[str, Any]) -> None:
        self.pair.play(post("runs/log-parameter", run_id=run, **entry))

    @rule(run=runs, entry=_entries)
    def set_tag(self, run: str, entry: dict[str, Any]) -> None:
        self.pair.play(post("runs/set-tag", run_id=run, **entry))

    @rule(run=runs, key=_keys)
    def delete_tag(self, run: str, key: str) -> None:
        self.pair.play(post("runs/delete-tag", run_id=run, key=key))

    @rule(
        run=runs,
        metrics=st.lists(_points, max_size=12),
        params=st.lists(_entries, max_size=3),
        tags=st.lists(_entries, max_size=3),
    )
    def log_batch(self, run: str, **fields: Any) -> None:
        self.pair.play(post("runs/log-batch", run_id=run, **fields))

    @rule(text=_filters, view=_views, order=_orders, size=st.sampled_from([1, 2, 100]))
    def search_runs(self, text: str, view: str, order: list[str], size: int) -> None:
        self._search(filter=text, run_view_type=view, order_by=order, max_results=size)

    @rule(run=runs, key=_keys, size=st.sampled_from([1, 3, 100]))
    def read_history(self, run: str, key: str, size: int) -> None:
        self.pair.give("<key>", key)
        self.pair.play(
            get("metrics/get-history", f"run_id={run}&metric_key=<key>&max_results={size}"),
            get(
                "metrics/get-history-bulk-interval",
                f"run_ids={run}&metric_key=<key>&max_results={size}",
            ),
        )

    def _search(self, **fields: Any) -> None:
        known = [label for label in self.made["experiment"] if label in self.pair.known]
        if known:
            self.pair.play(post("runs/search", experiment_ids=known, **fields))

    def teardown(self) -> None:
        """Compare everything that exists in the end."""
        if not hasattr(self, "pair"):
            return
        for view in ("ACTIVE_ONLY", "DELETED_ONLY", "ALL"):
            self._search(run_view_type=view)
            self.pair.play(
                post(
                    "experiments/search",
                    filter="name LIKE '<unique> %'",
                    view_type=view,
                    order_by=["experiment_id"],
                    max_results=100,
                )
            )
        for label in self.made["run"]:
            if label in self.pair.known:
                self.pair.compare_run(label)


def test_any_history(new_pair: Callable[[], Pair]) -> None:
    machine = type("Life", (TrackingLife,), {"begin": staticmethod(new_pair)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=int(_EXAMPLES or 20),
            stateful_step_count=40,
            derandomize=_EXAMPLES is None,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
