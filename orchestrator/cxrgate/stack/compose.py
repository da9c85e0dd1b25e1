"""Docker Compose: what the SDK has no call for."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cxrgate.core import UsageError
from cxrgate.core.digest import file_digest, mapping_digest
from cxrgate.stack.state import read_variables

COMPOSE = ("docker", "compose")
FILE, GPU_FILE, HTTPS_FILE = "compose.yaml", "compose.gpu.yaml", "compose.https.yaml"


@dataclass(frozen=True, slots=True)
class Compose:
    """A stack's compose files and variables.

    Attributes:
        folder: with the compose files.
        variables: file of variables, see State.
        gpu: with compose.gpu.yaml.
        profiles: that are started as well.
        https: with compose.https.yaml.
    """

    folder: Path
    variables: Path
    gpu: bool = False
    profiles: Sequence[str] = field(default_factory=tuple)
    https: bool = False

    def begin(self, *arguments: str, variables: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start `docker compose ARGUMENTS`; what it prints goes to the terminal.

        Args:
            arguments: the command and its options.
            variables: of this command alone.

        Raises:
            UsageError: Compose is not there.
        """
        try:
            return subprocess.Popen([*self.command, *arguments], env=self._environment(variables or {}))  # noqa: S603 - ours
        except FileNotFoundError as error:
            raise UsageError("there is no command docker with its Compose plugin: install both") from error

    def run(self, *arguments: str, variables: Mapping[str, str] | None = None) -> None:
        """As begin, to its end; UsageError where the command failed as well."""
        with self.begin(*arguments, variables=variables) as process:
            code = process.wait()
        if code != 0:
            raise UsageError(
                f"`docker compose {arguments[0]}` failed with exit code {code}; what it printed above says why"
            )

    def inputs(self, *more: Path) -> str:
        """A digest of the files that services read when they start, keys among them: Compose does not look into them.

        Args:
            more: files below mounted folders.

        Raises:
            UsageError: Compose cannot read its files.
        """
        command = [*self.command, "config", "--format", "json"]
        done = subprocess.run(command, check=False, stdout=subprocess.PIPE, env=self._environment({}))  # noqa: S603 - ours
        if done.returncode != 0:
            raise UsageError(
                f"`docker compose config` failed with exit code {done.returncode}; what it printed above says why"
            )
        content = json.loads(done.stdout)
        named = [Path(item["file"]) for kind in ("configs", "secrets") for item in content.get(kind, {}).values()]
        return mapping_digest({str(path): file_digest(path) for path in (*named, *more) if os.access(path, os.R_OK)})

    def _environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        """This process's, without what the file of variables says otherwise: Compose would believe the environment.

        What was looked at before a start is what is started: an empty CXRGATE_CERTIFICATION_KEY would end the asking.
        """
        written = read_variables(self.variables)
        return {**{name: value for name, value in os.environ.items() if name not in written}, **variables}

    @property
    def command(self) -> list[str]:
        """The command up to its subcommand."""
        files = [FILE, *([GPU_FILE] if self.gpu else []), *([HTTPS_FILE] if self.https else [])]
        return [
            *COMPOSE,
            *("--env-file", str(self.variables)),
            *(part for name in files for part in ("--file", str(self.folder / name))),
            *(part for name in self.profiles for part in ("--profile", name)),
        ]


def compose_version() -> str | None:
    """The Compose plugin's version; None where there is none."""
    try:
        done = subprocess.run([*COMPOSE, "version", "--short"], capture_output=True, text=True, check=False)  # noqa: S603 - ours
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
