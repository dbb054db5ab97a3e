"""Headwater: MLflow made fast and production-grade.

>>> import headwater
>>> with headwater.start_run("vision", params={"lr": 1e-3}) as run:
...     run.log({"loss": 0.5}, step=1)
>>> runs = headwater.search("vision", "metrics.loss < 0.9", metrics=["loss"], params=["lr"])
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
    "save_verdict",
    "search",
    "start_run",
]

if TYPE_CHECKING:
    from headwater.client.compare import compare, save_verdict
    from headwater.client.run import Run, attach_run, start_run
    from headwater.client.search import search
    from headwater.client.verdict import Verdict

_HOMES = {
    "Run": "headwater.client.run",
    "Verdict": "headwater.client.verdict",
    "attach_run": "headwater.client.run",
    "compare": "headwater.client.compare",
    "save_verdict": "headwater.client.compare",
    "search": "headwater.client.search",
    "start_run": "headwater.client.run",
}


def __getattr__(name: str) -> Any:
    """Load what needs an HTTP client when it is used first."""
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
