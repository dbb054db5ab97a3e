"""Asks ``headwater compare``, as anybody would, whether one family is better than the others."""

import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlencode

import mlflow

from headwater.demo.plan import TEST_SHARE, Task
from headwater.demo.summary import experiment_name
from headwater.demo.training import ROLE_TAG, SESSION_TAG

CANDIDATE = "neural-network"
"""Chosen before anything is trained: the family that does best on these data would look better than
it is."""

_GROUP_BY = "tags.family"
_PAIRED_BY = "tags.seed"
_TEST = "corrected-t"
_SHARE = str(TEST_SHARE / (1 - TEST_SHARE))
_ERROR = 2
_SECONDS = 120


def verdict_of(address: str, task: Task, session: str) -> str:
    """Return the verdict on a task in a sentence, or why there is none.

    Runs with the same seed have the same split of the data, which makes pairs; splits of one data
    set overlap, which the corrected t-test allows for.
    """
    asked = subprocess.run(  # noqa: S603  # our own command
        [
            *(str(Path(sys.executable).with_name("headwater")), "compare", "--json"),
            *("--group-by", _GROUP_BY, "--candidate", CANDIDATE),
            *("--experiment", experiment_name(task), "--metric", task.score, "--higher-is-better"),
            *("--filter", _trained_in(session)),
            *("--paired-by", _PAIRED_BY, "--test", _TEST, "--test-share", _SHARE),
            *("--tracking-uri", address),
        ],
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if asked.returncode == _ERROR:
        return f"no verdict: {asked.stderr.strip()}"
    return str(json.loads(asked.stdout)["headline"]).replace("tags.family = ", "")


def page_of(address: str, task: Task, session: str) -> str:
    """Return the address of the page that asks the same, and draws it."""
    experiment = mlflow.get_experiment_by_name(experiment_name(task))
    state = {
        "exp": experiment.experiment_id,
        "filter": _trained_in(session),
        "group_by": _GROUP_BY,
        "candidate": CANDIDATE,
        "metric": task.score,
        "direction": "higher",
        "paired_by": _PAIRED_BY,
        "test": _TEST,
        "test_share": _SHARE,
    }
    return f"{address}/headwater/compare?{urlencode(state)}"


def _trained_in(session: str) -> str:
    return f"tags.`{SESSION_TAG}` = '{session}' and tags.`{ROLE_TAG}` = 'training'"
