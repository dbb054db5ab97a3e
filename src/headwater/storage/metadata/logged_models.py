"""Statements on MLflow's tables of logged models."""

from headwater.storage.metadata.base import Connection
from headwater.storage.metadata.runs import ACTIVE
from headwater.wire.operations import CreateLoggedModel

_STATUS = {"PENDING": 1, "READY": 2, "FAILED": 3}

_INSERT = """
    INSERT INTO logged_models (model_id, experiment_id, name, artifact_location,
        creation_timestamp_ms, last_updated_timestamp_ms, status, lifecycle_stage, model_type,
        source_run_id)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""
_INSERT_PARAM = """
    INSERT INTO logged_model_params (model_id, experiment_id, param_key, param_value)
    VALUES (?, ?, ?, ?)
"""
_INSERT_TAG = """
    INSERT INTO logged_model_tags (model_id, experiment_id, tag_key, tag_value) VALUES (?, ?, ?, ?)
"""


def insert_unless_there(
    connection: Connection, model: CreateLoggedModel, experiment_id: int, artifact_location: str
) -> bool:
    """Insert a logged model with its params and tags; False where there is one of its id."""
    values = (
        *(model.model_id, experiment_id, model.name, artifact_location),
        *(model.created, model.updated, _STATUS[model.status], ACTIVE),
        *(model.model_type, model.run_id),
    )
    if connection.execute(_INSERT, values).rowcount != 1:
        return False
    for statement, items in ((_INSERT_PARAM, model.params), (_INSERT_TAG, model.tags)):
        if items:
            rows = [(model.model_id, experiment_id, *item) for item in items.items()]
            connection.executemany(statement, rows)
    return True
