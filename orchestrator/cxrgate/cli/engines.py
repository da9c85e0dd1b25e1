"""Where a run or an enrolment computes, as options of its command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from cxrgate.cli.errors import errors_as_messages
from cxrgate.core import UsageError

if TYPE_CHECKING:
    from cxrgate.run.engines.engine import Engine


class RunEngine(StrEnum):
    """Where images are computed."""

    LOCAL = "local"
    RAY = "ray"


EngineOption = Annotated[
    RunEngine, typer.Option("--engine", help="Where images are computed: in this process, or by a Ray cluster.")
]
AddressOption = Annotated[
    str | None, typer.Option("--address", help="HOST:PORT of the Ray head; without it Ray starts on this host.")
]


@contextmanager
def open_engine(engine: RunEngine, address: str | None) -> Iterator[Engine | None]:
    """The engine, None for this process.

    Raises:
        UsageError: an address without Ray, or see connected.
    """
    if engine is RunEngine.LOCAL:
        if address is not None:
            raise UsageError("--address is the Ray head's: it needs --engine ray")
        yield None
        return
    with errors_as_messages("ray"):
        from cxrgate.run.engines.ray.engine import ray_engine  # noqa: PLC0415 - an extra, and slow
    with ray_engine(address) as opened:
        yield opened
