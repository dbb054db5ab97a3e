"""``python -m headwater.storage.migrations DATABASE``: bring Headwater's tables up to date."""

import sys
from pathlib import Path

from headwater.storage.migrations.upgrade import upgrade_file

if __name__ == "__main__":
    upgrade_file(Path(sys.argv[1]))
