"""Which of the processes of a distributed training this one is, by what its launcher says."""

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from headwater.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Launch:
    """One process of a launch."""

    rank: int
    world_size: int
    launch_id: str
    """The same in all processes of the launch, and in those of no other one."""

    is_first_on_host: bool = True
    """Whether it is for this one to tell what the machine does."""

    def run_id(self, ordinal: int) -> str:
        """Return the id of the run that every rank starts as its n-th."""
        name = f"{self.launch_id}\n{ordinal}".encode()
        return hashlib.blake2s(name, digest_size=16, person=b"hw-run").hexdigest()


@dataclass(frozen=True, slots=True)
class _Launcher:
    """The environment variables of a launcher."""

    rank: str
    size: str
    ids: tuple[str, ...]
    """Those that together name the launch."""

    local_size: str
    """How many of the processes are on this machine."""

    local_rank: str
    """Which of those this one is."""


_LAUNCHERS = (
    _Launcher(
        "HEADWATER_RANK",
        "HEADWATER_WORLD_SIZE",
        (),
        "HEADWATER_LOCAL_WORLD_SIZE",
        "HEADWATER_LOCAL_RANK",
    ),
    # torchrun, and what speaks like it: Kubeflow, Accelerate, Lightning.
    _Launcher("RANK", "WORLD_SIZE", ("TORCHELASTIC_RUN_ID",), "LOCAL_WORLD_SIZE", "LOCAL_RANK"),
    _Launcher(
        "OMPI_COMM_WORLD_RANK",
        "OMPI_COMM_WORLD_SIZE",
        ("PMIX_NAMESPACE",),
        "OMPI_COMM_WORLD_LOCAL_SIZE",
        "OMPI_COMM_WORLD_LOCAL_RANK",
    ),
    # srun's steps; a batch script has no step, and its processes are nobody's ranks.
    _Launcher(
        "SLURM_PROCID",
        "SLURM_STEP_NUM_TASKS",
        ("SLURM_JOB_ID", "SLURM_STEP_ID"),
        "",
        "SLURM_LOCALID",
    ),
    # MPICH, Intel MPI.
    _Launcher("PMI_RANK", "PMI_SIZE", ("PMI_JOBID",), "MPI_LOCALNRANKS", "MPI_LOCALRANKID"),
    # A Job of Kubernetes with completionMode Indexed.
    _Launcher("JOB_COMPLETION_INDEX", "WORLD_SIZE", (), "", ""),
)
_NO_IDS = ("", "none")
"""``none`` is torchrun's, where nobody has named the launch."""


def parent_identity() -> str:
    """Return what tells this process's parent from every other process, as far as known.

    Source: proc(5), field 22 of ``/proc/PID/stat`` is the start time since boot.
    """
    parent = os.getppid()
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        started = Path(f"/proc/{parent}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
    return f"{boot}:{parent}:{started}"


def find_launch(
    environment: Mapping[str, str],
    *,
    rank: int | None = None,
    world_size: int | None = None,
    launch_id: str | None = None,
    parent: Callable[[], str] = parent_identity,
) -> Launch | None:
    """Return the place of this process by the arguments, else by its launcher; None for a lone one.

    Raises:
        ConfigurationError: a variable is no number, the rank is not below the size, or nothing
            tells this launch from others.
    """
    if rank is not None or world_size is not None:
        if rank is None or world_size is None:
            raise ConfigurationError("rank and world_size are given together or not at all")
        launcher = None
    else:
        launcher = next((one for one in _LAUNCHERS if one.rank in environment), None)
        if launcher is None or launcher.size not in environment:
            return None
        rank = _number(environment, launcher.rank)
        world_size = _number(environment, launcher.size)
    if not 0 <= rank < world_size:
        raise ConfigurationError(f"rank {rank} is none of {world_size}")
    if world_size == 1:
        return None
    named = launch_id or environment.get("HEADWATER_LAUNCH_ID")
    named = named or _id_by_launcher(launcher, environment, world_size, parent)
    if not named:
        raise ConfigurationError(
            f"rank {rank} of {world_size} cannot tell which launch it belongs to: set "
            "HEADWATER_LAUNCH_ID to a text that all ranks of this launch share and no other launch "
            "has (for torchrun, --rdzv-id does too)"
        )
    local = environment.get(launcher.local_rank if launcher else "LOCAL_RANK", "0")
    return Launch(rank, world_size, named, is_first_on_host=local == "0")


def _id_by_launcher(
    launcher: _Launcher | None,
    environment: Mapping[str, str],
    world_size: int,
    parent: Callable[[], str],
) -> str:
    if launcher is None:
        return ""
    ids = [environment.get(name, "") for name in launcher.ids]
    if ids and not set(ids) & set(_NO_IDS):
        return ":".join(["", *launcher.ids, *ids])
    # All on this machine: one process has started them.
    if launcher.local_size and environment.get(launcher.local_size) == str(world_size):
        return parent()
    return ""


def _number(environment: Mapping[str, str], name: str) -> int:
    text = environment[name]
    if not text.isdecimal():
        raise ConfigurationError(f"{name} must be a whole number, not {text!r}")
    return int(text)
