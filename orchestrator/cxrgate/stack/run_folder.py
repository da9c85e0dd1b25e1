"""Whether the reviewers' page can work on a run's output folder."""

from __future__ import annotations

from pathlib import Path

from cxrgate.stack.findings import HostFinding, Level

SUBJECT = "review"
_NEEDED = ("results/run.json", "released/manifest.json")


def check_run(folder: Path, user: int) -> HostFinding:
    """Whether the run is finished, and whether `user`, as whom containers run, may take images out of its set."""
    missing = [name for name in _NEEDED if not (folder / name).is_file()]
    if missing:
        remedy = "name the output folder of a finished `cxrgate run`"
        return HostFinding(SUBJECT, Level.FAIL, f"{folder} has no {missing[0]}", remedy)
    foreign = [path for path in (folder, folder / "released", folder / "results") if path.stat().st_uid != user]
    if foreign:
        remedy = f"chown -R {user} {folder}"
        return HostFinding(SUBJECT, Level.FAIL, f"the containers' user {user} cannot change {foreign[0]}", remedy)
    return HostFinding(SUBJECT, Level.OK, f"the run in {folder}")
