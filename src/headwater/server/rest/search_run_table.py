"""POST headwater/runs/search."""

import asyncio
import importlib

from headwater.entities.run_table import RunTable
from headwater.server.rest.request import Content, Request
from headwater.tracking.clock import now
from headwater.tracking.search_run_table import plan_table, search_run_table
from headwater.tracking.service import TrackingService
from headwater.wire.search_run_table import (
    ARROW_TYPE,
    CSV_TYPE,
    Format,
    decode_search_run_table,
    encode_run_table,
    encode_run_table_csv,
)


async def handle(service: TrackingService, request: Request) -> Content:
    """Answer with a table of runs, groups of runs or a histogram."""
    asked = decode_search_run_table(request.body)
    wanted = plan_table(asked.query, service.behaviour, now())
    table = await search_run_table(service, wanted, asked.experiment_names)
    return await asyncio.to_thread(_encoded, table, asked.format)


def _encoded(table: RunTable, form: Format) -> Content:
    if form == "arrow":
        # Loaded with the first such request: Arrow would make every server a third larger.
        arrow = importlib.import_module("headwater.wire.search_run_table_arrow")
        return Content(arrow.encode_run_table_arrow(table), ARROW_TYPE.encode())
    if form == "csv":
        return Content(encode_run_table_csv(table), CSV_TYPE.encode())
    return Content(encode_run_table(table), b"application/json")
