"""Objects in a bucket that speaks S3's protocol, through obstore."""

import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store

from headwater.entities.artifact_store_uri import Bucket
from headwater.errors import (
    ArtifactStoreError,
    ConfigurationError,
    MissingObjectError,
    StoreFullError,
    StoreUnavailableError,
)
from headwater.storage.artifacts.objects import (
    LONGEST_NAME,
    Directory,
    GatheredDraft,
    StoredObject,
    parts_of,
)
from headwater.storage.artifacts.s3_settings import S3Settings, s3_settings

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.auth.boto3 import Boto3CredentialProvider

Result = TypeVar("Result")

_AT_ONCE = 32
"""Requests on their way: each takes tens of milliseconds, and the bucket many of them."""

_PART_BYTES = 8 * 1024 * 1024
_PARTS_AT_ONCE = 4
_WHOLE_BYTES = 2 * _PART_BYTES
"""What is larger is sent in parts, each of which is sent again by itself."""

_LONGEST_KEY = 1024
"""Bytes of an object's whole name, by S3's rules."""

_CLOCK = "clock"
"""Object that is put to learn what time it is for the bucket."""

_METADATA = "http://169.254."
"""Where machines of a cloud learn their credentials; asked where there are no others."""

_CODE = re.compile(r"<Code>(\w+)</Code>")
_STATUS = re.compile(r"status code: (\d{3})")
_FULL = frozenset({"QuotaExceeded", "XMinioStorageFull", "EntityTooLarge"})
_TOO_MANY_REQUESTS = 429
_TIMEOUT = 408
_BAD_RANGE = 416

_requests = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="headwater-s3")


class S3Objects:
    """Objects below a prefix of a bucket, for any number of machines."""

    is_shared = True
    reads_ahead = 4

    def __init__(self, bucket: Bucket, settings: S3Settings | None = None) -> None:
        """Take the settings from the environment unless there are any.

        Raises:
            ConfigurationError: they cannot be used.
        """
        if settings is None:
            settings = s3_settings(os.environ, Path.home())
        self.bucket = bucket
        self._prefix_bytes = len(bucket.prefix.encode()) + 1
        try:
            self._store = S3Store(
                bucket.name,
                prefix=bucket.prefix or None,
                config=settings.config,
                client_options=settings.client,
                retry_config=settings.retry,
                credential_provider=_profile() if settings.profile else None,
            )
        except (BaseError, ValueError) as error:
            raise ConfigurationError(
                f"the bucket {bucket.name!r} cannot be used: check its endpoint and the settings "
                "of AWS"
            ) from error

    def put(self, name: str, parts: Iterable[bytes]) -> None:
        """See `Objects.put`. That a name is no directory is checked just before."""
        path = self._path(name)
        content = list(parts)
        self._require_free(name)
        if sum(map(len, content)) <= _WHOLE_BYTES:
            whole = b"".join(content)
            self._ask(name, lambda: obstore.put(self._store, path, whole, use_multipart=False))
            return
        self._ask(
            name,
            lambda: obstore.put(
                self._store,
                path,
                content,
                use_multipart=True,
                chunk_size=_PART_BYTES,
                max_concurrency=_PARTS_AT_ONCE,
            ),
        )

    def draft(self, name: str) -> GatheredDraft:
        """See `Objects.draft`."""
        return GatheredDraft(self, name)

    def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        """See `Objects.get`."""
        path = self._path(name)
        if length == 0:
            if self.find(name) is None:
                raise MissingObjectError(name)
            return b""
        if length is not None:
            wanted = length
            return self._ask_for_part(
                name,
                lambda: obstore.get_range(self._store, path, start=start, length=wanted).to_bytes(),
            )
        if start:
            return self._ask_for_part(
                name,
                lambda: (
                    obstore.get(self._store, path, options={"range": {"offset": start}})
                    .bytes()
                    .to_bytes()
                ),
            )
        return self._ask(name, lambda: obstore.get(self._store, path).bytes().to_bytes())

    def get_each(
        self, names: Iterable[str], length: int | None = None
    ) -> Iterator[tuple[str, bytes | None]]:
        """See `Objects.get_each`."""

        def get(name: str) -> bytes | None:
            try:
                return self.get(name, 0, length)
            except MissingObjectError:
                return None

        yield from _at_once(names, get)

    def find(self, name: str) -> StoredObject | None:
        """See `Objects.find`."""
        try:
            path = self._path(name)
            return _stored(self._ask(name, lambda: obstore.head(self._store, path)))
        except MissingObjectError:
            return None

    def find_each(self, names: Sequence[str]) -> "list[StoredObject | None]":
        """See `Objects.find_each`."""
        return [found for _, found in _at_once(names, self.find)]

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """See `Objects.list`."""
        try:
            path = self._path(prefix) if prefix else None
        except _TooLongError:
            return
        listing = obstore.list(self._store, path)
        while page := self._ask(prefix, lambda: next(listing, None)):
            for each in page:
                yield _stored(each)

    def list_directory(self, prefix: str) -> Directory:
        """See `Objects.list_directory`."""
        try:
            path = self._path(prefix) if prefix else None
        except _TooLongError:
            return Directory((), ())
        found = self._ask(prefix, lambda: obstore.list_with_delimiter(self._store, path))
        objects = (_stored(each) for each in found["objects"])
        return Directory(
            tuple(sorted(each.rstrip("/") for each in found["common_prefixes"])),
            tuple(sorted(objects, key=lambda each: each.name)),
        )

    def delete(self, name: str) -> bool:
        """See `Objects.delete`."""
        if self.find(name) is None:
            return False
        self.delete_each([name])
        return True

    def delete_each(self, names: Sequence[str]) -> None:
        """See `Objects.delete_each`: a thousand with a request."""
        paths = [self._path(name) for name in names]
        if paths:
            self._ask(names[0], lambda: obstore.delete(self._store, paths))

    def now(self) -> float:
        """See `Objects.now`: the clocks of servers and bucket need not agree."""
        self._ask(_CLOCK, lambda: obstore.put(self._store, _CLOCK, b"-", use_multipart=False))
        return _stored(self._ask(_CLOCK, lambda: obstore.head(self._store, _CLOCK))).modified

    def _require_free(self, name: str) -> None:
        """Raise if an object would be in a directory's place, or below another one."""
        parts = name.split("/")
        above = ["/".join(parts[:count]) for count in range(1, len(parts))]
        below = _requests.submit(lambda: next(self.list(name), None))
        for taken in (*self.find_each(above), below.result()):
            if taken is not None:
                raise ArtifactStoreError(f"{name} cannot be stored: {taken.name} is there")

    def _path(self, name: str) -> str:
        try:
            sizes = [len(part.encode()) for part in parts_of(name)]
        except UnicodeEncodeError as error:
            raise ArtifactStoreError(f"{name!r} is no name of an object") from error
        whole = self._prefix_bytes + sum(sizes) + len(sizes)
        if max(sizes) > LONGEST_NAME or whole > _LONGEST_KEY:
            raise _TooLongError(f"the name {name[:80]}... is too long for a bucket")
        return name

    def _ask_for_part(self, name: str, request: Callable[[], bytes]) -> bytes:
        try:
            return self._ask(name, request)
        except _OutOfRangeError:
            return b""

    def _ask(self, name: str, request: Callable[[], Result]) -> Result:
        """Do a request, and translate what goes wrong."""
        try:
            return request()
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error):
                raise self._translated(error, name) from None
            raise MissingObjectError(name) from None
        except ValueError as error:
            raise ArtifactStoreError(f"{name!r} is no name of an object in a bucket") from error
        except (BaseError, OSError) as error:
            # Not as its cause: what S3 answers may quote keys and signatures.
            raise self._translated(error, name) from None

    def _translated(self, error: Exception, name: str) -> ArtifactStoreError:
        told = str(error)
        code, status = _CODE.search(told), _STATUS.search(told)
        number = int(status[1]) if status else None
        bucket = f"the bucket {self.bucket.name!r}"
        if code is not None and code[1] == "NoSuchBucket":
            return ArtifactStoreError(
                f"{bucket} does not exist; create it, or correct the artifacts' destination"
            )
        if _METADATA in told:
            return ArtifactStoreError(
                f"no AWS credentials are found for {bucket}: set AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
            )
        if code is not None and code[1] in _FULL:
            return StoreFullError(f"{bucket} takes no more: {code[1]}")
        if number == _BAD_RANGE:
            return _OutOfRangeError(name)
        if _is_away(error, number):
            reason = f"HTTP {number}" if number else "no connection"
            return StoreUnavailableError(
                f"{bucket} does not answer ({reason}); nothing was changed, try again"
            )
        said = code[1] if code is not None else f"HTTP {number}" if number else "no credentials"
        return ArtifactStoreError(
            f"{bucket} refuses {name or 'to be listed'} ({said}); check the server's AWS "
            "credentials, region and endpoint"
        )


