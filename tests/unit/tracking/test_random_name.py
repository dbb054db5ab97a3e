import re

from headwater.tracking.random_name import random_name


def test_names_have_mlflows_form() -> None:
    names = {random_name() for _ in range(500)}
    assert len(names) > 400
    assert all(re.fullmatch(r"[a-z]+-[a-z]+-(1000|[1-9]?[0-9]{1,2})", name) for name in names)
    assert max(map(len, names)) <= 20
