"""The numbers that both ends of a call agree on. Sizes in bytes, times in seconds."""

from __future__ import annotations

MIB = 2**20

IMAGE_BYTES = 32 * MIB
"""An encoded image."""

MESSAGE_BYTES = 34 * MIB
"""A message: an image and its envelope. gRPC's own 4 MiB would refuse images that the gate accepts."""

TRANSPORT_BYTES = 2 * MESSAGE_BYTES
"""What gRPC itself lets through: larger messages it refuses without an ErrorInfo, so the guard has the lower limit."""

UNARY_SECONDS = 30.0
"""Unary calls end after this, whatever deadline they came with."""

IDLE_SECONDS = 60.0
"""A stream on which neither side moved for this long is ended."""

MARGIN_SECONDS = 0.05
"""What a call keeps of its deadline for its own answer when it calls on."""

DRAIN_SECONDS = 10.0
"""How long accepted calls may go on once a server was told to stop."""

STREAMS_PER_CONNECTION = 128
"""Calls at once on one connection."""

PENDING_CALLS = 8_192
"""Calls that may wait in gRPC until they are taken up, those that their callers gave up meanwhile among them: at most
13 KiB each, 105 MiB in all. By itself gRPC ends new calls by chance, as CANCELLED, once 1,000 wait: anybody's, where
one caller floods."""

CONNECTION_SECONDS = 1800
"""Age at which a connection is closed, so that callers spread over new replicas; then 60 s for its calls."""

HANDSHAKE_SECONDS = 10
"""How long a connection may take until both sides know each other; gRPC's own two minutes would hold idle ones."""

CALLS_PER_IDENTITY = 256
"""Calls that one identity may have open on a server, over all of its connections."""
