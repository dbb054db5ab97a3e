"""Begins to capture for a run, where that is wanted."""

from collections.abc import Mapping

from headwater.client.capture.capture import Capture
from headwater.client.spool.session import Session
from headwater.errors import ConfigurationError

VARIABLE = "HEADWATER_CAPTURE"
_SWITCH = {"true": True, "1": True, "false": False, "0": False}


def wants_capture(environment: Mapping[str, str], *, default: bool) -> bool:
    """Say whether HEADWATER_CAPTURE asks for it.

    Raises:
        ConfigurationError: it is neither true nor false.
    """
    text = environment.get(VARIABLE, "")
    if not text:
        return default
    if text.lower() not in _SWITCH:
        raise ConfigurationError(f"{VARIABLE} must be true or false, not {text!r}")
    return _SWITCH[text.lower()]


def begin_capture(session: Session, run_id: str, *, rank: int, with_tags: bool) -> None:
    """Capture for a run until it ends, without waiting for anything.

    With `with_tags` the run gets MLflow's tags of the commit.
    """
    capture = Capture(
        run_id,
        lambda operation: session.writer.append_operation(operation),
        rank=rank,
        with_tags=with_tags,
    )
    session.accompany(run_id, capture.finish)
    capture.start()
