"""Headwater: MLflow made fast and production-grade.

>>> import headwater
>>> runs = headwater.search("vision", "metrics.acc > 0.9", metrics=["acc"], params=["lr"])
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

__all__ = ["__version__", "search"]

if TYPE_CHECKING:
    from headwater.client.search import search


def __getattr__(name: str) -> Any:
    """Load what needs an HTTP client when it is used first."""
    if name == "search":
        from headwater.client.search import search  # noqa: PLC0415  # see above

        return search
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
