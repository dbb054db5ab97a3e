"""What stands in for a server that is away: MLflow's own stores, on a database of this machine.

The runs have their final ids; ``headwater sync`` brings them to the server.
"""

import os
import sys
from functools import lru_cache
from typing import Any

from headwater.client.settings import connection_settings
from headwater.client.spool.offline import (
    OfflineDirectory,
    is_offline,
    is_reachable,
    named_directory,
    new_directory,
)
from headwater.client.spool.session import spool_settings
from headwater.mlflow_plugin.metric_store import open_store
from headwater.mlflow_release import installed_release
from headwater.storage.metadata.prepare import create


@lru_cache
def offline_directory(store_uri: str) -> OfflineDirectory | None:
    """Return where this process works instead of with the server; None where that is there.

    It is settled once for a process: what was begun in one place is not continued in another.

    Raises:
        ConfigurationError: the URI names no server, or the directory cannot be made.
    """
    root = spool_settings(os.environ).root
    if is_offline(store_uri):
        directory = named_directory(store_uri, root)
        directory.enter("")
    else:
        settings = connection_settings(store_uri, os.environ)
        if is_reachable(settings.url):
            return None
        directory = new_directory(root)
        directory.enter(settings.url)
    sys.stderr.write(
        f"headwater: working without a server, in {directory.path}; "
        f"to send it later: headwater sync {directory.path}\n"
    )
    return directory


def open_offline_store(directory: OfflineDirectory) -> Any:
    """Open the tracking store of a directory, which it makes."""
    if not directory.database.exists():
        create(directory.database, installed_release(), directory.artifacts.as_uri())
    return open_store(f"headwater+sqlite:///{directory.database}", directory.artifacts.as_uri())
