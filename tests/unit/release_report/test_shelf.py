"""Every committed release report, good or bad, gets the verdict that is written beside it."""

import json
from pathlib import Path

import pytest

from cxrgate.certification import read_public_key
from cxrgate.release_report.formats.versions import FORMATS
from cxrgate.release_report.verify import Sources, verify_release_report

SHELF = Path(__file__).parents[2] / "assets/release_reports"
BUNDLES = sorted(path.parent.relative_to(SHELF).as_posix() for path in SHELF.glob("*/*/verdict.json"))


@pytest.mark.parametrize("name", BUNDLES)
def test_a_bundle_gets_its_verdict(name):
    folder = SHELF / name
    verdict = json.loads((folder / "verdict.json").read_text())
    files = {part: folder / part for part in ("certificate.json", "audit/audit.json")}
    certificate, audit = (path if path.exists() else None for path in files.values())
    keys = (read_public_key(SHELF / f"keys/{who}.pub") for who in ("signer", "certifier"))
    sources = Sources(*keys, folder / "released", folder / "results", certificate, audit)
    found = verify_release_report(folder / "release-report.json", sources)

    assert [change.part for change in found.changes] == verdict["changed"], found.changes
    assert [what.split(":")[0] for what in found.unchecked] == verdict["unchecked"]
    assert verdict["holds"] == (not found.changes)


def test_each_format_has_a_good_bundle():
    good = {
        json.loads((SHELF / name / "release-report.json").read_text())["statement"]["format"]
        for name in BUNDLES
        if json.loads((SHELF / name / "verdict.json").read_text())["holds"]
    }

    assert good == FORMATS.keys()
