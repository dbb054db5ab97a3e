"""The graphics processors of this machine, through NVIDIA's library where it is there."""

from dataclasses import dataclass
from typing import Any

import pynvml

_MEGABYTE = 1e6


@dataclass(frozen=True, slots=True)
class Gpu:
    """One graphics processor."""

    name: str
    handle: Any
    """The library's."""


def open_gpus() -> list[Gpu]:
    """Return the graphics processors in their order; none where there is no driver."""
    try:
        pynvml.nvmlInit()
        handles = [
            pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())
        ]
        return [Gpu(_text(pynvml.nvmlDeviceGetName(handle)), handle) for handle in handles]
    except pynvml.NVMLError:
        return []


def sample_gpus(gpus: list[Gpu]) -> dict[str, float]:
    """Return memory, use and power of each, under MLflow's names; what one cannot tell is left out.

    Megabytes are millions of bytes, as in MLflow.
    """
    values: dict[str, float] = {}
    for number, gpu in enumerate(gpus):
        for read in (_memory, _utilization, _power):
            try:
                found = read(gpu.handle)
            except pynvml.NVMLError:
                continue
            values.update({f"gpu_{number}_{name}": value for name, value in found.items()})
    return values


def _memory(handle: Any) -> dict[str, float]:
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    return {
        "memory_usage_megabytes": memory.used / _MEGABYTE,
        "memory_usage_percentage": 100 * memory.used / memory.total,
    }


def _utilization(handle: Any) -> dict[str, float]:
    return {"utilization_percentage": float(pynvml.nvmlDeviceGetUtilizationRates(handle).gpu)}


def _power(handle: Any) -> dict[str, float]:
    milliwatts = pynvml.nvmlDeviceGetPowerUsage(handle)
    limit = pynvml.nvmlDeviceGetEnforcedPowerLimit(handle)
    return {
        "power_usage_watts": milliwatts / 1000,
        "power_usage_percentage": 100 * milliwatts / limit,
    }


def _text(name: str | bytes) -> str:
    return name.decode(errors="replace") if isinstance(name, bytes) else name
