"""Headwater: MLflow made fast and production-grade.

>>> import headwater
>>> with headwater.start_run("vision", params={"lr": 1e-3}) as run:
...     run.log({"loss": 0.5}, step=1)
>>> runs = headwater.search("vision", "metrics.loss < 0.9", metrics=["loss"], params=["lr"])
>>> model = headwater.load_model("models:/vision@champion")
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

__all__ = [
    "Run",
    "Verdict",
    "__version__",
    "attach_run",
    "compare",
    "importance",
    "load_model",
    "load_tensors",
    "log_artifact",
    "pareto",
    "prefetch",
    "save_verdict",
    "search",
    "start_run",
    "successor_of",
]

if TYPE_CHECKING:
    from headwater.client.compare import compare, save_verdict
    from headwater.client.importance import importance
    from headwater.client.pareto import pareto
    from headwater.client.run import Run, attach_run, start_run
    from headwater.client.search import search
    from headwater.client.verdict import Verdict
    from headwater.mlflow_plugin.load_model import load_model, load_tensors, prefetch
    from headwater.mlflow_plugin.successor import log_artifact, successor_of

_HOMES = {
    "Run": "headwater.client.run",
    "Verdict": "headwater.client.verdict",
    "attach_run": "headwater.client.run",
    "compare": "headwater.client.compare",
    "importance": "headwater.client.importance",
    "load_model": "headwater.mlflow_plugin.load_model",
    "load_tensors": "headwater.mlflow_plugin.load_model",
    "log_artifact": "headwater.mlflow_plugin.successor",
    "pareto": "headwater.client.pareto",
    "prefetch": "headwater.mlflow_plugin.load_model",
    "save_verdict": "headwater.client.compare",
    "search": "headwater.client.search",
    "start_run": "headwater.client.run",
    "successor_of": "headwater.mlflow_plugin.successor",
}


def __getattr__(name: str) -> Any:
    """Load what needs an HTTP client, or MLflow, when it is used first."""
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
