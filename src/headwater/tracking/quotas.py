"""Which limits hold for an artifact, and how much of them is used.

The artifacts of an experiment are what lies below its artifact location; of nested locations the
inner one counts. They are counted as users see them, whatever the store saves on them: a limit then
means the same whatever others have stored.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from headwater.entities.artifact_location import proxied_path
from headwater.entities.artifact_quota import QUOTA_TAG, parse_size, size_text
from headwater.entities.project_path import is_within, path_of_tag
from headwater.errors import InvalidParameterError, QuotaExceededError
from headwater.storage.metadata import artifact_quotas
from headwater.storage.metadata.artifact_quotas import PlacedArtifacts
from headwater.storage.metadata.base import Connection

Total = Callable[[str], int]
"""Returns the bytes of all files below a directory of the server's artifacts."""


@dataclass(frozen=True, slots=True)
class Quota:
    """A limit, and the directories of the artifacts that it holds for."""

    limit: int | None
    """In bytes; None where an experiment's tag is no size."""

    directories: frozenset[str]
    project: str
    """Of which it is the limit, or in which the experiment is; ``""``: everything."""

    experiment_id: int | None = None
    """Of which it is the limit; None: the project's."""

    name: str = ""
    """Of the experiment."""

    @property
    def is_of_everything(self) -> bool:
        """Whether it holds for all artifacts."""
        return self.experiment_id is None and not self.project

    @property
    def owner(self) -> str:
        """What messages call the project or experiment."""
        if self.experiment_id is not None:
            return f"experiment {self.name!r}"
        return f"project {self.project!r}" if self.project else "this server"

    @property
    def command(self) -> str:
        """What sets the limit."""
        if self.experiment_id is not None:
            return f"headwater experiments quota {self.experiment_id} SIZE"
        return f"headwater projects quota '{self.project}' SIZE"


@dataclass(frozen=True)
class Quotas:
    """All limits."""

    quotas: Sequence[Quota] = ()
    nested: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The directories of experiments, each with those directly inside it."""

    def over(self, path: str) -> list[Quota]:
        """Return the limits that hold for an artifact."""
        if not self.quotas:
            return []
        directory = directory_of(path, self.nested.keys())
        return [
            each for each in self.quotas if each.is_of_everything or directory in each.directories
        ]

    def used(self, quota: Quota, total: Total) -> int:
        """Return the bytes that count for a limit."""
        if quota.is_of_everything:
            return total("")
        return sum(
            total(each) - sum(total(inner) for inner in self.nested.get(each, ()))
            for each in quota.directories
        )

    def coming(self, quota: Quota, files: Iterable[tuple[str, int]]) -> int:
        """Return the bytes that count for a limit of files that come in now: paths and sizes.

        What comes in under one path, such as parts of a file, is one file in the end.
        """
        sizes: dict[str, int] = {}
        for path, size in files:
            if quota in self.over(path):
                sizes[path] = max(size, sizes.get(path, 0))
        return sum(sizes.values())


def read_quotas(connection: Connection) -> Quotas:
    """Return all limits as they are now."""
    limits = artifact_quotas.of_projects(connection)
    if not limits and not artifact_quotas.any_experiment(connection):
        return Quotas()
    return quotas_of(limits, artifact_quotas.experiments(connection))


def quotas_of(limits: Mapping[str, int], experiments: Iterable[PlacedArtifacts]) -> Quotas:
    """Return the limits of projects and, by their tags, of experiments."""
    placed = [(each, proxied_path(each.location)) for each in experiments]
    directories = {directory for _, directory in placed if directory is not None}
    quotas = [
        Quota(
            limit,
            frozenset(
                directory
                for each, directory in placed
                if directory is not None and is_within(path_of_tag(each.project_tag), project)
            ),
            project,
        )
        for project, limit in limits.items()
    ]
    for each, directory in placed:
        if each.quota_tag is not None:
            inside = frozenset() if directory is None else frozenset({directory})
            limit, project = _limit(each.quota_tag), path_of_tag(each.project_tag)
            quotas.append(Quota(limit, inside, project, each.experiment_id, each.name))
    nested: dict[str, list[str]] = {each: [] for each in directories}
    for inner in directories:
        above = directory_of(inner.rpartition("/")[0], directories) if inner else None
        if above is not None:
            nested[above].append(inner)
    return Quotas(quotas, nested)


def require_room(quota: Quota, used: int, size: int, name: str) -> None:
    """Check that a file of `size` bytes more is within a limit of which `used` are taken.

    Raises:
        QuotaExceededError: it is not; says what to do.
        InvalidParameterError: the limit is no size.
    """
    if quota.limit is None:
        raise InvalidParameterError(
            f"The tag {QUOTA_TAG} of {quota.owner} is no size such as 500GB, so that nothing is "
            f"stored there; correct it: {quota.command}"
        )
    if used + size > quota.limit:
        raise QuotaExceededError(
            f"The artifacts of {quota.owner} have reached their limit: {size_text(quota.limit)} "
            f"are allowed, {size_text(used)} are used, and {name!r} of {size_text(size)} would be "
            "too much. Nothing was stored. Remove artifacts that nobody needs (headwater gc "
            f"--artifacts), or raise the limit: {quota.command}"
        )


def directory_of(path: str, directories: Iterable[str]) -> str | None:
    """Return the innermost of the directories that a path is in."""
    while path:
        if path in directories:
            return path
        path = path.rpartition("/")[0]
    return "" if "" in directories else None


def _limit(tag: str) -> int | None:
    try:
        return parse_size(tag)
    except InvalidParameterError:
        return None
