"""A decoder in this process, for tests that are not about the sandbox."""

from __future__ import annotations

from typing import Self

from cxrgate.core import Failure, GreyImage, ImageError, ImageRecord, Stage
from cxrgate.images.codec.decode import decode


class InlineDecoder:
    """As SandboxedDecoder, without its workers."""

    def __init__(self, workers: int = 1, *, express: bool = False) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    async def decode(self, records: list[ImageRecord]) -> list[GreyImage | Failure]:
        """As SandboxedDecoder."""
        return [self._decode(record) for record in records]

    def _decode(self, record: ImageRecord) -> GreyImage | Failure:
        try:
            return decode(record)
        except ImageError as error:
            return error.failure(record.image_id, Stage.DECODE)
