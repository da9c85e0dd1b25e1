"""The storage SCP: takes radiographs from those it knows, and acknowledges when they are on the disk."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any, cast
from weakref import WeakKeyDictionary

from pydicom import Dataset
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
)
from pynetdicom import AE, evt
from pynetdicom.events import Event, EventHandlerType

from cxrgate.core import ImageError, UsageError
from cxrgate.dicom.budget import IDLE_SECONDS, PDU_BYTES, Budget
from cxrgate.dicom.counts import Counts
from cxrgate.dicom.doorway import Doorway, LateHandshake
from cxrgate.dicom.places import REQUEST_SECONDS, Places
from cxrgate.dicom.refusals import read_allowed, refused_comment, refused_status
from cxrgate.dicom.senders import Senders
from cxrgate.dicom.spool import CALLER, Spool, SpoolFull
from cxrgate.dicom.visitor import Visitor
from cxrgate.images.codec.dicom.syntaxes import CODED, NATIVE
from cxrgate.rpc.limits import IMAGE_BYTES
from cxrgate.rpc.roles import RoleMatrix
from cxrgate.rpc.spiffe import spiffe_id

TITLE = 16
"""Characters of an AE title (PS3.5, table 6.2-1)."""

_ECHO = UID("1.2.840.10008.1.1")
"""The Verification SOP Class: `echoscu`, with which an engineer tries whether a receiver is there."""

_FIRST = {ExplicitVRLittleEndian, ImplicitVRLittleEndian}

_CLASSES = (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    SecondaryCaptureImageStorage,
)
_SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian, *sorted({*NATIVE, *CODED} - _FIRST)]
"""What the decoder reads, uncompressed first. A sender that has others must convert, or learns so at once."""

# PS3.4 B.2.3 and PS3.7 C.4.2
SUCCESS, OUT_OF_RESOURCES, TOO_LARGE, PROCESSING_FAILURE = 0x0000, 0xA700, 0xC001, 0x0110

# PS3.8 table 9-21: rejected for good, by the user of the service, no reason given; and for now, local limit exceeded.
REJECTED, NO_PLACE = (1, 1, 1), (2, 3, 2)

ASSOCIATION = "ASSOCIATION"
"""Why somebody is turned away: an AE title that is not known, or too many at once."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tls:
    """As whom the receiver speaks TLS, and with whom.

    Attributes:
        identity: folder with tls.crt, tls.key and ca.crt.
        roles: says whose certificate may send.
    """

    identity: Path
    roles: RoleMatrix


@dataclass(frozen=True, slots=True)
class ReceiverEndpoint:
    """Where and as whom the receiver listens.

    Attributes:
        address: HOST:PORT; port 0 is chosen.
        title: its AE title; callers must call it by that.
        callers: AE titles that may call. Without TLS a title is a name, not a proof.
        tls: None without.
        metrics: HOST:PORT of the Prometheus metrics, or PORT on loopback; None without.
    """

    address: str
    title: str
    callers: Sequence[str]
    tls: Tls | None = None
    metrics: str | None = None

    def __post_init__(self) -> None:
        bad = [title for title in (self.title, *self.callers) if len(title) > TITLE or not CALLER.fullmatch(title)]
        if bad or not self.callers:
            raise UsageError(
                "an AE title has 1 to 16 characters, each one of A-Z a-z 0-9 _ . -, and --allow names at least one"
            )


