"""Moves registered models and prompts to a server: versions, aliases, tags, stages, sources.

MLflow's API gives versions their numbers, so gaps are made as deleting makes them. Times are the
server's; the API takes none.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from mlflow.entities.model_registry import ModelVersion, ModelVersionTag, RegisteredModelTag
from mlflow.exceptions import MlflowException
from mlflow.store.model_registry.rest_store import RestStore
from mlflow.utils.credentials import get_default_host_creds

from headwater.mlflow_plugin.import_transfer import MARK, Transfer, pages

_UNFINISHED = "headwater.import"
"""Tag of a version while it is being imported: `version` or `gap`."""

_EXPERIMENTS = "_mlflow_experiment_ids"
"""Tag of prompts, as MLflow names it: ids between commas."""

_PROMPTS = "tags.`mlflow.prompt.is_prompt` = 'true'"
_GAP = "gap:///deleted-at-the-source"
_LOGGED_MODEL = re.compile(r"models:/([^/@]+)")
_PAGE = 1_000
_NO_STAGE = (None, "", "None")


def import_registry(transfer: Transfer) -> None:
    """Import all registered models and prompts.

    A model of the same name that came from somewhere else is left as it is, and is a failure.
    """
    source = transfer.source
    versions: dict[str, list[ModelVersion]] = {}
    for condition in (None, _PROMPTS):
        for version in _search(source.search_model_versions, condition):
            versions.setdefault(version.name, []).append(version)
    models = [
        model
        for condition in (None, _PROMPTS)
        for model in _search(source.search_registered_models, condition)
    ]
    registry = _Registry(transfer)
    while models:
        failures: dict[str, str] = {}
        for model in models:
            try:
                registry.bring(model, versions.get(model.name, ()))
            except (MlflowException, OSError) as error:
                failures[model.name] = str(error)
        if len(failures) == len(models):
            transfer.result.failures += [
                f"registered model {name}: {message}" for name, message in failures.items()
            ]
            return
        # A version may be of a model that comes later.
        models = [model for model in models if model.name in failures]


def _search(search: Callable[..., Any], condition: str | None) -> Iterator[Any]:
    return pages(lambda token: search(condition, max_results=_PAGE, page_token=token))


class _Registry:
    def __init__(self, transfer: Transfer) -> None:
        self._transfer = transfer
        self._store = RestStore(partial(get_default_host_creds, transfer.target_uri))

    def bring(self, model: Any, versions: Sequence[ModelVersion]) -> None:
        """Bring what the server lacks of a model. Raises MlflowException."""
        is_new = self._create(model)
        if self._bring_versions(model, versions) or is_new:
            self._transfer.result.models += 1

    def _create(self, model: Any) -> bool:
        """Create a model unless an import has; say whether it did.

        Raises:
            MlflowException: the server has another of this name.
        """
        there = self._existing(model.name)
        if there is None:
            # Its `tags` leave out that it is a prompt.
            tags = {tag.key: tag.value for tag in model.to_proto().tags}
            tags = {**self._linked(tags), MARK: self._transfer.origin}
            self._store.create_registered_model(
                model.name,
                [RegisteredModelTag(*item) for item in tags.items()],
                model.description,
            )
            return True
        if there.tags.get(MARK) != self._transfer.origin:
            raise MlflowException(
                "the server has one of this name that is not from this source; nothing of it was "
                "changed. Rename one of them and import again"
            )
        return False

    def _existing(self, name: str) -> Any:
        try:
            return self._store.get_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return None

    def _bring_versions(self, model: Any, versions: Sequence[ModelVersion]) -> bool:
        """Bring the versions that the server lacks, and say whether there were any."""
        wanted = {int(version.version): version for version in versions}
        there = self._there(model.name)
        brought = False
        for number in range(1, max(wanted, default=0) + 1):
            version, known = wanted.get(number), there.get(number)
            if known is None and number > max(there, default=0):
                self._create_version(model.name, number, version)
                brought = True
            elif version is not None and (known is None or MARK not in known.tags):
                raise MlflowException(
                    f"version {number}: the server has another, or has deleted it"
                )
            elif known is None or _UNFINISHED not in known.tags:
                continue
            if version is not None:
                self._finish(version)
                self._transfer.result.versions += 1
        for number, known in self._there(model.name).items():
            if known.tags.get(_UNFINISHED) == "gap":
                self._store.delete_model_version(model.name, number)
        self._set_aliases(model)
        return brought

    def _there(self, name: str) -> dict[int, ModelVersion]:
        found: dict[int, ModelVersion] = {}
        quoted = name.replace("'", "''") if "'" in name else name
        for condition in (f"name = '{quoted}'", f"name = '{quoted}' AND {_PROMPTS}"):
            for version in _search(self._store.search_model_versions, condition):
                found[int(version.version)] = version
        return found

    def _create_version(self, name: str, number: int, version: ModelVersion | None) -> None:
        """Create a version, or what makes its number be skipped."""
        mark = {MARK: self._transfer.origin, _UNFINISHED: "version" if version else "gap"}
        if version is None:
            made = self._store.create_model_version(name, _GAP, tags=_tags(mark))
        else:
            made = self._store.create_model_version(
                name,
                self._location(version),
                version.run_id or None,
                _tags({**self._linked(version.tags), **mark}),
                version.run_link or None,
                version.description,
                model_id=_model_id(version),
            )
        if int(made.version) != number:
            self._store.delete_model_version(name, made.version)
            raise MlflowException(f"version {number} would become {made.version}")

    def _linked(self, tags: dict[str, str]) -> dict[str, str]:
        """Return tags with the server's ids of the experiments that a prompt belongs to."""
        if _EXPERIMENTS not in tags:
            return tags
        names = [
            self._transfer.source.get_experiment(experiment_id).name
            for experiment_id in tags[_EXPERIMENTS].split(",")
            if experiment_id
        ]
        found = [self._transfer.target.get_experiment_by_name(name) for name in names]
        ids = ",".join(each.experiment_id for each in found if each is not None)
        return {**tags, _EXPERIMENTS: f",{ids},"}

    def _finish(self, version: ModelVersion) -> None:
        name, number = version.name, version.version
        if version.current_stage not in _NO_STAGE:
            self._store.transition_model_version_stage(
                name, number, version.current_stage, archive_existing_versions=False
            )
        self._store.delete_model_version_tag(name, number, _UNFINISHED)

    def _set_aliases(self, model: Any) -> None:
        """Set the aliases that the server's model does not have."""
        there = self._store.get_registered_model(model.name).aliases
        for alias, number in model.aliases.items():
            if alias not in there:
                self._store.set_registered_model_alias(model.name, alias, number)

    def _location(self, version: ModelVersion) -> str:
        """Return where a version's files are now: where those of its run or model were copied."""
        source, target = self._transfer.source, self._transfer.target
        location = _plain(version.source)
        pairs = []
        if (model_id := _model_id(version)) is not None:
            pairs.append(
                (
                    source.get_logged_model(model_id).artifact_location,
                    target.get_logged_model(model_id).artifact_location,
                )
            )
        if version.run_id:
            pairs.append(
                (
                    source.get_run(version.run_id).info.artifact_uri,
                    target.get_run(version.run_id).info.artifact_uri,
                )
            )
        for before, after in pairs:
            if f"{location}/".startswith(f"{_plain(before)}/"):
                return f"{after}{location[len(_plain(before)) :]}"
        return str(version.source)


def _model_id(version: ModelVersion) -> str | None:
    """Return the logged model that a version is; databases keep that in its source only."""
    if version.model_id:
        return str(version.model_id)
    found = _LOGGED_MODEL.fullmatch(version.source)
    return found[1] if found else None


def _plain(uri: str) -> str:
    """Return a URI in one spelling; paths of this machine have several."""
    return uri.removeprefix("file://").rstrip("/")


def _tags(tags: dict[str, str]) -> list[ModelVersionTag]:
    return [ModelVersionTag(*item) for item in tags.items()]
