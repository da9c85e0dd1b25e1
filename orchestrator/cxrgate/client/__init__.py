"""What other systems call a gate with. Needs grpcio and the wheel, nothing else.

Example:
    identity = Identity.read(Path("certificates/generator"))
    with Gate("gate.example:8443", identity) as gate:
        verdict = gate.check(png_bytes, return_image=True)
        if verdict.released:
            keep(verdict.png)
"""

from cxrgate.client.aio import AsyncGate
from cxrgate.client.errors import GateDenied, GateError, GateOverloaded, GateUnavailable, ImageRefused
from cxrgate.client.generate import AcceptanceTooLow, Generated, generate_until
from cxrgate.client.sync import Gate
from cxrgate.client.types import Decision, GatePolicy, Image, Verdict
from cxrgate.rpc.channel import Identity

__all__ = [
    "AcceptanceTooLow",
    "AsyncGate",
    "Decision",
    "Gate",
    "GateDenied",
    "GateError",
    "GateOverloaded",
    "GatePolicy",
    "GateUnavailable",
    "Generated",
    "Identity",
    "Image",
    "ImageRefused",
    "Verdict",
    "generate_until",
]
