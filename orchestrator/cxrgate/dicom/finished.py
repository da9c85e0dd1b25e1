"""Which received images have their outcome in the hash log, by content, policy and whether that was certified."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from cxrgate.certification import UNCERTIFIED
from cxrgate.dicom.outbox import Outbox, OutFile

CHECKED = "received_image_checked"
"""The line of the log with the outcome of one received image."""

_log = logging.getLogger(__name__)


class FinishedImages:
    """What needs no check again. While the log is recalled, releases that a crash cut off are finished."""

    def __init__(self, outbox: Outbox) -> None:
        """Know nothing yet; every line of the log is to be recalled before images are checked."""
        self._outbox, self._unrecorded, self._unnoted = outbox, outbox.prepared(), outbox.unnoted()
        self._cut_off = {file.name for file in self._unrecorded}
        self._finished: dict[tuple[str, str], bool] = {}

    def recall(self, line: Mapping[str, Any]) -> None:
        """Take up a line of the log, and release what it names where a crash kept it from being released."""
        if line["event"] != CHECKED:
            return
        file = OutFile(line["released_as"], line.get("released_sha256", ""))
        if file in self._unrecorded:
            self._outbox.release(file)
            self._unrecorded.remove(file)
            _log.warning("dicom.release_finished", {"name": file.name})
        if file.name in self._unnoted and file.sha256:
            self._outbox.note(file)
        if file.name in self._cut_off and not self._outbox.holds(file):
            # What was prepared is not what the log names: its image, which waits still, is judged and written again.
            _log.warning("dicom.release_damaged", {"name": file.name})
        elif line.get("final", True):  # lines of older versions say nothing of it
            # Nor of the certification. They count as they did: judged anew, what they released would go out again.
            certified = line.get("certification") != UNCERTIFIED
            self.add(line["name"], line["policy_digest"], certified=certified)

    def discard_unrecorded(self) -> None:
        """Remove what was prepared and no line names: only once the whole log has been recalled."""
        while self._unrecorded:
            self._outbox.discard(self._unrecorded.pop())

    def add(self, name: str, policy_digest: str, *, certified: bool) -> None:
        """The outcome of this content under this policy is in the log, and what it releases is released."""
        key = (name, policy_digest)
        self._finished[key] = certified or self._finished.get(key, False)

    def has(self, name: str, policy_digest: str, *, certified: bool) -> bool:
        """Whether this content has its outcome under this policy, and under a certificate where one is in force."""
        found = self._finished.get((name, policy_digest))
        return found is not None and (found or not certified)
