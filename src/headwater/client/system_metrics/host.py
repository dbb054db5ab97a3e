"""What this machine and this process use at the moment, under MLflow's names."""

import os

import psutil

_MEGABYTE = 1e6


class Host:
    """Processors, memory, disk and network of the machine; the network's since this was made."""

    def __init__(self) -> None:
        psutil.cpu_percent()  # from here on
        self._network = psutil.net_io_counters()

    def sample(self) -> dict[str, float]:
        """Return the values now; megabytes are millions of bytes, as in MLflow."""
        memory = psutil.virtual_memory()
        disk = psutil.disk_usage(os.sep)
        values = {
            "cpu_utilization_percentage": psutil.cpu_percent(),
            "system_memory_usage_megabytes": memory.used / _MEGABYTE,
            "system_memory_usage_percentage": 100 * memory.used / memory.total,
            "disk_usage_percentage": disk.percent,
            "disk_usage_megabytes": disk.used / _MEGABYTE,
            "disk_available_megabytes": disk.free / _MEGABYTE,
        }
        network = psutil.net_io_counters()
        if network is not None and self._network is not None:
            received = network.bytes_recv - self._network.bytes_recv
            sent = network.bytes_sent - self._network.bytes_sent
            values["network_receive_megabytes"] = received / _MEGABYTE
            values["network_transmit_megabytes"] = sent / _MEGABYTE
        return values


class Process:
    """Processor time and memory of this process with all that it has started."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._known: dict[int, psutil.Process] = {}
        self.sample()

    def sample(self) -> dict[str, float]:
        """Return the use of processors since the last call, where 100 is one, and memory now."""
        processor, memory = 0.0, 0
        known = {self._process.pid: self._process}
        for found in self._process.children(recursive=True):
            # psutil remembers in the object what a process had used before.
            known[found.pid] = self._known.get(found.pid, found)
        for process in known.values():
            try:
                processor += process.cpu_percent()
                memory += process.memory_info().rss
            except psutil.Error:  # it has ended meanwhile
                continue
        self._known = known
        return {
            "process_cpu_percentage": processor,
            "process_memory_megabytes": memory / _MEGABYTE,
        }
