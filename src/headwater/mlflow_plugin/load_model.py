"""MLflow's models through the shared cache: what is there is not downloaded again."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, overload

import mlflow
from mlflow.exceptions import MlflowException

from headwater.mlflow_plugin.artifact_cache import default_cache
from headwater.mlflow_plugin.cache_use import read_only
from headwater.mlflow_plugin.load_tensors import Tensors, map_tensors


@dataclass(frozen=True)
class LazyModel:
    """A model of which no tensor is read before it is used."""

    uri: str
    directory: Path
    """Its files; not to be written."""

    tensors: Tensors
    _flavor: str = field(repr=False)
    _options: dict[str, Any] = field(repr=False)

    def load(self) -> Any:
        """Return what `headwater.load_model` without `lazy` returns; of these very files."""
        return _load(str(self.directory), self._flavor, self._options)


@dataclass(frozen=True, slots=True)
class Prefetched:
    """What `prefetch` did for a URI."""

    uri: str
    files: int
    size: int
    """Bytes of the files."""

    fetched: int
    """Bytes of those that were not in the cache."""


@overload
def load_model(
    uri: str, *, flavor: str = ..., lazy: Literal[False] = ..., **options: Any
) -> Any: ...


@overload
def load_model(
    uri: str, *, flavor: str = ..., lazy: Literal[True], **options: Any
) -> LazyModel: ...


def load_model(uri: str, *, flavor: str = "pyfunc", lazy: bool = False, **options: Any) -> Any:
    """Load a model with MLflow's loader, from files that all processes of the user share.

    `uri` is what MLflow takes: ``models:/name/3``, ``models:/name@champion``, ``models:/m-…``,
    ``runs:/…``, a path. What it names is asked of the server each time; files that were fetched
    before are linked into place, and those of other places than a Headwater server's artifact store
    are downloaded as ever. They must not be written to.

    `flavor` is the module of MLflow that loads it, such as ``sklearn``; `options` are its own. With
    `lazy` nothing is loaded: the tensors of its safetensors files are mapped into memory.

    Raises:
        MlflowException: as MLflow's loader does; or with `lazy`, it has no safetensors files.
    """
    with _local(uri) as directory:
        if not lazy:
            return _load(str(directory), flavor, options)
        return LazyModel(uri, directory, map_tensors(directory, uri), flavor, options)


def load_tensors(uri: str) -> Tensors:
    """Return the tensors of a safetensors file, or of all below a directory, mapped into memory.

    Nothing is copied or read before it is used, and processes share the memory. Arrays cannot be
    written to. ``BF16`` and ``F8_…`` are of the types of `ml_dtypes` where that is installed, else
    the bits as ``uint16`` and ``uint8``; `Tensors.dtype` tells which type it is.

    Raises:
        MlflowException: there is nothing at `uri`, or no safetensors file.
    """
    with _local(uri) as path:
        return map_tensors(path, uri)


def prefetch(uris: str | Sequence[str]) -> list[Prefetched]:
    """Bring models, or other artifacts, into the cache, for whoever loads them from then on.

    Raises:
        MlflowException: there is nothing at a URI, or it is in no store of a Headwater server, or
            too large for the cache.
    """
    return [_prefetch(uri) for uri in ([uris] if isinstance(uris, str) else uris)]


def _prefetch(uri: str) -> Prefetched:
    cache = default_cache(links=True)
    view = cache.view()
    try:
        with read_only() as use:
            local = Path(mlflow.artifacts.download_artifacts(uri, dst_path=str(view.path)))
        files = [local, *(local.rglob("*") if local.is_dir() else ())]
        largest = max((each.stat().st_size for each in files if each.is_file()), default=0)
    finally:
        view.close()
    if not use.files:
        raise MlflowException.invalid_parameter_value(
            f"{uri} is in no artifact store of a Headwater server: it cannot be kept"
        )
    if not cache.takes(largest):
        raise MlflowException.invalid_parameter_value(
            f"{uri} has a file of {largest:,} bytes, more than the cache holds; "
            "set HEADWATER_CACHE_LIMIT"
        )
    return Prefetched(uri, use.files, use.size, use.fetched)


@contextmanager
def _local(uri: str) -> Iterator[Path]:
    """Yield the files of an artifact, which stay as long as this process unless the block fails."""
    if Path(uri).exists():
        yield Path(uri)
        return
    view = default_cache(links=True).view()
    try:
        with read_only():
            local = mlflow.artifacts.download_artifacts(uri, dst_path=str(view.path))
        yield Path(local)
    except BaseException:
        view.close()
        raise


def _load(directory: str, flavor: str, options: dict[str, Any]) -> Any:
    if not flavor.isidentifier():
        raise MlflowException.invalid_parameter_value(f"{flavor!r} is no flavor of MLflow's")
    try:
        loader = import_module(f"mlflow.{flavor}").load_model
    except (ModuleNotFoundError, AttributeError) as error:
        raise MlflowException.invalid_parameter_value(
            f"MLflow has no loader for the flavor {flavor!r}: {error}"
        ) from error
    return loader(directory, **options)
