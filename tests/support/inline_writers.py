"""Writers in this process, for tests that are not about theirs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from cxrgate.run.engines.writers import Image, stage_images


class InlineWriters:
    """As Writers, without their processes."""

    def __init__(self, count: int) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    async def stage(self, folder: Path, images: Sequence[Image]) -> list[str]:
        """As Writers."""
        return await asyncio.to_thread(stage_images, folder, images)
