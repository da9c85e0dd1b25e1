"""Released objects sent on to a PACS: queued before they are released, and sent until it has acknowledged them.

QUEUE/NAME    the sha256 of a released object that the PACS has not acknowledged, as the log has it

An object that has other bytes now, or whose sha256 nobody noted, is held: it stays in the queue and is not sent.
"""

from __future__ import annotations

import asyncio
import io
import logging
import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage
from pynetdicom import AE, evt

from cxrgate.core import UsageError
from cxrgate.core.digest import bytes_digest
from cxrgate.dicom.budget import IDLE_SECONDS
from cxrgate.images.sources.regular import read_regular
from cxrgate.storage import PARTIAL, sync

QUEUE = "forward"
"""The folder of the queue, in the spool."""

BATCH = 50
"""Objects in one association."""

LONGEST_PAUSE_SECONDS = 60.0
_FIRST_PAUSE_SECONDS = 1.0
_ADDRESS = re.compile(r"(?P<title>[A-Za-z0-9_.-]{1,16})@(?P<host>[^@\s]+):(?P<port>\d{1,5})\Z")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pacs:
    """Where released objects go on to. `tls_identity` holds tls.crt, tls.key and ca.crt; None speaks no TLS."""

    title: str
    host: str
    port: int
    tls_identity: Path | None = None

    @classmethod
    def parse(cls, text: str, tls_identity: Path | None = None) -> Pacs:
        """From AET@host:port; UsageError for anything else."""
        found = _ADDRESS.match(text)
        if found is None or not 0 < int(found["port"]) < 2**16:
            raise UsageError(f"{text!r} is no address of a PACS: give AET@host:port")
        return cls(found["title"], found["host"], int(found["port"]), tls_identity)


@dataclass(frozen=True, slots=True)
class Forwarder:
    """Sends what is queued, as `title`, and takes out of the queue what was acknowledged."""

    queue: Path
    released: Path
    pacs: Pacs
    title: str

    async def work(self) -> None:
        """Send until cancelled; what cannot be sent is tried again, after a pause that grows to a minute."""
        pause = _FIRST_PAUSE_SECONDS
        first = 0
        while True:
            names = await asyncio.to_thread(self._waiting)
            # Round the queue: what a PACS refuses for good keeps nothing else from it.
            part = [*names[first:], *names[:first]][:BATCH]
            sent = await asyncio.to_thread(self._send, part) if part else 0
            stuck = bool(names) and not sent
            first = (first + len(part) - sent) % max(1, len(names) - sent)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS) if stuck else _FIRST_PAUSE_SECONDS
            if stuck or not names:
                await asyncio.sleep(pause)

    def _waiting(self) -> list[str]:
        """What is queued and released already, oldest name first."""
        names = sorted(path.name for path in self.queue.iterdir() if path.suffix != PARTIAL)
        return [name for name in names if (self.released / name).is_file()]

    def _send(self, names: Sequence[str]) -> int:
        """How many of them were acknowledged."""
        entity = AE(self.title)
        entity.add_requested_context(SecondaryCaptureImageStorage, ExplicitVRLittleEndian)
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = entity.connection_timeout = IDLE_SECONDS
        sockets: list[Any] = []  # pynetdicom leaves those that failed to the garbage collector
        note: Any = [(evt.EVT_CONN_OPEN, lambda event: sockets.append(event.assoc.dul.socket.socket))]
        pacs = self.pacs
        opened = entity.associate(pacs.host, pacs.port, ae_title=pacs.title, evt_handlers=note, tls_args=_tls(pacs))
        try:
            if not opened.is_established:
                _log.warning("dicom.forward_failed", {"reason": "ASSOCIATION"})
                return 0
            sent = sum(self._store(opened, name) for name in names)
            opened.release()
            return sent
        finally:
            for each in sockets:
                each.close()

    def _store(self, opened: Any, name: str) -> bool:
        if not opened.is_established:
            return False
        try:
            content = read_regular(self.released / name)
            held = self._held(name, content)
            if held:
                _log.warning("dicom.forward_held", {"name": name, "reason": held})
                return False
            status = getattr(opened.send_c_store(dcmread(io.BytesIO(content))), "Status", None)
        except Exception:  # noqa: BLE001 - the PACS aborted, or the file is gone: whatever it is, it is tried again
            _log.exception("dicom.forward_failed")
            return False
        # PS3.4 B.2.3: success, or a warning, with which the object is stored all the same.
        if status is None or (status != 0 and status >> 12 != 0xB):
            reason = "NO_ANSWER" if status is None else f"{status:04X}"
            _log.warning("dicom.forward_failed", {"name": name, "reason": reason})
            return False
        (self.queue / name).unlink()
        sync(self.queue)
        _log.info("dicom.image_forwarded", {"name": name})
        return True

    def _held(self, name: str, content: bytes) -> str:
        """Why these bytes may not be sent under this name; "" where they are those that were released."""
        noted = (self.queue / name).read_bytes()
        if not noted:  # an older version queued it, and no line of the log names its sha256
            return "DIGEST_MISSING"
        return "" if noted == bytes_digest(content).encode() else "CHANGED"


def _tls(pacs: Pacs) -> tuple[ssl.SSLContext, str] | None:
    if pacs.tls_identity is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(pacs.tls_identity / "ca.crt"))
    context.load_cert_chain(pacs.tls_identity / "tls.crt", pacs.tls_identity / "tls.key")
    return context, pacs.host
