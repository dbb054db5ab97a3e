"""MLflow's ViewType: which lifecycle stages a search covers."""

from headwater.errors import NotServedError

_STAGES = {
    "ACTIVE_ONLY": ("active",),
    "DELETED_ONLY": ("deleted",),
    "ALL": ("active", "deleted"),
}


def stages_of(view_type: str) -> tuple[str, ...]:
    """Return the lifecycle stages of a view type.

    Raises:
        NotServedError: the name is none of MLflow's.
    """
    if view_type not in _STAGES:
        raise NotServedError(f"an unusual view type: {view_type}")
    return _STAGES[view_type]
