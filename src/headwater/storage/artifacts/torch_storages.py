"""How large the storages of a PyTorch file are, read from its pickle without unpickling it.

PyTorch writes the sizes of its archive's entries behind them, and the pickle before them. Only the
stream of opcodes is looked at, by `pickletools`, which runs nothing of it. Source:
``torch/serialization.py``: a storage is the persistent id
``("storage", type, key, location, number of elements)``.
"""

import io
import pickletools
from collections.abc import Mapping

_ITEM_BYTES = {
    "DoubleStorage": 8,
    "FloatStorage": 4,
    "HalfStorage": 2,
    "BFloat16Storage": 2,
    "LongStorage": 8,
    "IntStorage": 4,
    "ShortStorage": 2,
    "CharStorage": 1,
    "ByteStorage": 1,
    "BoolStorage": 1,
    "UntypedStorage": 1,
    "ComplexFloatStorage": 8,
    "ComplexDoubleStorage": 16,
}
_PUTS = frozenset({"BINPUT", "LONG_BINPUT", "PUT"})
_GETS = frozenset({"BINGET", "LONG_BINGET", "GET"})


def storages_in(content: bytes) -> tuple[Mapping[str, int], int] | None:
    """Return the bytes of each storage by its key, and where the pickle ends.

    None where this is no whole pickle.
    """
    sizes: dict[str, int] = {}
    memo: dict[int, object] = {}
    atoms: list[object] = []
    last: object = None
    stream = io.BytesIO(content)
    try:
        for opcode, argument, _ in pickletools.genops(stream):
            name = opcode.name
            if name in _PUTS:
                memo[int(str(argument))] = last
                continue
            if name == "MEMOIZE":
                memo[len(memo)] = last
                continue
            if name == "BINPERSID":
                _note(sizes, atoms)
                last = None
                continue
            last = memo.get(int(str(argument))) if name in _GETS else argument
            if isinstance(last, (str, int)) and not isinstance(last, bool):
                atoms = [*atoms[-5:], last]
    except (ValueError, TypeError, IndexError, KeyError, UnicodeDecodeError, AttributeError):
        return None
    return sizes, stream.tell()


def _note(sizes: dict[str, int], atoms: list[object]) -> None:
    """Note the storage that the last values describe, if they do."""
    if len(atoms) < 4:
        return
    kind, key, _, count = atoms[-4:]
    item = _ITEM_BYTES.get(str(kind).rpartition(" ")[2])
    if isinstance(key, str) and isinstance(count, int) and item is not None and count >= 0:
        sizes[key] = item * count
