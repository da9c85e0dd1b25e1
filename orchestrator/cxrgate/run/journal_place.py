"""On what kind of file system a run's journal lies, and what that means for the promise that nothing is lost."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_NFS = ("nfs", "nfs4")
_NETWORK = (
    *_NFS,
    "cifs",
    "smb3",
    "lustre",
    "ceph",
    "glusterfs",
    "beegfs",
    "gpfs",
    "9p",
    "fuse.glusterfs",
    "fuse.sshfs",
)
_LOCAL_LOCKS = {"nolock", "local_lock=all", "local_lock=flock"}


@dataclass(frozen=True, slots=True)
class Mount:
    """A file system: where it is mounted, its type, and its options."""

    place: Path
    kind: str
    options: frozenset[str]


def mount_of(folder: Path, mounts: str | None = None) -> Mount | None:
    """The file system of a folder, which need not exist yet; None where the host does not say.

    `mounts` is what Linux has in /proc/self/mountinfo, None reads it.
    """
    if mounts is None:
        try:
            mounts = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:
            return None
    folder = folder.resolve()
    found = [mount for mount in map(_parsed, mounts.splitlines()) if folder.is_relative_to(mount.place)]
    # Of two at one place the later one lies above.
    return max(enumerate(found), key=lambda item: (len(item[1].place.parts), item[0]))[1] if found else None


def _parsed(line: str) -> Mount:
    """See proc(5): fields before ` - ` are the mount's, behind it the file system's."""
    own, _, system = line.partition(" - ")
    place, options = own.split(" ")[4:6]
    kind, _, more = system.split(" ", 2)
    return Mount(
        Path(place.replace("\\040", " ")), kind, frozenset([*options.split(","), *more.split(" ")[-1].split(",")])
    )


def network_sentence(folder: Path, mounts: str | None = None) -> str | None:
    """What holds where the journal is on a network file system; None where it is on this host's disk."""
    mount = mount_of(folder, mounts)
    if mount is None or mount.kind not in _NETWORK:
        return None
    what = f"the journal lies on {mount.kind}, mounted at {mount.place}"
    if mount.kind not in _NFS:
        return f"{what}: that a batch outlives a crash, and that no second run joins, is as certain as that file system"
    if mount.options & _LOCAL_LOCKS:
        return (
            f"{what} with locks of this host alone: a batch outlives a crash, but a run that is started on another "
            "host is not kept out. Start no second one, or mount it without nolock and local_lock"
        )
    durable = "a batch outlives a crash of this host, and of the server unless it exports `async`"
    return f"{what}: {durable}; a second run is kept out for as long as the server knows this one's lock"
