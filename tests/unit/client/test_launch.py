"""The place of a process in its launch, as launchers tell it."""

import pytest

from headwater.client.launch import Launch, find_launch, parent_identity
from headwater.errors import ConfigurationError

TORCHRUN = {
    "RANK": "2",
    "WORLD_SIZE": "4",
    "LOCAL_WORLD_SIZE": "4",
    "TORCHELASTIC_RUN_ID": "none",
}


@pytest.mark.parametrize(
    ("environment", "rank", "size"),
    [
        (TORCHRUN, 2, 4),
        (TORCHRUN | {"LOCAL_WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "job-7"}, 2, 4),
        (
            {
                "SLURM_PROCID": "1",
                "SLURM_STEP_NUM_TASKS": "8",
                "SLURM_JOB_ID": "55",
                "SLURM_STEP_ID": "0",
            },
            1,
            8,
        ),
        (
            {
                "OMPI_COMM_WORLD_RANK": "0",
                "OMPI_COMM_WORLD_SIZE": "2",
                "PMIX_NAMESPACE": "prterun-7@1",
            },
            0,
            2,
        ),
        ({"PMI_RANK": "1", "PMI_SIZE": "2", "MPI_LOCALNRANKS": "2"}, 1, 2),
        (
            {"JOB_COMPLETION_INDEX": "3", "WORLD_SIZE": "4", "HEADWATER_LAUNCH_ID": "uid"},
            3,
            4,
        ),
        (
            {"HEADWATER_RANK": "1", "HEADWATER_WORLD_SIZE": "2", "HEADWATER_LAUNCH_ID": "x"}
            | TORCHRUN,
            1,
            2,
        ),
    ],
)
def test_launchers_tell_rank_and_size(environment: dict[str, str], rank: int, size: int) -> None:
    launch = find_launch(environment, parent=lambda: "parent")
    assert launch is not None
    assert (launch.rank, launch.world_size) == (rank, size)


@pytest.mark.parametrize(
    ("environment", "is_first"),
    [
        (TORCHRUN | {"LOCAL_RANK": "0"}, True),
        (TORCHRUN | {"LOCAL_RANK": "2"}, False),
        (TORCHRUN, True),  # nothing is known: rather twice than never
    ],
)
def test_one_process_of_a_machine_is_its_first(environment: dict[str, str], is_first: bool) -> None:
    launch = find_launch(environment, parent=lambda: "parent")
    assert launch is not None
    assert launch.is_first_on_host is is_first


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"RANK": "0", "WORLD_SIZE": "1"},
        {"SLURM_PROCID": "0", "SLURM_NTASKS": "4", "SLURM_JOB_ID": "55"},  # a batch script
        {"JOB_COMPLETION_INDEX": "1"},  # an indexed job of independent tasks
    ],
)
def test_a_lone_process_has_no_launch(environment: dict[str, str]) -> None:
    assert find_launch(environment) is None


def test_ranks_of_one_launch_agree_on_their_runs_and_other_launches_do_not() -> None:
    here = [
        find_launch(TORCHRUN | {"RANK": str(rank)}, parent=lambda: "parent") for rank in range(4)
    ]
    ids = {launch.run_id(0) for launch in here if launch is not None}
    assert len(ids) == 1
    other = find_launch(TORCHRUN, parent=lambda: "another")
    assert other is not None
    assert other.run_id(0) not in ids
    assert other.run_id(1) != other.run_id(0)
    assert len(other.run_id(0)) == 32


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        (TORCHRUN | {"RANK": "x"}, "RANK must be a whole number"),
        (TORCHRUN | {"RANK": "4"}, "rank 4 is none of 4"),
        (TORCHRUN | {"LOCAL_WORLD_SIZE": "2"}, "HEADWATER_LAUNCH_ID"),
    ],
)
def test_what_cannot_be_right_is_refused(environment: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        find_launch(environment, parent=lambda: "parent")


def test_arguments_come_before_what_a_launcher_says() -> None:
    launch = find_launch(TORCHRUN, rank=1, world_size=3, launch_id="mine")
    assert launch == Launch(1, 3, "mine")
    with pytest.raises(ConfigurationError, match="together"):
        find_launch({}, rank=1)


def test_the_parent_of_a_process_has_an_identity() -> None:
    assert parent_identity() == parent_identity()
    assert parent_identity().count(":") == 2
