"""What a host must have, looked at before anything is started."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import socket
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from cxrgate.stack.findings import HostFinding, Level, days_left

GIB = 2**30
DISK_BYTES, SPARE_BYTES = 20 * GIB, 2 * GIB
"""Three images take 7 GiB once, and while they are built as much again; for the log and snapshots afterwards."""
MEMORY_BYTES, COMFORTABLE_BYTES = 6 * GIB, 12 * GIB
"""Measured idle: models 1.7 GiB, gate 0.6, index 0.1 and its references; a decoder may take 1.5 for a moment."""
PROCESSORS = 2
TIME_ERROR = 5
"""What adjtimex answers while the clock is not synchronised (linux/timex.h)."""


def check_python() -> HostFinding:
    """Which one runs this; an older one than cxrgate wants would not have come so far."""
    return HostFinding("python", Level.OK, platform.python_version())


def check_java() -> HostFinding:
    """Only TorchServe outside containers needs it."""
    java = shutil.which("java")
    if java is None:
        return HostFinding(
            "java", Level.WARN, "none", "only `cxrgate serve models` outside containers needs Java 11 or newer"
        )
    done = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)  # noqa: S603 - found above
    return HostFinding("java", Level.OK, (done.stderr or done.stdout).partition("\n")[0])


def check_memory(total: int, processors: int) -> HostFinding:
    """Bytes and processors that containers may use."""
    text = f"{total / GIB:.1f} GiB, {processors} processors"
    if total < MEMORY_BYTES or processors < PROCESSORS:
        remedy = "take a larger host, or lower the limits CXRGATE_*_MEMORY and CXRGATE_*_CPUS"
        return HostFinding(
            "memory", Level.FAIL, f"{text}: {MEMORY_BYTES // GIB} GiB and {PROCESSORS} processors are needed", remedy
        )
    if total < COMFORTABLE_BYTES:
        return HostFinding("memory", Level.WARN, text, f"{COMFORTABLE_BYTES // GIB} GiB leave room for large images")
    return HostFinding("memory", Level.OK, text)


def check_disk(folder: Path, needed: int) -> HostFinding:
    """Free bytes where images are kept; where that cannot be seen (an engine elsewhere), below the root."""
    free = shutil.disk_usage(folder if folder.is_dir() else Path("/")).free
    text = f"{free / GIB:.0f} GiB free at {folder}"
    if free < needed:
        remedy = "free some: docker system df, docker builder prune"
        return HostFinding("disk", Level.FAIL, f"{text}: {needed / GIB:.0f} GiB are needed", remedy)
    return HostFinding("disk", Level.OK, text)


def check_port(listen: str, option: str = "--listen") -> HostFinding:
    """Whether HOST:PORT, which the option names, can be listened on."""
    trouble = _listening_trouble(listen)
    if trouble:
        remedy = f"end what listens there (ss -ltnp), or choose another with {option}"
        return HostFinding("port", Level.FAIL, f"{listen} is not free: {trouble}", remedy)
    return HostFinding("port", Level.OK, f"{listen} is free")


def check_clock() -> HostFinding:
    """Certificates and the log depend on it."""
    now = datetime.now(UTC)
    made = datetime.fromtimestamp(Path(__file__).stat().st_mtime, UTC)
    if now < made - timedelta(days=1):
        return HostFinding(
            "clock", Level.FAIL, f"it says {now:%Y-%m-%d}, before cxrgate was installed", "set the clock"
        )
    if ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512)) == TIME_ERROR:
        return HostFinding("clock", Level.WARN, "not synchronised", "let chrony or systemd-timesyncd keep it")
    return HostFinding("clock", Level.OK, f"{now:%Y-%m-%d %H:%M} UTC")


def check_certificates(folder: Path) -> HostFinding:
    """How long the certificates of a stack are valid."""
    found = [x509.load_pem_x509_certificate(path.read_bytes()) for path in sorted(folder.glob("*/tls.crt"))]
    if not found:
        return HostFinding("certificates", Level.OK, "none yet: the first start makes some for development")
    left = min(certificate.not_valid_after_utc for certificate in found) - datetime.now(UTC)
    return days_left("certificates", "the first that ends", left, "issue new ones, restart the stack")


def host_memory() -> int:
    """Bytes of the whole machine."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _listening_trouble(listen: str) -> str:
    """Why HOST:PORT cannot be listened on; empty where it can."""
    host, _, port = listen.rpartition(":")
    if not port.isdecimal() or int(port) >= 2**16:
        return "no HOST:PORT"
    try:
        socket.create_server((host, int(port))).close()
    except OSError as error:
        return error.strerror or type(error).__name__
    return ""
