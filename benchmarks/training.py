"""What logging one metric a step adds to the time of a PyTorch loop."""

from collections.abc import Sequence

from benchmarks.client_process import TORCH, installed, run_program, url_of
from benchmarks.summary import Figure
from benchmarks.trial import Trial

_PAIRS = 20
"""Blocks of steps with and without logging, in turns: about 20 seconds."""


class Training(Trial):
    """Trains where PyTorch is installed, see `client_process.TORCH`; tells nothing elsewhere."""

    figures = (
        Figure("training", "mlflow.log_metric, added to a training loop", "%", "lower"),
        Figure("training", "the same, MLflow's async mode over HTTP", "%", "lower"),
        Figure("training", "run.log, added to a training loop", "%", "lower", bound=1),
    )
    rounds = 3

    def run(self) -> Sequence[float | None]:
        """Return per cent of the loop without logging."""
        if not TORCH.exists():
            return [None, None, None]
        ours = self.server.contender.ours
        http, spool = url_of(self.server), url_of(self.server, "headwater")
        return [
            _overhead("mlflow", spool if ours else http),
            _overhead("mlflow-async", http),
            _overhead("headwater", spool) if ours else None,
        ]

    def note(self) -> str | None:
        """Return what other libraries add."""
        if not self.server.contender.ours:
            return None
        others = [f"{library} {_overhead(library, ''):.1f}" for library in installed(TORCH)]
        if not others:
            return None
        return f"per cent that is added without a server: {', '.join(others)}"


def _overhead(library: str, url: str) -> float:
    found = run_program("training_program", library, _PAIRS, url, python=TORCH)
    return found["overhead_percent"]
