"""One TorchServe process with folders of its own."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from cxrgate.core import UsageError
from cxrgate.serving.torchserve.handler import BEATS
from cxrgate.serving.torchserve.java import find_java
from cxrgate.serving.torchserve.settings import Settings, properties, write_properties

HEAP = "512m"
LOGGING = "log4j2.xml"
DRAIN_SECONDS = 20.0
"""How long calls in flight may take once TorchServe was told to stop."""

_HERE = Path(__file__).parent


class TorchServe:
    """Java front end and its Python workers, in a session of their own. Ends with this process, however that ends.

    The command line that comes with TorchServe is not used: it writes to the working directory, and puts that on
    Java's class path.
    """

    def __init__(self, settings: Settings) -> None:
        """Start it; UsageError where TorchServe or Java is not installed."""
        folder = settings.folder.resolve()
        # Short, for socket files; the system's own, for what is worthless once TorchServe has ended.
        self._scratch = Path(tempfile.mkdtemp(prefix="cxr"))
        self.beats = folder / "beats"
        for path in (self.beats, folder / "logs", folder / "metrics", self._scratch / "tmp", self._scratch / "cwd"):
            path.mkdir(parents=True, exist_ok=True)
        write_properties(folder / "config.properties", properties(settings, self._scratch))
        shutil.copyfile(_HERE / LOGGING, folder / LOGGING)
        with (folder / "logs" / "console.log").open("ab") as console:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                _command(settings.store.resolve(), folder, self._scratch),
                cwd=self._scratch / "cwd",
                env=_environment(folder, self.beats),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The front end's process id."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether the front end is gone."""
        return self._process.poll() is not None

    def stop(self) -> None:
        """Let calls in flight end, then end everything."""
        if not self.ended:
            self._process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(DRAIN_SECONDS)
        # Workers that outlive their front end would keep memory, and the socket paths of the next one's.
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        shutil.rmtree(self._scratch, ignore_errors=True)


def _command(store: Path, folder: Path, scratch: Path) -> list[str]:
    package = importlib.util.find_spec("ts")
    if package is None or not package.submodule_search_locations:
        raise UsageError("TorchServe is missing: install cxrgate[serve]")
    root = Path(package.submodule_search_locations[0])
    return [
        *(sys.executable, str(_HERE / "launch.py"), str(os.getpid())),
        *(str(find_java()), f"-Xmx{HEAP}", "-XX:+ExitOnOutOfMemoryError", f"-Djava.io.tmpdir={scratch / 'tmp'}"),
        *(f"-Dmodel_server_home={root.parent}", f"-Dlog4j.configurationFile={(folder / LOGGING).as_uri()}"),
        *("-cp", f"{root}/frontend/*", "org.pytorch.serve.ModelServer"),
        *("--python", sys.executable, "-f", str(folder / "config.properties"), "-s", str(store), "-ncs"),
    ]


def _environment(folder: Path, beats: Path) -> dict[str, str]:
    """Ours, without what would change TorchServe's settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TS_")}
    return {**kept, "LOG_LOCATION": f"{folder}/logs", "METRICS_LOCATION": f"{folder}/metrics", BEATS: str(beats)}
