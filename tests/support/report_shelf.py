"""Writes the shelf of release reports in the latest format: `python -m support.report_shelf` in tests/.

A folder of a format that was released is never written again; see tests/assets/release_reports/README.md.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cxrgate.certification import Signer, sign
from cxrgate.core import Candidates, Evidence
from cxrgate.core.digest import bytes_digest, file_digest
from cxrgate.core.promise import Promise
from cxrgate.core.standout import Cohort, Standout
from cxrgate.release_report.page import render_page
from cxrgate.release_report.write import write_release_report
from cxrgate.run.recorded import read_results
from support.released_set import SIGNED, ReleaseSet, finding
from support.run_results import checked, evidence_of, failed

SHELF = Path(__file__).parents[1] / "assets/release_reports"
FORMAT = 2
EXPIRES = datetime(2126, 11, 28, 12, tzinfo=UTC)
ROWS = [
    checked("a/clear.png", "a", score=0.1, frontality=0.97),
    checked("a/near.png", "a", score=0.45, frontality=0.9),
    checked("a/plain.png", "a", score=0.21, frontality=0.99),
    checked("a/same.png", "a", score=0.91, frontality=0.95),
    checked("a/hand.png", "a", score=0.2, frontality=0.1),
    checked("b/copy.png", "b", score=0.2, similarity=0.99, frontality=0.97),
    checked("b/both.png", "b", score=0.8, similarity=0.95, frontality=0.97),
    checked("b/colour.png", "b", score=0.31, frontality=0.98, colour=True),
    checked("b/noise.png", "b", score=0.05, typicality=0.02, frontality=0.7),
    failed("b/cut.png", "b"),
]
DEFAULT = {
    "candidates": 3,
    "score_threshold": 0.5,
    "copy_threshold": 0.9,
    "minimum_typicality": 0.1,
    "minimum_frontality": 0.5,
}
MEASURED = [
    finding("generated", "noise 0.3", None, misses=31, upper=0.1055),
    finding("geometric", "rotation 10°", None, misses=400, upper=1.0),
    finding("intensity", "gamma 0.8", None, misses=3, upper=0.0192),
    finding("same_patient", "another radiograph", None, misses=350, upper=0.8998),
]
CERTIFIED = [
    finding("identical", "same pixels", 0.01, misses=0, upper=0.00917, risk=0.025),
    finding("strong_copy", "112 px", 0.05, misses=9, upper=0.0425, risk=0.025),
]
SAYS = [
    "At most 1.00% of patients' leaks of the class identical, same pixels pass (0 of 400 did).",
    "At most 5.00% of patients' leaks of the class strong_copy, 112 px pass (9 of 400 did).",
    "All of these hold with a confidence of 95.0%, for patients like those of the calibration.",
    "Measured, and not promised: near-duplicates made by a generator.",
    "Measured, and not promised; may pass in full: geometric, rotation 10°.",
    "Nothing is promised of other classes, of images made to deceive, and of other populations.",
]


def private_key(name: str) -> Ed25519PrivateKey:
    """The key of an invented person; the public halves lie on the shelf."""
    return Ed25519PrivateKey.from_private_bytes(sha256(f"cxrgate shelf of release reports: {name}".encode()).digest())


class Bundle(ReleaseSet):
    """A released set of the shelf, with keys that are always the same."""

    rows, side = ROWS, 64
    certifier = "certifier"

    def certified_bytes(self, statement) -> bytes:
        about = {
            "format": 2,
            "issued": "2026-11-25T12:00:00+00:00",
            "renews": "",
            "policy": {"confidence": 0.95, "allow_laxer_thresholds": True},
            "certified": CERTIFIED,
            "measured": MEASURED,
            "clean": {"patients": 350, "flagged": 24, "share": 24 / 350, "upper": 0.0955, "path_patients": 361},
            "worst_patient": 9,
            "default_rule": DEFAULT,
            "laxer": [
                {"name": name, "certified": statement["binding"][name], "default": DEFAULT[name]}
                for name in ("copy_threshold", "score_threshold")
                if statement["binding"][name] > DEFAULT[name]
            ],
            "says": SAYS,
        }
        return sign({**statement, **about}, private_key(self.certifier))

    def write(self) -> Path:
        return write_release_report(self.inputs, self.output, Signer("signer", private_key("signer")), SIGNED)

    @property
    def statement(self):
        return json.loads(self.report.read_text())["statement"]

    def sign_again(self, statement, by="signer") -> None:
        """The report with another statement; its page goes along."""
        self.report.write_bytes(sign(statement, private_key(by)))
        page = render_page(statement, file_digest(self.report), read_results(self.output / "results"))
        self.report.with_suffix(".html").write_text(page)


class StandoutBundle(Bundle):
    """A released set that was decided by how far a patient stands out."""

    cohort = Cohort(mean=0.35, spread=0.04, size=10)
    rule: ClassVar = {
        "score_threshold": None,
        "standout_threshold": 0.5,
        "standout": Standout(slope=10.0, offset=-5.0),
        "promise": Promise(0.05, 611, "measured"),
    }

    def decided(self, rule):
        evidence = evidence_of(self.rows)
        evidence["distance"] = 1.3 * (1.05 - evidence["score"])
        return [self._decided(rule, row, evidence) for row in self.rows], evidence

    @property
    def inputs(self):
        return replace(super().inputs, audit=None)

    def write(self) -> Path:
        shutil.rmtree(self.audit.parent)
        return super().write()

    def _decided(self, rule, row, evidence):
        found = evidence[evidence["image_id"] == row["image_id"]]
        if found.empty:
            return row
        names, features = tuple(map(str, range(len(found)))), np.empty((len(found), 0), np.float32)
        numbers = (found[name].to_numpy(np.float64) for name in ("distance", "similarity", "score"))
        distances, similarities, scores = numbers
        about = row["typicality"], row["frontality"], self.cohort
        candidates = Candidates("", names, names, distances, {"copy": similarities}, features, *about)
        verdict = rule.decide(Evidence(candidates, scores), "")
        cohort = {f"cohort_{name}": value for name, value in asdict(self.cohort).items()}
        said = {"decision": verdict.decision.value, "reasons": ";".join(verdict.reasons)}
        numbers = {"distance": float(distances.min()), "standout": verdict.standout, "borderline": verdict.borderline}
        return {**row, **said, **numbers, **cohort}


Spoil = Callable[[Bundle], None]


def good(_bundle: Bundle) -> None:
    """As it was written."""


def no_certificate(bundle: Bundle) -> None:
    """The run was made under a certificate, and the report has none."""
    bundle.sign_again({**bundle.statement, "certificate": None, "certified": None})
    bundle.certificate.unlink()


def certificate_for_an_uncertified_run(bundle: Bundle) -> None:
    """The run was made without a certificate, and the report has one."""
    run = json.loads((bundle.output / "results/run.json").read_text())
    (bundle.output / "results/run.json").write_text(json.dumps({**run, "certification": "uncertified"}, indent=2))
    statement = bundle.statement
    statement["results"]["run.json"] = file_digest(bundle.output / "results/run.json")
    bundle.sign_again(statement)


def figure_changed(bundle: Bundle) -> None:
    """One figure is another one, under the old signature."""
    bundle.edit(bundle.report, '"misses": 350', '"misses": 3')


def figure_changed_and_signed(bundle: Bundle) -> None:
    """One figure is another one, and the signer signed it."""
    statement = bundle.statement
    statement["expected_leaks"]["promised"]["at_most"] = 0
    bundle.sign_again(statement)


def sentence_changed_and_signed(bundle: Bundle) -> None:
    """A claim says more than the records."""
    statement = bundle.statement
    statement["claims"][1] = statement["claims"][1].replace("at most 1.0 % pass", "none pass")
    bundle.sign_again(statement)


def laxer_not_said(bundle: Bundle) -> None:
    """The certificate makes the gate laxer, and the report does not say it."""
    statement = bundle.statement
    claims = [claim for claim in statement["claims"] if not claim.startswith("Laxer")]
    bundle.sign_again({**statement, "laxer": [], "claims": claims})


def file_added(bundle: Bundle) -> None:
    """A picture lies in the released set that was never released."""
    shutil.copy(bundle.output / "released/a/near.png", bundle.output / "released/a/more.png")


def file_removed(bundle: Bundle) -> None:
    """A released picture is not there."""
    (bundle.output / "released/a/near.png").unlink()


def file_changed(bundle: Bundle) -> None:
    """A released picture is another one."""
    shutil.copy(bundle.output / "released/a/near.png", bundle.output / "released/a/clear.png")


def signed_by_another(bundle: Bundle) -> None:
    """Somebody else signed, and says so."""
    statement = bundle.statement
    signer = Signer("stranger", private_key("stranger"))
    statement["signed"] = {**statement["signed"], "by": signer.name, "key": signer.digest}
    bundle.sign_again(statement, "stranger")


def signed_before_the_run(bundle: Bundle) -> None:
    """The report says that it was signed before the run was over."""
    statement = bundle.statement
    statement["signed"] = {**statement["signed"], "at": "2026-11-27T00:00:00+00:00"}
    bundle.sign_again(statement)


def row_changed(bundle: Bundle) -> None:
    """A score in the results is another one."""
    _set_score(bundle, 0.05)


def row_changed_and_signed(bundle: Bundle) -> None:
    """A score is another one in both forms of the table, and the report was made again by its digests."""
    table = _set_score(bundle, 0.05)
    table.to_csv(bundle.output / "results/results.csv", index=False)
    statement = bundle.statement
    for name in ("results.parquet", "results.csv"):
        statement["results"][name] = file_digest(bundle.output / "results" / name)
    bundle.sign_again(statement)


def audit_changed(bundle: Bundle) -> None:
    """A case of the audit was caught that had passed."""
    path = bundle.audit.parent / "cases.parquet"
    table = pd.read_parquet(path)
    table.loc[table["patient"] == "d", "score"] = 0.9
    table.to_parquet(path, index=False)


def page_of_another_claim(bundle: Bundle) -> None:
    """The page beside the report is that of another one."""
    page = bundle.report.with_suffix(".html")
    page.write_text(page.read_text().replace(file_digest(bundle.report), bytes_digest(b"another claim")))


def page_in_other_words(bundle: Bundle) -> None:
    """The page was drawn by another release: it belongs to the claim, and that is all that is asked of it."""
    bundle.edit(bundle.report.with_suffix(".html"), "<style>", "<style>body { color: navy }")


def older_format(bundle: Bundle) -> None:
    """The statement says that it is of an older format than it is."""
    bundle.sign_again({**bundle.statement, "format": 1})


def later_format(bundle: Bundle) -> None:
    """A later release wrote it."""
    bundle.sign_again({**bundle.statement, "format": FORMAT + 1})


def cut_short(bundle: Bundle) -> None:
    """The file ends in the middle."""
    content = bundle.report.read_bytes()
    bundle.report.write_bytes(content[: len(content) // 2])


WAYS: tuple[Spoil, ...] = (
    good,
    no_certificate,
    certificate_for_an_uncertified_run,
    figure_changed,
    figure_changed_and_signed,
    sentence_changed_and_signed,
    file_added,
    file_removed,
    file_changed,
    signed_by_another,
    signed_before_the_run,
    row_changed,
    row_changed_and_signed,
    audit_changed,
    page_of_another_claim,
    page_in_other_words,
    older_format,
    later_format,
    cut_short,
)
PAGES = {good, page_of_another_claim, page_in_other_words}
"""The bundles that keep their page; it is larger than all the rest."""


def write_shelf(shelf: Path) -> None:
    """Write every bundle of the latest format; the verdicts beside them stay."""
    for way in WAYS:
        _write(shelf, way)
    _write(shelf, good, "good-uncertified", certified=False)
    _write(shelf, good, "good-laxer", score_threshold=0.8)
    _write(shelf, good, "good-standout", kind=StandoutBundle, certified=False, **StandoutBundle.rule)
    _write(shelf, laxer_not_said, score_threshold=0.8)
    _write(shelf, good, "certificate-expired", expires=datetime(2026, 11, 28, tzinfo=UTC))
    _write(shelf, good, "certificate-signed-by-another", certifier="stranger")
    _write(shelf, good, "certificate-of-another-gate", binding_changes={"snapshot": "cd" * 32})


def _write(shelf, way, name="", *, kind=Bundle, certified=True, certifier="certifier", **made):
    name = name or way.__name__.replace("_", "-")
    with tempfile.TemporaryDirectory() as work:
        bundle = kind(Path(work), certified=certified)
        bundle.certifier = certifier
        bundle.make(**{"expires": EXPIRES, "minimum_frontality": 0.5, **made})
        bundle.write()
        way(bundle)
        if way not in PAGES or name != way.__name__.replace("_", "-"):
            bundle.report.with_suffix(".html").unlink()
        _put(bundle, shelf / f"format-{FORMAT}" / name)


def _put(bundle: Bundle, folder: Path) -> None:
    """The files of a bundle in their place; a verdict that is there stays."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.name != "verdict.json":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in (*sorted(bundle.output.iterdir()), bundle.audit.parent, bundle.certificate):
        if path.exists():
            shutil.copytree(path, folder / path.name) if path.is_dir() else shutil.copy(path, folder / path.name)


def _set_score(bundle: Bundle, score: float) -> pd.DataFrame:
    path = bundle.output / "results/results.parquet"
    table = pd.read_parquet(path)
    table.loc[table["image_id"] == "a/near.png", "score"] = score
    table.to_parquet(path, index=False)
    return table


if __name__ == "__main__":
    write_shelf(SHELF)
