"""Who calls: the shipped roles with more generators in them, whose quota is out of the way."""

from __future__ import annotations

from pathlib import Path

import yaml
from support.grpc_servers import ROLES_FILE

from cxrgate.rpc.development_ca import write_development_certificates

LIGHT = ("light1", "light2", "light3", "light4")
HEAVY, CROWD, SILENT, SLOW = "heavy", "crowd", "silent", "slow"
CALLERS = (*LIGHT, HEAVY, CROWD, SILENT, SLOW)
QUOTA = {"images_per_day": 10**9, "images_per_second": 10**6}


def write_identities(folder: Path) -> None:
    """`roles.yaml`, and in `certificates/` one for each identity in it."""
    roles = yaml.safe_load(ROLES_FILE.read_text())
    roles["identities"].update({f"spiffe://cxrgate/{name}": "generator" for name in CALLERS})
    roles["quotas"]["generator"] = QUOTA
    (folder / "roles.yaml").write_text(yaml.safe_dump(roles))
    names = {identity: identity.rsplit("/", 1)[-1] for identity in roles["identities"]}
    write_development_certificates(folder / "certificates", names, ("localhost", "127.0.0.1"))