class _TooLongError(MissingObjectError):
    """No object can have the name, so that none is there."""


class _OutOfRangeError(ArtifactStoreError):
    """The object ends before the part that is wanted."""


def _is_away(error: Exception, status: int | None) -> bool:
    """Say whether the same request may succeed later."""
    if isinstance(error, (UnauthenticatedError, PermissionDeniedError, PermissionError)):
        return False
    return status is None or status >= 500 or status in (_TIMEOUT, _TOO_MANY_REQUESTS)


def _stored(found: "ObjectMeta") -> StoredObject:
    return StoredObject(found["path"], found["size"], found["last_modified"].timestamp())


def _at_once(
    names: Iterable[str], request: Callable[[str], Result]
) -> Iterator[tuple[str, Result]]:
    """Yield what a request gives for each name, in their order, some ahead."""
    running: deque[tuple[str, Future[Result]]] = deque()
    try:
        for name in names:
            running.append((name, _requests.submit(request, name)))
            if len(running) >= _AT_ONCE:
                first, future = running.popleft()
                yield first, future.result()
        while running:
            first, future = running.popleft()
            yield first, future.result()
    finally:
        for _, future in running:
            future.cancel()


def _profile() -> "Boto3CredentialProvider":
    try:
        # Only where a profile is used: boto3 is large.
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415
        from obstore.auth.boto3 import Boto3CredentialProvider  # noqa: PLC0415
    except ImportError as error:
        raise ConfigurationError(
            "credentials of an AWS profile need boto3: pip install boto3; or set AWS_ACCESS_KEY_ID "
            "and AWS_SECRET_ACCESS_KEY"
        ) from error
    try:
        return Boto3CredentialProvider()
    except (BotoCoreError, ValueError) as error:
        raise ConfigurationError(f"the AWS profile cannot be used: {error}") from error
