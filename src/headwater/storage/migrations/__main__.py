"""``python -m headwater.storage.migrations DATABASE``: bring Headwater's tables up to date."""

import sys
from pathlib import Path

from headwater.storage.metadata.orphan import exit_with_parent
from headwater.storage.migrations.upgrade import upgrade_file

if __name__ == "__main__":
    exit_with_parent()
    upgrade_file(Path(sys.argv[1]))
