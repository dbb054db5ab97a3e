"""How many bytes of artifacts a project or an experiment may have."""

import re

from headwater.errors import InvalidParameterError

QUOTA_TAG = "headwater.artifact_quota"
"""The tag of an experiment that limits its artifacts: a size such as ``500GB``."""

_POWERS: dict[str, int] = {"": 1, "b": 1}
for _power, _letter in enumerate("kmgtp", 1):
    _POWERS[f"{_letter}b"] = 1000**_power
    _POWERS[f"{_letter}ib"] = 1024**_power
_SIZE = re.compile(r"([0-9]{1,18})(?:\.([0-9]{1,9}))?\s*([a-z]{0,3})", re.ASCII)
_LARGEST = 2**63 - 1


def parse_size(text: str) -> int:
    """Return the bytes of a size such as ``500GB``, ``1.5 TB``, ``200GiB`` or ``1000``.

    Raises:
        InvalidParameterError: it is none.
    """
    found = _SIZE.fullmatch(text.strip().lower())
    if found is None or found[3] not in _POWERS:
        raise InvalidParameterError(f"{text[:50]!r} is no size such as 500GB, 1.5TB or 200GiB")
    whole, part, unit = found[1], found[2] or "", _POWERS[found[3]]
    size: int = int(whole + part) * unit // 10 ** len(part)
    if size > _LARGEST:
        raise InvalidParameterError(f"{text[:50]!r} is more than a limit can be")
    return size


def size_text(size: int) -> str:
    """Return a size for people: ``1.5 GB``."""
    value, unit = float(size), 0
    while value >= 1000 and unit < 5:
        value /= 1000
        unit += 1
    return f"{size} bytes" if not unit else f"{value:.4g} {'kMGTP'[unit - 1]}B"
