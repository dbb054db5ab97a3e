"""Which requests are answered natively: every hot verb of MLflow's tracking API, and our own."""

from headwater.server.rest import (
    compare,
    create_experiment,
    create_run,
    create_saved_search,
    delete_experiment,
    delete_experiment_tag,
    delete_metrics,
    delete_run,
    delete_saved_search,
    delete_tag,
    fail_runs,
    get_experiment,
    get_experiment_by_name,
    get_metric_history,
    get_metric_history_bulk,
    get_metric_history_bulk_interval,
    get_run,
    get_saved_search,
    heartbeat,
    importance,
    ingest,
    list_projects,
    list_quotas,
    list_saved_searches,
    log_batch,
    log_metric,
    log_parameter,
    metric_ranks,
    metric_series,
    move_experiments,
    move_project,
    move_runs,
    pareto,
    restore_experiment,
    restore_run,
    rewind,
    run_capture,
    run_output,
    search_experiments,
    search_run_table,
    search_runs,
    set_experiment_tag,
    set_quota,
    set_tag,
    update_experiment,
    update_run,
    update_saved_search,
)
from headwater.server.rest.request import Handler

_API = "/api/2.0/mlflow"
_AJAX_API = "/ajax-api/2.0/mlflow"
OWN_API = "/api/2.0/headwater"

Routes = dict[tuple[str, str], Handler]
"""(method, path) -> handler."""

_BOTH_APIS: Routes = {
    ("POST", "/experiments/create"): create_experiment.handle,
    ("GET", "/experiments/get"): get_experiment.handle,
    ("GET", "/experiments/get-by-name"): get_experiment_by_name.handle,
    ("GET", "/experiments/search"): search_experiments.handle,
    ("POST", "/experiments/search"): search_experiments.handle,
    ("POST", "/experiments/update"): update_experiment.handle,
    ("POST", "/experiments/delete"): delete_experiment.handle,
    ("POST", "/experiments/restore"): restore_experiment.handle,
    ("POST", "/experiments/set-experiment-tag"): set_experiment_tag.handle,
    ("POST", "/experiments/delete-experiment-tag"): delete_experiment_tag.handle,
    ("POST", "/runs/create"): create_run.handle,
    ("GET", "/runs/get"): get_run.handle,
    ("POST", "/runs/search"): search_runs.handle,
    ("POST", "/runs/update"): update_run.handle,
    ("POST", "/runs/delete"): delete_run.handle,
    ("POST", "/runs/restore"): restore_run.handle,
    ("POST", "/runs/set-tag"): set_tag.handle,
    ("POST", "/runs/delete-tag"): delete_tag.handle,
    ("POST", "/runs/log-parameter"): log_parameter.handle,
    ("POST", "/runs/log-metric"): log_metric.handle,
    ("POST", "/runs/log-batch"): log_batch.handle,
    ("GET", "/metrics/get-history"): get_metric_history.handle,
    ("GET", "/metrics/get-history-bulk-interval"): get_metric_history_bulk_interval.handle,
}

_AJAX_ONLY: Routes = {
    ("GET", "/metrics/get-history-bulk"): get_metric_history_bulk.handle,
}

_OWN: Routes = {
    ("POST", "/compare"): compare.handle,
    ("POST", "/params/importance"): importance.handle,
    ("POST", "/runs/pareto"): pareto.handle,
    ("POST", "/runs/search"): search_run_table.handle,
    ("GET", "/metrics/ingest"): ingest.handle_position,
    ("POST", "/metrics/ingest"): ingest.handle,
    ("POST", "/metrics/rewind"): rewind.handle,
    ("POST", "/metrics/delete"): delete_metrics.handle,
    ("GET", "/metrics/series"): metric_series.handle,
    ("GET", "/metrics/ranks"): metric_ranks.handle,
    ("POST", "/runs/move"): move_runs.handle,
    ("POST", "/runs/heartbeat"): heartbeat.handle,
    ("POST", "/runs/fail"): fail_runs.handle,
    ("GET", "/runs/capture"): run_capture.handle,
    ("GET", "/runs/diff"): run_capture.handle_diff,
    ("GET", "/runs/output"): run_output.handle,
    ("POST", "/experiments/move"): move_experiments.handle,
    ("GET", "/quotas/list"): list_quotas.handle,
    ("POST", "/quotas/set"): set_quota.handle,
    ("GET", "/projects/list"): list_projects.handle,
    ("POST", "/projects/move"): move_project.handle,
    ("POST", "/saved-searches/create"): create_saved_search.handle,
    ("GET", "/saved-searches/get"): get_saved_search.handle,
    ("GET", "/saved-searches/list"): list_saved_searches.handle,
    ("POST", "/saved-searches/update"): update_saved_search.handle,
    ("POST", "/saved-searches/delete"): delete_saved_search.handle,
}


def native_routes(static_prefix: str = "", *, experiments: bool = True) -> Routes:
    """Return the routes as MLflow spells their paths.

    Without `experiments`, requests on experiments are left to MLflow.
    """
    routes: Routes = {}
    for (method, path), handler in _BOTH_APIS.items():
        if experiments or not path.startswith("/experiments/"):
            routes[method, f"{static_prefix}{_API}{path}"] = handler
            routes[method, f"{static_prefix}{_AJAX_API}{path}"] = handler
    for (method, path), handler in _AJAX_ONLY.items():
        routes[method, f"{static_prefix}{_AJAX_API}{path}"] = handler
    for (method, path), handler in _OWN.items():
        routes[method, f"{static_prefix}{OWN_API}{path}"] = handler
    return routes
