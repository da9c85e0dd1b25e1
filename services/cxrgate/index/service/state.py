"""The index service's state: the active snapshot, those that pinned callers still use, and how they change."""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cxrgate.certification import certificate_bytes, read_certificate, utc_now
from cxrgate.core import CallRefused, Candidates, Descriptors, SnapshotCorrupt
from cxrgate.core.spaces import CosineSpace
from cxrgate.index.changes import Addition, change_snapshot
from cxrgate.index.engines.engine import EngineName
from cxrgate.index.measuring.measure import measured_again
from cxrgate.index.search import LocalSearcher
from cxrgate.index.snapshot import Snapshot
from cxrgate.index.store import SnapshotStore, check_kin

RETAINED = 8
"""Snapshots that go on answering calls that name them: the active one and those before it."""

RETAINED_IN_MEMORY = 2
"""The same for snapshots that are in memory and not mapped."""

SEARCHERS = 4
"""Searchers kept per snapshot, one per k and choice of spaces; a gate uses one."""


@dataclass(frozen=True, slots=True, eq=False)
class ServedSnapshot:
    """An open, checked snapshot, the searchers over it, and the certificate that lay beside it, as it was signed."""

    snapshot: Snapshot
    engine: EngineName
    activated: datetime
    certificate: bytes | None = None
    _searchers: OrderedDict[tuple[int, tuple[CosineSpace, ...]], LocalSearcher] = field(default_factory=OrderedDict)

    async def search(
        self, queries: Sequence[Descriptors], k: int, searched: tuple[CosineSpace, ...]
    ) -> list[Candidates]:
        """Every query's candidates."""
        searcher = await asyncio.to_thread(self._searcher, k, searched)
        found = await searcher.search(queries)
        return [item for item in found if isinstance(item, Candidates)]

    def _searcher(self, k: int, searched: tuple[CosineSpace, ...]) -> LocalSearcher:
        key = (min(k, self.snapshot.manifest.references), searched)
        searcher = self._searchers.get(key)
        if searcher is None:
            searcher = LocalSearcher(self.snapshot, key[0], self.engine, searched)
            self._searchers[key] = searcher
            while len(self._searchers) > SEARCHERS:
                self._searchers.popitem(last=False)
        return searcher


class IndexState:
    """What the servicer answers from. Changes of the store happen one at a time; reading never waits for them."""

    def __init__(self, store: SnapshotStore, engine: EngineName, key: Ed25519PublicKey | None = None) -> None:
        """Open the active snapshot.

        Args:
            store: of the snapshots.
            engine: searches.
            key: of whoever must have certified a snapshot before it is active; None asks for no certificate.

        Raises:
            SnapshotError: see SnapshotStore.open_active.
            CertificateError: see activate.
        """
        self._store, self._engine, self._key = store, engine, key
        self._lock = asyncio.Lock()
        self._is_corrupt = False
        self._served: OrderedDict[str, ServedSnapshot] = OrderedDict()
        snapshot = store.open_active()
        self._serve(snapshot, self._certificate(snapshot))

    @property
    def active(self) -> ServedSnapshot:
        """The snapshot that answers calls that name none."""
        return next(reversed(self._served.values()))

    def pinned(self, digest: str) -> ServedSnapshot:
        """The snapshot of that digest, the active one for "".

        Raises:
            CallRefused: FAILED_PRECONDITION, another snapshot is active and this one is no longer kept; DATA_LOSS, see
                prove.
        """
        if self._is_corrupt:
            raise CallRefused("DATA_LOSS", "SNAPSHOT_CORRUPT", "the snapshot was changed under the service")
        served = self._served.get(digest) if digest else self.active
        if served is None:
            raise CallRefused(
                "FAILED_PRECONDITION", "INDEX_DIGEST_MISMATCH", "another index is active now: ask for its digest"
            )
        return served

    async def prove(self) -> None:
        """Read every byte of the mapped snapshots again.

        Raises:
            SnapshotCorrupt: somebody wrote into one; nothing is answered from any snapshot from then on.
        """
        try:
            for served in list(self._served.values()):
                await asyncio.to_thread(served.snapshot.verify)
        except SnapshotCorrupt:
            self._is_corrupt = True
            raise

    async def activate(self, digest: str) -> ServedSnapshot:
        """Check every byte of a snapshot, then let it answer; on any error the old one stays.

        Raises:
            SnapshotError: see SnapshotStore.open.
            MismatchError: it was built with other models.
            CertificateError: a certificate is asked for, and none that is current and for this snapshot lies beside it.
        """
        # Shielded: a caller that goes away must not leave the store's pointer and what answers here apart.
        return await asyncio.shield(self._activate(digest))

    async def _activate(self, digest: str) -> ServedSnapshot:
        async with self._lock:
            snapshot = await asyncio.to_thread(self._store.open, digest)
            check_kin(snapshot, self.active.snapshot)
            certificate = self._certificate(snapshot)
            await asyncio.to_thread(self._store.activate, snapshot)
            self._serve(snapshot, certificate)
            return self.active

    async def change(
        self,
        base: str,
        withdrawn: Collection[bytes],
        addition: Addition | None = None,
        trained_on: Collection[bytes] = (),
    ) -> Snapshot:
        """Make a new snapshot from a stored one, which measures itself again; it is not active.

        `trained_on` are the added patients that the models were trained on. Errors as SnapshotStore.open and
        change_snapshot.
        """
        async with self._lock:
            folder = self._store.folder / f"snapshot-{secrets.token_hex(8)}"
            snapshot = await asyncio.to_thread(self._store.open, base)
            derive = measured_again(snapshot, trained_on)
            return await asyncio.to_thread(change_snapshot, snapshot, folder, withdrawn, addition, derive)

    def _certificate(self, snapshot: Snapshot) -> bytes | None:
        """The certificate beside a snapshot, checked where one is asked for."""
        content = certificate_bytes(snapshot.path)
        if self._key is not None:
            certificate = read_certificate(content, self._key)
            certificate.check_current(utc_now())
            certificate.check_snapshot(snapshot.manifest.digest)
        return content

    def _serve(self, snapshot: Snapshot, certificate: bytes | None) -> None:
        served = self._served.pop(snapshot.manifest.digest, None)
        fresh = ServedSnapshot(snapshot, self._engine, utc_now()) if served is None else served
        self._served[snapshot.manifest.digest] = replace(fresh, certificate=certificate)
        while len(self._served) > (RETAINED if snapshot.is_mapped else RETAINED_IN_MEMORY):
            self._served.popitem(last=False)