@dataclass(eq=False)
class Receiver:
    """A running storage SCP.

    Attributes:
        spool: where images go.
        is_done: whether content of that name was checked already, so that it need not be kept again.
        arrived: called, from any thread, after an image was kept.
        counts: what is counted.
    """

    spool: Spool
    is_done: Callable[[str], bool]
    arrived: Callable[[], None]
    counts: Counts
    failed: bool = False
    _server: Doorway | None = None
    _places: Places = field(default_factory=Places)
    _budgets: WeakKeyDictionary[Any, Budget] = field(default_factory=WeakKeyDictionary)

    def start(self, endpoint: ReceiverEndpoint) -> int:
        """Listen; the port. Raises UsageError where that cannot be."""
        host, _, port = endpoint.address.rpartition(":")
        senders = None if endpoint.tls is None else Senders(endpoint.tls.roles, self.counts)
        handlers: list[EventHandlerType] = [(evt.EVT_CONN_OPEN, self._opened), (evt.EVT_C_STORE, self._stored)]
        handlers.append((evt.EVT_REQUESTED, self._requested, [endpoint, senders]))
        handlers.append((evt.EVT_DIMSE_RECV, lambda event: self._budgets[event.assoc].visitor.message()))
        handlers.append((evt.EVT_REJECTED, lambda _: self.counts.turned_away(ASSOCIATION)))
        try:
            made = _entity(endpoint).make_server(
                (host, int(port)),
                evt_handlers=handlers,
                ssl_context=_context(endpoint.tls),
                server_class=Doorway,
                places=self._places,
            )
        except (OSError, ValueError) as error:
            raise UsageError(
                f"cannot listen on {endpoint.address}: check --listen (HOST:PORT, not in use) and --certificates"
            ) from error
        self._server = cast("Doorway", made)
        Thread(target=made.serve_forever, name="dicom-doorway", daemon=True).start()
        return int(made.server_address[1])

    def stop(self) -> None:
        """Take no more; what is half received is not acknowledged."""
        if self._server is not None:
            self._server.shutdown()

    def _opened(self, event: Event) -> None:
        connection: Any = event.assoc.dul.socket
        # One that was closed meanwhile is at its end, as whoever reads it will see.
        visitor = self._places.find(connection.socket) or Visitor(connection.socket, "")
        visitor.association = event.assoc
        self._budgets[event.assoc] = Budget(connection, visitor)

    def _requested(self, event: Event, endpoint: ReceiverEndpoint, senders: Senders | None) -> None:
        """Reject an association that may not be, or has no place."""
        association: Any = event.assoc
        refused: tuple[int, int, int] | None = REJECTED
        try:
            refused = self._refused(association, endpoint, senders)
        finally:  # pynetdicom goes on with the association where this raises
            if refused is not None:
                if not association.is_aborted:
                    association.acse.send_reject(*refused)
                association.kill()

    def _refused(
        self, association: Any, endpoint: ReceiverEndpoint, senders: Senders | None
    ) -> tuple[int, int, int] | None:
        """With what a requested association is rejected; None where it is not, or where pynetdicom will do it."""
        visitor = self._budgets[association].visitor
        if association.is_aborted:
            return REJECTED
        holder = visitor.address
        if senders is not None:
            caller = senders.admit(spiffe_id(association.dul.socket.socket.getpeercert()))
            if caller is None:
                return REJECTED
            holder = caller.identity
        if not _knows_titles(association.requestor.primitive, endpoint) or self._places.admit(visitor, holder):
            return None
        _log.info("dicom.association_refused", {"reason": "PLACES"})
        self.counts.turned_away(ASSOCIATION)
        return NO_PLACE

    def _stored(self, event: Event) -> Dataset:
        """The status of one image. Success is said when it is durable, and not before."""
        budget = self._budgets[event.assoc]
        budget.renew()
        with budget.visitor.being_served():
            answer = self._answer(event)
        self.counts.stored(answer.Status)
        return answer

    def _answer(self, event: Event) -> Dataset:
        caller = event.assoc.requestor.ae_title.strip()
        try:
            content = event.encoded_dataset()
            if len(content) > IMAGE_BYTES:
                return _status(TOO_LARGE)
            read_allowed(caller, content)
            return _status(self._keep(caller, content))
        except ImageError as error:
            return _status(refused_status(error), refused_comment(error))
        except SpoolFull:
            _log.warning("dicom.spool_full", {"caller": caller})
            return _status(OUT_OF_RESOURCES)
        except OSError:  # what is on the disk is unknown: nothing more is acknowledged
            self.failed = True
            _log.exception("dicom.spool_failed", {"caller": caller})
            self.arrived()
            return _status(PROCESSING_FAILURE)

    def _keep(self, caller: str, content: bytes) -> int:
        if self.failed:
            return OUT_OF_RESOURCES
        if not self.is_done(self.spool.name_of(content)):
            self.spool.put(caller, content)
            self.arrived()
        return SUCCESS


def _status(status: int, comment: str = "") -> Dataset:
    """What pynetdicom answers a C-STORE with."""
    answer = Dataset()
    answer.Status = status
    if comment:
        answer.ErrorComment = comment
    return answer


def _knows_titles(request: Any, endpoint: ReceiverEndpoint) -> bool:
    """Whether an A-ASSOCIATE request names this receiver and one of its callers: no other takes a place."""
    return request.calling_ae_title in endpoint.callers and request.called_ae_title == endpoint.title


def _entity(endpoint: ReceiverEndpoint) -> AE:
    entity = AE(endpoint.title)
    entity.require_called_aet = True
    entity.require_calling_aet = list(endpoint.callers)
    entity.maximum_associations = 10_000  # never reached: `places` counts, and pynetdicom those, too, that are ending
    entity.maximum_pdu_size = PDU_BYTES
    entity.acse_timeout = REQUEST_SECONDS
    entity.dimse_timeout = entity.network_timeout = IDLE_SECONDS
    for kind in _CLASSES:
        entity.add_supported_context(kind, _SYNTAXES)
    entity.add_supported_context(_ECHO, _SYNTAXES)
    return entity


def _context(tls: Tls | None) -> Any:
    if tls is None:
        return None
    folder = tls.identity
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(folder / "ca.crt"))
    context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    context.verify_mode = ssl.CERT_REQUIRED
    return LateHandshake(context)
