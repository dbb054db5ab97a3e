"""Which runs made what is registered."""

import re
from collections.abc import Iterable, Mapping

from headwater.storage.metadata.retention import LoggedModelRow, ModelVersionRow

_SEPARATOR = re.compile(r"[:/]+")


def registered_runs(
    versions: Iterable[ModelVersionRow], models: Iterable[LoggedModelRow]
) -> Mapping[str, str]:
    """Return the newest version of a registered model that each run has made, as ``churn/3``.

    Also of runs that a version does not name, but among whose artifacts, or those of whose models,
    its source is: ``runs:/ID/model``, ``models:/m-ID`` or a place, all of which hold an id.
    """
    made_by = {model.model_id: model.run_id for model in models}
    found = {}
    for version in versions:
        label = f"{version.name}/{version.version}"
        parts = {
            part
            for place in (version.source, version.storage_location)
            for part in _SEPARATOR.split(place or "")
        }
        for part in parts:
            found[made_by.get(part, part)] = label
        if version.run_id is not None:
            found[version.run_id] = label
    return found
