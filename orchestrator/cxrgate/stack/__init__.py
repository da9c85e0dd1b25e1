"""A stack of containers on this host: looked at, started, watched and stopped. No torch in this process."""

from cxrgate.stack.checks import Plan, look
from cxrgate.stack.compose import Compose
from cxrgate.stack.engine import ContainerState, Engine
from cxrgate.stack.findings import HostFinding, Level
from cxrgate.stack.launch import Launch, StackNotStarted
from cxrgate.stack.state import State
from cxrgate.stack.waiting import wait_until_healthy

__all__ = [
    "Compose",
    "ContainerState",
    "Engine",
    "HostFinding",
    "Launch",
    "Level",
    "Plan",
    "StackNotStarted",
    "State",
    "look",
    "wait_until_healthy",
]
