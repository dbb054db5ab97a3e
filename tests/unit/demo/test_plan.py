"""What the demo trains is known before it runs."""

import pytest

from headwater.demo.plan import TASKS, Task, choose_tasks, planned_runs


def test_every_family_runs_with_every_seed() -> None:
    (wine,) = choose_tasks(["wine"])
    names = [run.name for run in planned_runs(wine, 3)]
    assert len(names) == len(set(names)) == 3 * len(wine.families)
    assert "random-forest-seed2" in names


def test_without_names_all_tasks_are_chosen() -> None:
    assert choose_tasks([]) == TASKS


def test_an_unknown_task_names_the_known_ones() -> None:
    with pytest.raises(
        ValueError, match=r"unknown task wein; choose from breast-cancer, wine, diabetes, digits"
    ):
        choose_tasks(["wein"])


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_every_task_has_a_family_that_logs_epochs(task: Task) -> None:
    assert any(family.epochs > 1 for family in task.families)
