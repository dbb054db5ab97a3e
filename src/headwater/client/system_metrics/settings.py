"""Whether and how often the use of the machine is logged, by MLflow's environment variables."""

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from headwater.errors import ConfigurationError

if TYPE_CHECKING:
    from headwater.client.system_metrics.monitor import Log, Monitor

_DEFAULT_SECONDS = 10.0
_TRUE = ("true", "1")


def wants_system_metrics(environment: Mapping[str, str]) -> bool:
    """Say whether MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING asks for them."""
    return environment.get("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "").lower() in _TRUE


def open_monitor(log: "Log", environment: Mapping[str, str], *, with_host: bool) -> "Monitor":
    """Return a monitor that has not started.

    Raises:
        ConfigurationError: psutil is not installed, or the interval is no number.
    """
    name = "MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL"
    text = environment.get(name) or str(_DEFAULT_SECONDS)
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e6:
        raise ConfigurationError(f"{name} must be a number of seconds, not {text!r}")
    try:
        module = importlib.import_module("headwater.client.system_metrics.monitor")
    except ImportError as error:
        raise ConfigurationError(
            "system metrics need psutil: pip install 'headwater[system-metrics]'"
        ) from error
    monitor: Monitor = module.Monitor(log, with_host=with_host, seconds=seconds)
    return monitor
