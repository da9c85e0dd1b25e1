"""A small gate and certificates for it, valid and not, without any calibration behind them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cxrgate.certification import create_signing_key, read_signing_key, sign
from cxrgate.gate.binding import binding
from cxrgate.gate.local import local_gate, local_models
from cxrgate.run.plan import open_or_enrol

LATER = datetime.now(UTC) + timedelta(days=1)


def signing_key(folder):
    """Make a key pair once: signing and signing.pub."""
    if not (folder / "signing").exists():
        create_signing_key(folder / "signing")
    return read_signing_key(folder / "signing")


def bound(config):
    """The binding of a configuration's gate; its snapshot is built where it does not exist."""
    free = config.model_copy(update={"certification": "none"})
    with local_models(free.folders, free.device) as models:
        snapshot = open_or_enrol(free, models, lambda *_: None)
        with local_gate(free, models, snapshot) as gate:
            return binding(gate.policy, models.manifests)


def certificate(folder, parts, expires=LATER):
    """The bytes of a certificate for these parts, signed with the folder's key."""
    statement = {"format": 1, "binding": parts, "expires": expires.isoformat()}
    return sign(statement, signing_key(folder))
