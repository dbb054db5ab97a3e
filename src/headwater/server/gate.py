"""Holds requests back until the tracking service is there."""

import asyncio

from headwater.tracking.service import TrackingService


class Gate:
    """Closed while the database is being prepared, then open for good."""

    def __init__(self, service: TrackingService | None = None) -> None:
        self.service = service
        self._opened = asyncio.Event()
        if service is not None:
            self._opened.set()

    def open(self, service: TrackingService) -> None:
        """Let the waiting requests and all later ones through."""
        self.service = service
        self._opened.set()

    async def passed(self, seconds: float) -> TrackingService | None:
        """Wait for the service; None when it is not there in time."""
        try:
            await asyncio.wait_for(self._opened.wait(), seconds)
        except TimeoutError:
            return None
        return self.service
