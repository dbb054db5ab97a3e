"""A process that migrates a database and kills itself at a given transaction.

Arguments: path, ``online`` or ``offline``, number of the transaction, ``before`` or ``after`` its
commit. Ends by itself once there is nothing left to do.
"""

import asyncio
import contextlib
import itertools
import os
import signal
import sqlite3
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from headwater.storage.metadata.base import Connection, Operation
from headwater.storage.metadata.sqlite import SqliteDatabase
from headwater.storage.metadata.sqlite_exclusive import transaction
from headwater.storage.metrics import compaction, migrate, migrate_offline, mlflow_rows
from headwater.storage.metrics.pace import Pace


def main(path: Path, mode: str, number: int, moment: str) -> None:
    """Migrate, up to the transaction with this number."""
    compaction.LARGEST_CHUNK = 16
    migrate._ROWS_A_STEP = migrate_offline._ROWS_A_STEP = 40
    migrate._MOST_ROWS_A_DELETION = 20
    transactions = itertools.count()

    def pass_by(now: str, current: int) -> None:
        if (current, now) == (number, moment):
            os.kill(os.getpid(), signal.SIGKILL)

    class Killed(SqliteDatabase):
        async def write(self, operation: Operation[Any], *, long: bool = False) -> Any:
            current = next(transactions)

            def killed(connection: Connection) -> Any:
                result = operation(connection)
                pass_by("before", current)
                return result

            result = await super().write(killed, long=long)
            pass_by("after", current)
            return result

    @contextlib.contextmanager
    def killed_transaction(connection: sqlite3.Connection) -> Iterator[None]:
        current = next(transactions)
        with transaction(connection):
            yield
            pass_by("before", current)
        pass_by("after", current)

    async def migrate_all() -> None:
        database, after = Killed(path), ""
        while run := database.read_now(partial(mlflow_rows.next_run, after=after)):
            await migrate.migrate_run(database, run, Pace(share=1))
            after = run
        database.close()

    if mode == "offline":
        setattr(migrate_offline, "transaction", killed_transaction)  # noqa: B010  # not exported
        migrate_offline.migrate_offline(path, lambda _: None)
    else:
        asyncio.run(migrate_all())


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4])
