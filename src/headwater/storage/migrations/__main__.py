"""``python -m headwater.storage.migrations [FILE]``: bring Headwater's tables up to date.

Those of a SQLite file, or else of the PostgreSQL database that the environment names.
"""

import os
import sys
from pathlib import Path

from headwater.storage.metadata.orphan import exit_with_parent
from headwater.storage.migrations import DATABASE_VARIABLE
from headwater.storage.migrations.upgrade import upgrade_file, upgrade_server

if __name__ == "__main__":
    exit_with_parent()
    if DATABASE_VARIABLE in os.environ:
        upgrade_server(os.environ[DATABASE_VARIABLE])
    else:
        upgrade_file(Path(sys.argv[1]))
