"""What a stack keeps on its host: one folder, made on the first start.

    certificates/NAME/{tls.crt,tls.key,ca.crt}    development certificates, one folder per identity of the roles file
    private/key, private/map.csv                  the way back to the patients: only enrolment has them
    store/, storage.key                           snapshots, and what they are sealed with
    log/gate.log                                  the gate's hash-chained log
    dicom/{spool,released,log}/                   what the profile `dicom` keeps
    review/review.log, review.key                 what reviewers decided, and what their links are signed with
    prometheus/, grafana/, grafana.password       what the profile `observability` keeps
    stack.env                                     the variables that compose.yaml wants

Certificates of the hospital's own authority take the place of the development ones, under the same names.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cxrgate.core import UsageError
from cxrgate.index import create_key
from cxrgate.rpc.development_ca import LOCAL, write_development_certificates
from cxrgate.rpc.roles import read_roles
from cxrgate.storage.permissions import FOLDER_MODE

HOSTS = (*LOCAL, "gate.front", "index.search")
"""What the servers' certificates are valid for: this host, and their names on the stack's networks."""

_PROFILES = ("dicom", "dicom/spool", "dicom/released", "dicom/log", "review", "prometheus", "grafana")
"""Folders of services that are started only where they are asked for."""

GROUP = "CXRGATE_GROUP"
"""Environment variable, or line of stack.env: the gid that may read what the stack writes."""

CONTAINER_USER = 10001
"""The images' own user. A stack that root starts runs as that one, any other as who started it."""


def container_user() -> tuple[int, int]:
    """User and group that a stack's containers run as: whoever starts it, but never root."""
    root = os.geteuid() == 0
    return (CONTAINER_USER, CONTAINER_USER) if root else (os.geteuid(), os.getegid())


@dataclass(frozen=True, slots=True)
class State:
    """The folder."""

    folder: Path

    @property
    def group(self) -> int | None:
        """The group that may read snapshots, logs and results, by CXRGATE_GROUP; None where nobody named one.

        Raises:
            UsageError: it is no number.
        """
        known = self.read_variables() if self.variables.exists() else {}
        named = os.environ.get(GROUP) or known.get(GROUP, "")
        if named and not named.isdecimal():
            raise UsageError(f"{GROUP}={named} is no number: name the group by its gid, see `getent group`")
        return int(named) if named else None

    @property
    def user(self) -> tuple[int, int]:
        """User and group that the containers run as."""
        user, own = container_user()
        return user, own if self.group is None else self.group

    @property
    def certificates(self) -> Path:
        """One folder per identity."""
        return self.folder / "certificates"

    @property
    def private(self) -> Path:
        """Key and reference map."""
        return self.folder / "private"

    @property
    def store(self) -> Path:
        """Snapshots."""
        return self.folder / "store"

    @property
    def storage_key(self) -> Path:
        """What snapshots are sealed with."""
        return self.folder / "storage.key"

    @property
    def variables(self) -> Path:
        """What Compose reads."""
        return self.folder / "stack.env"

    @property
    def enrolled(self) -> bool:
        """Whether there is a snapshot."""
        return any(path.parent.suffix != ".partial" for path in self.store.glob("*/manifest.json"))

    def prepare(self, roles: Path, hosts: Sequence[str]) -> None:
        """Make what is not there yet; nothing that is there is replaced.

        Args:
            roles: roles file, whose identities get certificates.
            hosts: further names and addresses that callers know the gate by.

        Raises:
            UsageError: the roles file cannot be used.
        """
        for name in (".", "private", "store", "log", *_PROFILES):
            (self.folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self.certificates.exists():
            write_development_certificates(self.certificates, read_roles(roles).identities, [*HOSTS, *hosts])
        for key in (self.private / "key", self.storage_key, self.folder / "review.key"):
            if not key.exists():
                create_key(key)
        password = self.folder / "grafana.password"
        if not password.exists():
            password.touch(mode=0o600)
            password.write_text(secrets.token_urlsafe())
        self.hand_over()

    def write_variables(self, chosen: Mapping[str, str], defaults: Mapping[str, str]) -> None:
        """Write stack.env, with who the containers run as; what somebody added to it stays.

        Args:
            chosen: replace what was written before.
            defaults: are for what has no value yet.
        """
        user = ":".join(map(str, self.user))
        known = self.read_variables() if self.variables.exists() else {}
        content = {**defaults, **known, "CXRGATE_STATE": str(self.folder), "CXRGATE_USER": user, **chosen}
        if self.group is not None:
            content[GROUP] = str(self.group)
        if any("'" in value or "\n" in value for value in content.values()):
            raise UsageError("a path or an address holds a quote or a line end: choose one without")
        self.variables.write_text("".join(f"{name}='{value}'\n" for name, value in content.items()))

    def read_variables(self) -> dict[str, str]:
        """What was written, comments and empty lines left out.

        Raises:
            UsageError: no stack was started from this folder.
        """
        return read_variables(self.variables)

    def hand_over(self) -> None:
        """Let the containers' user own what they use, where root made it, and the group enter, where one is named."""
        if os.geteuid() == 0:
            for path in [self.folder, *self.folder.rglob("*")]:
                os.chown(path, *self.user, follow_symlinks=False)
        if self.group is None:
            return
        for path in (self.folder, *(self.folder / name for name in ("store", "log", *_PROFILES))):
            try:
                os.chown(path, -1, self.group)
            except OSError as error:
                told = f"{path} cannot be given to group {self.group}: name by {GROUP} a group that you are in"
                raise UsageError(told) from error
            path.chmod(FOLDER_MODE)


def read_variables(path: Path) -> dict[str, str]:
    """What stack.env says; errors as State.read_variables."""
    try:
        lines = path.read_text().splitlines()
    except OSError as error:
        raise UsageError(
            f"no stack was started from {path.parent}: run `cxrgate stack up`, or name its folder with --state"
        ) from error
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip().strip("'\"") for name, _, value in pairs}
