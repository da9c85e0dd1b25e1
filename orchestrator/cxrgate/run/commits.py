"""Checked batches on their way to the journal, in order and beside the checking.

While one group is brought to the disk the next one gathers: so a fast run shares each fsync among many batches, and a
slow one has each batch durable at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from cxrgate.run.journal import Journal

MOST_WAITING = 64
"""Batches that may wait for the disk: with more, checking waits, and a crash costs no more than these."""


class Commits:
    """Appends to a journal; when the context is left, all that was added is durable."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._waiting: dict[int, Mapping[str, Any]] = {}
        self._writing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        if self._writing is not None:
            await self._writing

    async def add(self, number: int, content: Mapping[str, Any]) -> None:
        """Hand over the next batch; errors of the disk (OSError) come with a later batch, or at the end."""
        if self._writing is not None and (self._writing.done() or len(self._waiting) >= MOST_WAITING):
            await self._writing
            self._writing = None
        self._waiting[number] = content
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())

    async def _write(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, {}
            await asyncio.to_thread(self._journal.append_all, group)
