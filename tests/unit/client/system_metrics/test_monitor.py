"""What machine and process use is logged under the names that MLflow's UI looks for."""

import sys
import time
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pynvml
import pytest
from mlflow.system_metrics.metrics.cpu_monitor import CPUMonitor
from mlflow.system_metrics.metrics.disk_monitor import DiskMonitor
from mlflow.system_metrics.metrics.network_monitor import NetworkMonitor

from headwater.client.system_metrics import nvml
from headwater.client.system_metrics.gpu_names import gpu_names
from headwater.client.system_metrics.monitor import Monitor
from headwater.client.system_metrics.settings import open_monitor, wants_system_metrics
from headwater.errors import ConfigurationError

Logged = list[tuple[Mapping[str, float], int, int]]
OF_PROCESS = {"system/process_cpu_percentage", "system/process_memory_megabytes"}


def logged(with_host: bool, seconds: float = 60) -> tuple[Monitor, Logged]:
    taken: Logged = []
    monitor = Monitor(lambda *each: taken.append(each), with_host=with_host, seconds=seconds)
    return monitor, taken


def test_the_machine_is_logged_under_mlflows_names() -> None:
    names = set()
    for theirs in (CPUMonitor(), DiskMonitor(), NetworkMonitor()):
        theirs.collect_metrics()
        names |= {f"system/{name}" for name in theirs.aggregate_metrics()}
    monitor, _ = logged(with_host=True)
    values = monitor.sample()
    assert set(values) == names | OF_PROCESS
    assert 0 < values["system/system_memory_usage_percentage"] <= 100
    assert 0 <= values["system/cpu_utilization_percentage"] <= 100


def test_a_rank_that_is_not_the_first_of_its_machine_logs_itself_only() -> None:
    monitor, _ = logged(with_host=False)
    content = bytearray(200_000_000)
    values = monitor.sample()
    assert set(values) == OF_PROCESS
    assert values["system/process_memory_megabytes"] > len(content) / 1e6


def test_a_busy_process_uses_a_processor() -> None:
    monitor, _ = logged(with_host=False)
    until = time.process_time() + 0.3
    while time.process_time() < until:
        pass
    assert monitor.sample()["system/process_cpu_percentage"] > 20


def test_samples_are_steps_and_the_last_one_is_at_the_end() -> None:
    monitor, taken = logged(with_host=False, seconds=0.02)
    monitor.start()
    while len(taken) < 3:
        time.sleep(0.01)
    monitor.stop()
    monitor.stop()
    steps = [step for _, step, _ in taken]
    assert steps == list(range(len(taken)))
    assert all(timestamp > 1_600_000_000_000 for _, _, timestamp in taken)
    short, samples = logged(with_host=False)
    short.start()
    short.stop()
    assert len(samples) == 1


def test_settings_are_mlflows_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    assert wants_system_metrics({"MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING": "true"})
    assert not wants_system_metrics({})
    interval = {"MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL": "0.5"}
    assert open_monitor(print, interval, with_host=False)._seconds == 0.5
    with pytest.raises(ConfigurationError, match="MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL"):
        open_monitor(print, {"MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL": "-1"}, with_host=False)
    monkeypatch.delitem(sys.modules, "headwater.client.system_metrics.monitor")
    monkeypatch.setitem(sys.modules, "psutil", None)
    with pytest.raises(ConfigurationError, match=r"headwater\[system-metrics\]"):
        open_monitor(print, {}, with_host=False)


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processors as NVIDIA's library tells them; the second one does not tell its power."""

    def power(handle: int) -> int:
        if handle:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return 350_000

    answers: dict[str, Any] = {
        "nvmlInit": lambda: None,
        "nvmlDeviceGetCount": lambda: 2,
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetName": lambda handle: b"NVIDIA H200" if handle else "NVIDIA A100",
        "nvmlDeviceGetMemoryInfo": lambda handle: SimpleNamespace(used=20e9, total=80e9),
        "nvmlDeviceGetUtilizationRates": lambda handle: SimpleNamespace(gpu=70 + handle),
        "nvmlDeviceGetPowerUsage": power,
        "nvmlDeviceGetEnforcedPowerLimit": lambda handle: 700_000,
    }
    for name, answer in answers.items():
        monkeypatch.setattr(pynvml, name, answer)


@pytest.mark.usefixtures("driver")
def test_graphics_processors_are_logged_as_far_as_they_tell() -> None:
    assert gpu_names() == ["NVIDIA A100", "NVIDIA H200"]
    values = nvml.sample_gpus(nvml.open_gpus())
    assert values == {
        "gpu_0_memory_usage_megabytes": 20_000.0,
        "gpu_0_memory_usage_percentage": 25.0,
        "gpu_0_utilization_percentage": 70.0,
        "gpu_0_power_usage_watts": 350.0,
        "gpu_0_power_usage_percentage": 50.0,
        "gpu_1_memory_usage_megabytes": 20_000.0,
        "gpu_1_memory_usage_percentage": 25.0,
        "gpu_1_utilization_percentage": 71.0,
    }
    monitor, _ = logged(with_host=True)
    assert monitor.sample()["system/gpu_1_utilization_percentage"] == 71.0


def test_without_a_driver_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", missing)
    assert nvml.open_gpus() == []
