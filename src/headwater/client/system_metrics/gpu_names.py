"""Which graphics processors this machine has; works without NVIDIA's library too."""

import importlib
import re
from pathlib import Path

_DRIVER = Path("/proc/driver/nvidia/gpus")
_MODEL = re.compile(r"^Model:\s*(.+)$", re.MULTILINE)


def gpu_names() -> list[str]:
    """Return the names of NVIDIA's graphics processors, in the order of the driver or the bus."""
    try:
        nvml = importlib.import_module("headwater.client.system_metrics.nvml")
    except ImportError:
        return _by_driver()
    return [gpu.name for gpu in nvml.open_gpus()] or _by_driver()


def _by_driver() -> list[str]:
    try:
        found = [
            _MODEL.search((gpu / "information").read_text(encoding="utf-8", errors="replace"))
            for gpu in sorted(_DRIVER.iterdir())
        ]
    except OSError:
        return []
    return [match[1].strip() for match in found if match]
