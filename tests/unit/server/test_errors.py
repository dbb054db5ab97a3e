import json

import pytest

from headwater import errors
from headwater.errors import HeadwaterError, RequestError, StatementTimeoutError
from headwater.server.errors import answer_for


def subclasses(kind: type[HeadwaterError]) -> list[type[HeadwaterError]]:
    return [kind, *(deeper for child in kind.__subclasses__() for deeper in subclasses(child))]


@pytest.mark.parametrize(
    "kind", [kind for kind in subclasses(HeadwaterError) if kind is not HeadwaterError]
)
def test_every_exception_has_an_answer(kind: type[HeadwaterError]) -> None:
    answer = answer_for(kind("what happened"))
    body = json.loads(answer.body())
    assert "what happened" in body["message"]
    assert list(body) == ["error_code", "message", "sqlstate", "error_class"]
    refused = issubclass(kind, RequestError) and kind is not RequestError
    assert (answer.status < 500) == (refused or kind is StatementTimeoutError)


def test_spells_a_missing_run_as_mlflow_does() -> None:
    answer = answer_for(errors.NotFoundError("Run with id=abc not found"))
    assert answer.status == 404
    assert answer.body() == (
        b'{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "Run with id=abc not found", '
        b'"sqlstate": "KAM00", "error_class": "RESOURCE_NOT_FOUND"}'
    )
