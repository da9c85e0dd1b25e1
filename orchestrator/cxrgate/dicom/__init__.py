"""Radiographs over DICOM: a storage SCP with a durable spool, checked by the gate, released as new objects."""

from cxrgate.dicom.encode import encode_dicom
from cxrgate.dicom.outbox import OutFormat
from cxrgate.dicom.process import ReceiverPaths, serve_receiver
from cxrgate.dicom.receiver import ReceiverEndpoint, Tls
from cxrgate.dicom.spool import Spool, SpoolFull, SpoolLimits

__all__ = [
    "OutFormat",
    "ReceiverEndpoint",
    "ReceiverPaths",
    "Spool",
    "SpoolFull",
    "SpoolLimits",
    "Tls",
    "encode_dicom",
    "serve_receiver",
]
