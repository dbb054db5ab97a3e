"""Delete metrics of a run, with all of their points."""

from collections.abc import Sequence

from headwater.storage.metrics.rewind import FIRST_STEP, Rewound
from headwater.tracking.rewind import rewind
from headwater.tracking.service import TrackingService


async def delete_metrics(
    service: TrackingService, run_id: str, keys: Sequence[str]
) -> list[Rewound]:
    """Delete metrics; see `rewind` for what is raised. Returns those that there were."""
    return await rewind(service, run_id, keys, since=FIRST_STEP)
