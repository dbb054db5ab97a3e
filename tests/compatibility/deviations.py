"""Where Headwater deliberately answers otherwise than an old release of MLflow.

These are faults that MLflow itself corrected later; Headwater answers as the corrected releases do.
"""

import importlib.metadata

import pytest

from headwater.mlflow_release import version_numbers

_RELEASE = version_numbers(importlib.metadata.version("mlflow"))

whole_history = pytest.mark.skipif(
    _RELEASE < (3, 14),
    reason="before 3.14, MLflow answers get-history without max_results with an endless empty page",
)
refuses_repeated_points = _RELEASE < (3, 16)
repeated_point = pytest.mark.skipif(
    refuses_repeated_points,
    reason="before 3.16, MLflow refuses a point that repeats a NaN or a point of another model",
)
