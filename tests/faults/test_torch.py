"""A training of PyTorch on two ranks, as `torchrun` starts it, is one run.

Skipped where torch is not installed, which is larger than all else together; see CONTRIBUTING.md.
"""

import importlib.util
from pathlib import Path

import pytest
from tests.faults.test_lost_runs import ended
from tests.faults.test_ranks import execute, ranks
from tests.server import running

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs torch"),
]

STEPS = 50
TRAIN = f"""
import sys
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
import headwater

dist.init_process_group("gloo")
rank = dist.get_rank()
torch.manual_seed(0)
model = DistributedDataParallel(torch.nn.Linear(4, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
own_data = torch.Generator().manual_seed(rank)
with headwater.start_run("ddp", params={{"lr": 0.1}}) as run:
    for step in range({STEPS}):
        inputs = torch.randn(32, 4, generator=own_data)
        loss = ((model(inputs) - inputs.sum(1, keepdim=True)) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        weight = model.module.weight[0, 0].item()
        run.log({{"loss": loss.item(), "weight": weight}}, step=step)
    sys.stdout.write(run.run_id + chr(10))  # at once: both of them print
    sys.stdout.flush()
dist.destroy_process_group()
"""


def test_a_training_of_two_ranks_is_one_run(tmp_path: Path) -> None:
    program = tmp_path / "train.py"
    program.write_text(TRAIN)
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2")
    with running(tmp_path / "data") as server:
        run_id = execute(server, tmp_path / "spools", *launcher, str(program))
        assert ended(server, run_id) == ("FINISHED", "")
        loss, weight = (ranks(server, run_id, key) for key in ("loss", "weight"))
    assert loss["ranks"] == [0, 1]
    assert loss["count"] == [2] * STEPS
    assert loss["mean"][-1] < loss["mean"][0] / 10
    assert loss["min"] != loss["max"]  # each rank has data of its own
    assert weight["min"] == weight["max"]  # and all of them one model
