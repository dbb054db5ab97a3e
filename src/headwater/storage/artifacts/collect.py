"""Removes packs that no file needs, and nothing that somebody is about to need.

A pack without a file is condemned first, which keeps new files from building on it, and removed by
a later collection, when all who had found it before have published or given up. A pack of which all
that files need was packed anew (`repack`) goes the same way.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from headwater.storage.artifacts import moved, pack
from headwater.storage.artifacts.build import CONDEMNED, condemned_name
from headwater.storage.artifacts.objects import StoredObject
from headwater.storage.artifacts.references import read_references
from headwater.storage.artifacts.store import ArtifactStore

GRACE_SECONDS = 24 * 3600.0
"""How long an upload may take."""

_DRAFTS = "drafts"


@dataclass(frozen=True, slots=True)
class CollectionPlan:
    """What a collection does."""

    condemn: tuple[StoredObject, ...]
    """Packs that no file needs, as far as known now."""

    pardon: tuple[str, ...]
    """Condemned packs that a file needs after all."""

    remove: tuple[StoredObject, ...]
    """Packs that were condemned long ago."""

    drafts: tuple[StoredObject, ...]
    """What crashes have left."""

    forget: tuple[StoredObject, ...] = ()
    """What tells where the chunks of packs are that no file names any more."""

    unmark: tuple[StoredObject, ...] = ()
    """Marks of packs that are not there: a collection was killed after it had removed those."""


def plan_collection(
    packs: list[StoredObject],
    condemned: list[StoredObject],
    drafts: list[StoredObject],
    live: AbstractSet[str],
    now: float,
    grace: float,
    *,
    moves: Sequence[StoredObject] = (),
    named: AbstractSet[str] = frozenset(),
) -> CollectionPlan:
    """Return what to do; `now` in seconds since the epoch.

    `live` are the packs that must stay, `named` those that files name. `moves` tell where the
    chunks of packs are that were packed anew.
    """
    since = {pack.pack_of(each.name): each.modified for each in condemned}
    dead = [each for each in packs if pack.pack_of(each.name) not in live]
    there = {pack.pack_of(each.name) for each in packs}
    new = [each for each in dead if pack.pack_of(each.name) not in since]
    old = [each for each in dead if pack.pack_of(each.name) in since]
    return CollectionPlan(
        tuple(each for each in new if now - each.modified > grace),
        tuple(sorted(name for name in since if name in live)),
        tuple(each for each in old if now - since[pack.pack_of(each.name)] > grace),
        tuple(each for each in drafts if now - each.modified > grace),
        tuple(
            each
            for each in moves
            if pack.pack_of(each.name) not in named and now - each.modified > grace
        ),
        tuple(
            each
            for each in condemned
            if pack.pack_of(each.name) not in there | live and now - each.modified > grace
        ),
    )


def collect(store: ArtifactStore, *, grace: float = GRACE_SECONDS) -> CollectionPlan:
    """Carry out one step of collection and return what was done.

    Raises:
        ArtifactStoreError: the store cannot be read or written; nothing live is touched.
    """
    objects = store.objects
    now = objects.now()
    # Packs before files: what is packed meanwhile is young, and what is published is seen.
    packs, condemned = list(objects.list(pack.PREFIX)), list(objects.list(CONDEMNED))
    drafts, moves = list(objects.list(_DRAFTS)), list(objects.list(moved.PREFIX))
    needed = read_references(objects)
    plan = plan_collection(
        packs,
        condemned,
        drafts,
        needed.packs,
        now,
        grace,
        moves=moves,
        named=needed.parts.keys(),
    )
    for each in plan.condemn:
        objects.put(condemned_name(pack.pack_of(each.name)), [b"-"])
    for name in plan.pardon:
        objects.delete(condemned_name(name))
    for each in plan.remove:
        name = pack.pack_of(each.name)
        store.index.forget_packs([name])
        objects.delete(each.name)
        objects.delete(condemned_name(name))
    for each in (*plan.drafts, *plan.forget, *plan.unmark):
        objects.delete(each.name)
    return plan
