"""What a stack needs to run under a certificate, looked at before its index and its gate look themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cxrgate.certification import CERTIFICATE, certificate_bytes, read_certificate, read_public_key, utc_now
from cxrgate.core import CxrgateError, UsageError
from cxrgate.index.manifest import read_manifest
from cxrgate.stack.findings import HostFinding, Level, days_left
from cxrgate.stack.model_folders import is_readable, served_folder
from cxrgate.storage.yaml_file import read_yaml

MOUNTED = "/etc/cxrgate/certification.pub"
"""Where index and gate find the key in their containers."""


def check_certification(key: Path, config: Path | None, user: int) -> HostFinding:
    """Whether index and gate can ask for certificates by this key.

    Args:
        key: public key of whoever certifies.
        config: the gate's configuration; None for the one that is shipped for this.
        user: that the containers run as.
    """
    try:
        read_public_key(key)
    except UsageError as error:
        return _failed(str(error), "name the .pub file that `cxrgate certificate key` wrote")
    if not is_readable(key, user):
        return _failed(f"the containers' user {user} cannot read {key}", f"chmod a+r {key}")
    wanted = {"certification": "required", "certification_key": MOUNTED}
    if config is not None and not wanted.items() <= _content(config).items():
        told = ", ".join(f"{name}: {value}" for name, value in wanted.items())
        return _failed(f"{config} lacks {told}", "write it there, or leave --certification-key out")
    return HostFinding("certification", Level.OK, f"by {key}")


def check_certificate(store: Path, key: Path) -> HostFinding:
    """Whether a current certificate lies beside the snapshot that will be served, and for how long.

    The gate compares all that it binds.
    """
    now = utc_now()
    try:
        folder = served_folder(store)
        certificate = read_certificate(certificate_bytes(folder), read_public_key(key))
        certificate.check_current(now)
        certificate.check_snapshot(read_manifest(folder).digest)
    except CxrgateError as error:
        return _failed(
            str(error), f"calibrate, and copy {CERTIFICATE} beside the snapshot; see docs/operations/duty.md"
        )
    remedy = "calibrate again before, copy and activate; see docs/operations/duty.md"
    return days_left("certification", certificate.digest[:12], certificate.expires - now, remedy)


def _content(config: Path) -> dict[str, Any]:
    """What a configuration says; nothing where it is none, which the gate then says."""
    try:
        content = read_yaml(config)
    except UsageError:
        return {}
    return content if isinstance(content, dict) else {}


def _failed(text: str, remedy: str) -> HostFinding:
    return HostFinding("certification", Level.FAIL, text, remedy)
