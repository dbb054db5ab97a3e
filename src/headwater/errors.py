"""The exceptions of Headwater; none of them knows HTTP.

HeadwaterError
├── ConfigurationError        an option, URI or directory that cannot be used
├── SchemaError               the database is older or newer than this installation knows
├── DatabaseError             the database refused the work; nothing of it was stored
│   ├── DatabaseBusyError     another process held the write lock for too long
│   ├── DatabaseFullError     no space left on the device
│   └── StatementTimeoutError a search took longer than the server allows
├── CorruptBlockError         stored metric bytes fail their checksum
├── ArtifactStoreError        the artifact store cannot do what it is asked to
│   ├── MissingObjectError    what it should hold is not there
│   ├── CorruptArtifactError  stored bytes are not what was stored
│   ├── StoreFullError        no space left
│   └── StoreUnavailableError the bucket does not answer
├── SpoolError                what a client keeps to be sent cannot be used
│   ├── CorruptSpoolError     it cannot be read
│   └── SpoolFullError        it has no room left
├── ReproductionError         a run could not be done again
├── StaleCompactionError      what a compaction read has changed; nothing of it was stored
├── UpstreamError             MLflow's own process did not answer
├── ServerError               a server that was asked did not do what it was asked to
│   ├── ServerUnreachableError  nothing answered, or not in time
│   ├── RefusedError          it will not, however often it is asked
│   └── UnknownRouteError       it is older than this client, or no Headwater server
├── NotServedError            correct only in MLflow's own code: hand the request over
└── RequestError              the request cannot be carried out; carries MLflow's error code
    ├── NotFoundError         RESOURCE_DOES_NOT_EXIST
    ├── AlreadyExistsError    RESOURCE_ALREADY_EXISTS
    ├── ConflictError         RESOURCE_CONFLICT
    ├── QuotaExceededError    QUOTA_EXCEEDED
    └── InvalidParameterError INVALID_PARAMETER_VALUE
        └── AnalysisError     numbers or options from which a statistic cannot be computed
"""

from typing import ClassVar


class HeadwaterError(Exception):
    """Base of every exception that Headwater raises on purpose."""


class ConfigurationError(HeadwaterError):
    """An option, URI, directory or port that the server cannot work with."""


class SchemaError(HeadwaterError):
    """The database schema does not fit this installation."""


class DatabaseError(HeadwaterError):
    """The database refused the work; the transaction left nothing behind."""


class DatabaseBusyError(DatabaseError):
    """Another process held the write lock longer than the busy timeout."""


class DatabaseFullError(DatabaseError):
    """The device that holds the database has no space left."""


class StatementTimeoutError(DatabaseError):
    """A search was stopped, as it took longer than the server allows."""


class CorruptBlockError(HeadwaterError):
    """A stored metric block does not decode to what was written."""


class ArtifactStoreError(HeadwaterError):
    """The place of the artifacts refused the work; nothing of it was published."""


class MissingObjectError(ArtifactStoreError):
    """An object that the artifact store should hold is not there."""


class CorruptArtifactError(ArtifactStoreError):
    """Stored bytes of an artifact are not what was stored."""


class StoreFullError(ArtifactStoreError):
    """The device that holds the artifacts has no space left."""


class StoreUnavailableError(ArtifactStoreError):
    """The bucket of the artifacts does not answer, or not in time; the same may succeed later."""


class SpoolError(HeadwaterError):
    """What a client keeps to be sent cannot be used."""


class CorruptSpoolError(SpoolError):
    """What a client kept to be sent is not what it wrote."""


class SpoolFullError(SpoolError):
    """What a client keeps to be sent has reached its limit, or the device is full."""


class ReproductionError(HeadwaterError):
    """A step of doing a run again has failed."""


class StaleCompactionError(HeadwaterError):
    """Somebody else has changed what a compaction read; it may be planned anew."""


class UpstreamError(HeadwaterError):
    """MLflow's own process did not answer in time."""


class ServerError(HeadwaterError):
    """A server that this process asked refused, or failed, in a way that no other error names."""


class ServerUnreachableError(ServerError):
    """A server that this process asked did not answer, or not in time."""


class RefusedError(ServerError):
    """A server that this process asked will not do it, however often it is asked."""


class UnknownRouteError(ServerError):
    """A server that this process asked does not know what it was asked to do."""


class NotServedError(HeadwaterError):
    """The request is correct only in MLflow's own code, which must answer it.

    Raised before anything is stored, so that handing the request over cannot apply it twice.
    """


class RequestError(HeadwaterError):
    """A request that cannot be carried out, with the error code MLflow gives it."""

    error_code: ClassVar[str] = "INTERNAL_ERROR"


class NotFoundError(RequestError):
    """The run, experiment or tag that the request names does not exist."""

    error_code = "RESOURCE_DOES_NOT_EXIST"


class AlreadyExistsError(RequestError):
    """What the request would create is there already."""

    error_code = "RESOURCE_ALREADY_EXISTS"


class ConflictError(RequestError):
    """What the request builds on is not what is stored."""

    error_code = "RESOURCE_CONFLICT"


class QuotaExceededError(RequestError):
    """What is to be stored would be more than a project or an experiment may have."""

    error_code = "QUOTA_EXCEEDED"


class InvalidParameterError(RequestError):
    """A field of the request holds a value that MLflow refuses."""

    error_code = "INVALID_PARAMETER_VALUE"


class AnalysisError(InvalidParameterError):
    """Numbers or options from which a statistic cannot be computed; says which, and what to do."""
