"""MLflow's user interface, served from the files of the installed wheel."""

import os
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

_READING = frozenset({"GET", "HEAD"})
_FOUR_WEEKS = "public, max-age=2419200"


class UserInterface:
    """Answers ``/`` and ``/static-files/…``; other requests are not its own."""

    def __init__(self, directory: Path, static_prefix: str) -> None:
        self._files = StaticFiles(directory=directory, check_dir=False)
        self._index_path = f"{static_prefix}/"
        self._files_path = f"{static_prefix}/static-files/"

    def holds(self, path: str) -> bool:
        """Say whether the path may name a file of the user interface."""
        return path == self._index_path or path.startswith(self._files_path)

    async def answers(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Answer the request if it names a file of the user interface; say whether it did."""
        response = await self._response(scope)
        if response is None:
            return False
        await response(scope, receive, send)
        return True

    async def _response(self, scope: Scope) -> Response | None:
        if scope["method"] not in _READING:
            return None
        path: str = scope["path"]
        if path == self._index_path:
            return await self._file("index.html", scope, "no-cache")
        if path.startswith(self._files_path):
            return await self._file(path.removeprefix(self._files_path), scope, _FOUR_WEEKS)
        return None

    async def _file(self, name: str, scope: Scope, cache_control: str) -> Response | None:
        try:
            response = await self._files.get_response(os.path.normpath(name), scope)
        except (HTTPException, ValueError):  # ValueError: a NUL byte, in older Starlettes
            return None  # MLflow words the refusal
        response.headers["cache-control"] = cache_control
        response.headers["content-disposition"] = f"inline; filename={Path(name).name}"
        return response
