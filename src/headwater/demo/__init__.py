"""`make demo`: real models on real data, logged with the stock MLflow client.

Uses nothing of Headwater but its command line, as any user of MLflow would.
"""

import os

# MLflow reads these when it is imported; the demo is nobody's usage statistic.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")
# The demo prints its own addresses.
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
# The models are small: threads of the linear algebra would cost more than they save.
for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")
# What the user's own scripts go to is not for the demo.
for _meant_for_others in (
    "MLFLOW_EXPERIMENT_ID",
    "MLFLOW_EXPERIMENT_NAME",
    "MLFLOW_REGISTRY_URI",
    "MLFLOW_RUN_ID",
):
    os.environ.pop(_meant_for_others, None)
