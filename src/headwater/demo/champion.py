"""Registers the best model of a task under an alias and loads it back by that alias."""

from typing import Any

import mlflow
import sklearn
from mlflow.models import infer_signature

from headwater.demo.plan import Task
from headwater.demo.training import Trained

ALIAS = "champion"

# What scikit-learn's own models consist of; skops loads no other code.
TRUSTED_TYPES = [
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.tree._tree.Tree",
]


def model_name(task: Task) -> str:
    """Return the name of the task's registered model."""
    return f"demo-{task.name}"


def register_champion(task: Task, best: Trained) -> str:
    """Log the model to its run, register it, point the alias at it; return its version."""
    with mlflow.start_run(run_id=best.run_id, nested=True):
        logged = mlflow.sklearn.log_model(
            best.model,
            name="model",
            signature=infer_signature(best.split.test_x, best.model.predict(best.split.test_x)),
            pip_requirements=[f"scikit-learn=={sklearn.__version__}"],
            serialization_format="skops",
            skops_trusted_types=TRUSTED_TYPES,
            registered_model_name=model_name(task),
        )
    version = str(logged.registered_model_version)
    mlflow.MlflowClient().set_registered_model_alias(model_name(task), ALIAS, version)
    return version


def score_champion(task: Task, best: Trained) -> float:
    """Load the model by its alias and return its accuracy or R² on the run's test data."""
    model: Any = mlflow.sklearn.load_model(f"models:/{model_name(task)}@{ALIAS}")
    return float(model.score(best.split.test_x, best.split.test_y))
