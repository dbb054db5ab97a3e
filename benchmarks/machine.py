"""A description of the machine that figures come from."""

import os
import platform
import sqlite3
from importlib.metadata import version
from pathlib import Path

import psutil


def describe(directory: Path) -> dict[str, str]:
    """Return what a reader needs to compare figures with their own."""
    return {
        "CPU": f"{_cpu_model()}, {os.cpu_count()} cores (servers and client share them)",
        "Memory": f"{psutil.virtual_memory().total / (1 << 30):.0f} GiB",
        "File system": _file_system(directory),
        "Kernel": f"{platform.system()} {platform.release().split('-')[0]}",
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
        "MLflow": version("mlflow"),
        "Headwater": version("headwater"),
        "Load before the run": f"{os.getloadavg()[0]:.2f}",
    }


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _file_system(directory: Path) -> str:
    mounts = [part for part in psutil.disk_partitions(all=True) if part.mountpoint]
    inside = [part for part in mounts if directory.resolve().is_relative_to(part.mountpoint)]
    return max(inside, key=lambda part: len(part.mountpoint)).fstype if inside else "unknown"
