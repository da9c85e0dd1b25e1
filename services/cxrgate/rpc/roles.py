"""Who may call what: identities to roles, and a matrix of roles by RPC."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cxrgate.core import CallRefused, UsageError
from cxrgate.storage.yaml_file import read_yaml

UNKNOWN = "unknown"
"""What logs say instead of an identity that the roles file does not have: a certificate may hold anything."""

Count = Annotated[int, Field(ge=1)]


class Quota(BaseModel):
    """How many images one identity may have checked."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    images_per_day: Count
    images_per_second: Count


class RoleMatrix(BaseModel):
    """The roles file. An RPC that it does not list may be called by nobody, and a server that has it does not start.

    Attributes:
        identities: SPIFFE id (the URI in a client's certificate) to role.
        quotas: per role, counted for each identity apart; a role without one may have no image checked.
        rpcs: full method name, such as `/package.Service/Method`, to the roles that may call it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    identities: dict[str, str]
    quotas: dict[str, Quota]
    rpcs: dict[str, tuple[str, ...]]

    def require(self, services: Iterable[str]) -> None:
        """Raise UsageError unless every RPC of the services is listed."""
        missing = [name for service in services for name in rpc_names(service) if name not in self.rpcs]
        if missing:
            raise UsageError(f"the roles file lacks {len(missing)} RPCs: {', '.join(missing)}")

    def authorize(self, caller: Caller, rpc: str) -> None:
        """Raise CallRefused unless the caller's role may call the RPC."""
        if caller.role not in self.rpcs.get(rpc, ()):
            raise CallRefused("PERMISSION_DENIED", "ROLE", "the caller's role may not call this")

    def caller(self, ids: Sequence[str]) -> Caller:
        """Who calls, from the SPIFFE ids in the verified certificate.

        Raises:
            CallRefused: UNAUTHENTICATED, the certificate has no SPIFFE id or an unknown one.
        """
        if len(ids) != 1 or ids[0] not in self.identities:
            raise CallRefused(
                "UNAUTHENTICATED", "IDENTITY", "the caller's certificate has no SPIFFE id that is known here"
            )
        return Caller(ids[0], self.identities[ids[0]])


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a call came from."""

    identity: str
    role: str


def rpc_names(service: str) -> list[str]:
    """The full method names of a service that is compiled in."""
    # Roles and quotas are asked for by doors too that speak no gRPC.
    from google.protobuf import descriptor_pool  # noqa: PLC0415 - as said above

    pool = descriptor_pool.Default()  # type: ignore[no-untyped-call]
    descriptor = pool.FindServiceByName(service)
    return [f"/{service}/{method.name}" for method in descriptor.methods]


def read_roles(path: Path) -> RoleMatrix:
    """Read a roles file.

    Raises:
        UsageError: it cannot be read, or is not a roles file, or names a role in one place only.
    """
    content = read_yaml(path)
    try:
        matrix = RoleMatrix.model_validate(content)
    except ValidationError as error:
        raise UsageError(f"{path} is no roles file: {error}") from error
    known = {role for roles in matrix.rpcs.values() for role in roles}
    unknown = (set(matrix.identities.values()) | set(matrix.quotas)) - known
    if unknown:
        raise UsageError(f"{path} names roles that may call no RPC: {', '.join(sorted(unknown))}")
    return matrix
