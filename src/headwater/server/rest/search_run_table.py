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
    TableRequest,
    decode_search_run_table,
    encode_run_table,
    encode_run_table_csv,
)


async def handle(service: TrackingService, request: Request) -> Content:
    """Answer with a table of runs, groups of runs or a histogram."""
    asked = decode_search_run_table(request.body)
    wanted = plan_table(asked.query, service.behaviour, now())
    table = await search_run_table(service, wanted, asked.experiment_names)
    return await asyncio.to_thread(_encoded, table, asked)


def _encoded(table: RunTable, asked: TableRequest) -> Content:
    if asked.format == "arrow":
        # Loaded with the first such request: Arrow would make every server a third larger.
        arrow = importlib.import_module("headwater.wire.search_run_table_arrow")
        return Content(arrow.encode_run_table_arrow(table, asked.search), ARROW_TYPE.encode())
    if asked.format == "csv":
        return Content(encode_run_table_csv(table), CSV_TYPE.encode())
    return Content(encode_run_table(table, asked.search), b"application/json")
