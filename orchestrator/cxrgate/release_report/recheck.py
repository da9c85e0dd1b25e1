"""A released set against a newer snapshot, newer models or another policy: what would be withdrawn today.

The set itself is only read. What has been handed out cannot be called back by a program: the list is for people.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from cxrgate.core import Decision, Failure, UsageError
from cxrgate.core.digest import file_digest
from cxrgate.core.spaces import COSINE_SPACES, SIMILARITIES
from cxrgate.gate.config import RunConfig
from cxrgate.gate.dtypes import DtypeRule
from cxrgate.gate.opening import IN_THIS_PROCESS, open_gate, open_models
from cxrgate.gate.pipeline import Checked, Gate
from cxrgate.images import ImageFile
from cxrgate.run.reading import read_files
from cxrgate.run.release import MANIFEST, read_manifest
from cxrgate.run.results import spreadsheet_safe
from cxrgate.storage import write_durably

CHANGED, MISSING, UNLISTED = "FILE_CHANGED", "FILE_MISSING", "FILE_NOT_LISTED"


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A file that would not be released today: its name, the decision, the reasons, and its scores where it has any.

    `similarities` are by name of the column, see core.spaces.
    """

    file: str
    decision: str
    reasons: str
    score: float | None = None
    similarities: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recheck:
    """What came of it.

    Attributes:
        files: how many the released set lists.
        withdrawals: in order of the names.
        before: digest of the policy that the set was released under.
        policy: digest of the one that it was held against.
        references: that it was held against.
        certification: the certificate's digest, or `uncertified`.
    """

    files: int
    withdrawals: tuple[Withdrawal, ...]
    before: str
    policy: str
    references: int
    certification: str


def recheck(config: RunConfig, released: Path, progress: Callable[[int, int], None] = lambda *_: None) -> Recheck:
    """Hold every released file against the configured gate.

    Args:
        config: names snapshot, models and policy; nothing is enrolled.
        released: folder with manifest.json.
        progress: called with how many were answered now, and how many there are.

    Raises:
        UsageError: no released set.
        CxrgateError: the gate cannot be opened, see gate.opening.open_gate.
    """
    listed, before = _read_manifest(released)
    damaged = list(_damaged(released, listed))
    whole = [name for name in sorted(listed) if name not in {item.file for item in damaged}]
    files = [ImageFile(released / name, name) for name in whole]
    found, gate = asyncio.run(_hold(config, files, progress))
    withdrawals = tuple(sorted([*damaged, *found], key=lambda item: item.file))
    about = gate.policy.digest, gate.policy.references, gate.certification
    return Recheck(len(listed), withdrawals, before, *about)


def write_withdrawals(path: Path, found: Recheck) -> None:
    """Write the list as CSV; an existing one is replaced. It holds scores: for reviewers, apart from the set."""
    about = ("file", "decision", "reasons", "score")
    rows = [{name: getattr(item, name) for name in about} | dict(item.similarities) for item in found.withdrawals]
    table = pd.DataFrame(rows, columns=[*about, *SIMILARITIES])
    write_durably(path, spreadsheet_safe(table).to_csv(index=False).encode())


def _read_manifest(released: Path) -> tuple[dict[str, str], str]:
    manifest = read_manifest(released)
    try:
        return manifest["files"], str(manifest["policy"])
    except KeyError as error:
        raise UsageError(f"{released / MANIFEST} names no policy: it is not the manifest of a run") from error


def _damaged(released: Path, listed: Mapping[str, str]) -> list[Withdrawal]:
    """Files that are not what the manifest says, or that it does not list: nothing was ever said of these."""
    there = {path.relative_to(released).as_posix(): path for path in released.rglob("*") if not path.is_dir()}
    del there[MANIFEST]
    reasons = dict.fromkeys(listed.keys() - there.keys(), MISSING)
    reasons |= dict.fromkeys(there.keys() - listed.keys(), UNLISTED)
    both = listed.keys() & there.keys()
    reasons |= {name: CHANGED for name in both if file_digest(there[name]) != listed[name]}
    return [Withdrawal(name, Decision.INDETERMINATE.value, reason) for name, reason in reasons.items()]


async def _hold(
    config: RunConfig, files: list[ImageFile], progress: Callable[[int, int], None]
) -> tuple[list[Withdrawal], Gate]:
    """What would not be released today, and the gate that says so, closed again."""
    async with (
        open_models(config.folders, config.device, IN_THIS_PROCESS, DtypeRule.of(config)) as models,
        open_gate(config, models, IN_THIS_PROCESS) as (gate, _),
    ):
        return await _check(gate, files, config.batch_size, progress), gate


async def _check(
    gate: Gate, files: list[ImageFile], batch_size: int, progress: Callable[[int, int], None]
) -> list[Withdrawal]:
    found = []
    async with aclosing(gate.check(read_files(files), batch_size)) as answers:
        async for checked in answers:
            progress(1, len(files))
            if checked.outcome.decision is not Decision.ANONYMOUS:
                found.append(_withdrawal(checked))
    return found


def _withdrawal(checked: Checked) -> Withdrawal:
    outcome = checked.outcome
    if isinstance(outcome, Failure):
        return Withdrawal(outcome.image_id, outcome.decision.value, outcome.reason)
    reasons = ";".join(outcome.reasons)
    similarities = {space.similarity: outcome.similarities[space.name] for space in COSINE_SPACES}
    return Withdrawal(outcome.image_id, outcome.decision.value, reasons, outcome.score, similarities)
