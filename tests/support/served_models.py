"""Calls to models that the real TorchServe serves, and the same models in this process."""

import asyncio

from cxrgate.gate.opening import Services, open_models
from cxrgate.index import EngineName, Snapshot
from cxrgate.index.search import LocalSearcher


def remotely(server, folders, call):
    """What `call(models)` gives of the served ones."""

    async def go():
        async with open_models(folders, "cpu", Services(models=server.address)) as models:
            return await call(models)

    return asyncio.run(go())


def candidates_of(folder, descriptors):
    """What the folder's snapshot has nearest, found in this process."""
    searcher = LocalSearcher(Snapshot.open(folder / "snapshot"), 3, EngineName.MATRIX)
    return asyncio.run(searcher.search(descriptors))
