"""Trains a small network with PyTorch and prints as JSON what logging adds to the loop's time.

``python -m benchmarks.training_program LIBRARY [PAIRS]``, with a library of `logging_program` and
PyTorch installed; servers are named by MLFLOW_TRACKING_URI. Blocks of steps with and without
logging take turns in one process: whole trainings differ by more than what is measured.
"""

import importlib
import json
import statistics
import sys
import time
from collections.abc import Callable

from benchmarks.logging_program import LIBRARIES, Log

_STEPS = 20
"""Of a block: a fraction of a second."""

_PAIRS = 40
_BATCH, _WIDTH = 128, 1024

Step = Callable[[], float]
"""Does one step of training and returns the loss."""


def _training() -> Step:
    torch = importlib.import_module("torch")
    torch.manual_seed(0)
    layers = [torch.nn.Linear(_WIDTH, _WIDTH), torch.nn.ReLU()] * 3
    model = torch.nn.Sequential(*layers, torch.nn.Linear(_WIDTH, 10))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    inputs = torch.randn(_BATCH, _WIDTH)
    labels = torch.randint(0, 10, (_BATCH,))

    def step() -> float:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(inputs), labels)
        loss.backward()
        optimizer.step()
        return float(loss)

    return step


def _block(step: Step, log: Log, first: int) -> float:
    begun = time.perf_counter()
    for number in range(first, first + _STEPS):
        log(number, step())
    return time.perf_counter() - begun


def main(arguments: list[str]) -> None:
    """Train and print milliseconds of a step, and what logging one metric a step adds to it."""
    pairs = int(arguments[1]) if len(arguments) > 1 else _PAIRS
    log, finish = LIBRARIES[arguments[0]]()
    step = _training()

    def no_log(number: int, value: float) -> None: ...

    for warm in (log, no_log):
        _block(step, warm, 0)
    plain, logged = [], []
    for pair in range(pairs):
        first = pair * _STEPS
        # In turns, so that neither always comes first.
        if pair % 2:
            plain.append(_block(step, no_log, first))
            logged.append(_block(step, log, first))
        else:
            logged.append(_block(step, log, first))
            plain.append(_block(step, no_log, first))
    finish()
    usual = statistics.median(plain)
    answer = {
        "step_ms": 1000 * usual / _STEPS,
        "overhead_percent": 100 * (statistics.median(logged) / usual - 1),
        "pairs_percent": 100
        * statistics.median(one / other - 1 for one, other in zip(logged, plain, strict=True)),
    }
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
