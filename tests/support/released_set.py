"""A small released set with everything that a release report is made from; no gate has run."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd

from cxrgate.certification import Signer, create_signing_key, read_public_key, read_signing_key, sign
from cxrgate.core import GreyImage
from cxrgate.core.digest import file_digest
from cxrgate.gate.binding import binding
from cxrgate.images.codec.encode import encode_png
from cxrgate.planted.cases import COLUMNS
from cxrgate.planted.figures import leak_rows
from cxrgate.release_report.compose import Inputs
from cxrgate.release_report.coverage import Coverage
from cxrgate.release_report.verify import Sources, verify_release_report
from cxrgate.release_report.write import REPORT, write_release_report
from cxrgate.run.release import publish, stage
from cxrgate.run.results import write_results
from support.fakes import picture, save_small_models
from support.run_results import checked, digest, evidence_of, failed, policy, run_of

SIGNED = datetime(2026, 11, 28, 12, 30, tzinfo=UTC)
COVERAGE = Coverage("ab" * 32, listed=30, enrolled=28, patients_missing=1, others=4)
ROWS = [
    checked("a/clear.png", "a", score=0.1),
    checked("a/near.png", "a", score=0.45),
    checked("b/plain.png", "b", score=0.2),
    checked("b/same.png", "b", score=0.9),
    checked("b/copy.png", "b", score=0.2, similarity=0.99),
    failed("b/cut.png", "b"),
]


def finding(leak_class, strength, rate, misses=1, upper=0.0123, risk=0.05):
    return {
        "leak_class": leak_class,
        "strength": strength,
        "rate": rate,
        "patients": 400,
        "misses": misses,
        "errors": 0,
        "refused": 0,
        "upper": upper,
        "risk": risk,
    }


class ReleaseSet:
    """The files below a folder; `write` makes the report of them."""

    rows, side = ROWS, 96

    def __init__(self, folder: Path, *, certified: bool = True) -> None:
        self.folder, self.certified = folder, certified
        self.output, self.audit = folder / "out", folder / "audit/audit.json"
        self.certificate = folder / "certificate.json"
        self.report = self.output / REPORT

    def copy(self, folder: Path) -> ReleaseSet:
        """The same files in another folder, to be changed."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return ReleaseSet(folder, certified=self.certified)

    def make(
        self,
        classes=("strong_copy",),
        expires=None,
        measured=("same_patient",),
        upper=0.9,
        says=(),
        binding_changes=None,
        **rule,
    ):
        """The records; `rule` has numbers of the run's policy, `binding_changes` another gate's."""
        create_signing_key(self.folder / "signing")
        manifests = {manifest.kind: manifest for manifest in save_small_models(self.folder / "models")}
        digests = {str(kind): manifest.digest for kind, manifest in manifests.items()}
        rule = policy(minimum_typicality=0.35, **digests, **rule)
        if self.certified:
            end = (expires or datetime.now(UTC) + timedelta(days=90)).isoformat()
            rows = [finding(name, "another radiograph", None, misses=350, upper=upper) for name in measured]
            bound = {**binding(rule, manifests), **(binding_changes or {})}
            statement = {
                "format": 1,
                "expires": end,
                "binding": bound,
                "policy": {"confidence": 0.95},
                "certified": [finding(name, "192 px", 0.05) for name in classes],
                "measured": rows,
                "clean": {"patients": 100, "flagged": 7, "share": 0.07, "upper": 0.1, "path_patients": 100},
                "twin_index": {"leak_class": "same_patient", "references_removed": 3, "how": "asked of a twin index"},
                "says": says,
            }
            self.certificate.write_bytes(self.certified_bytes(statement))
        self._run(rule, manifests)
        self._audit(rule, digests)
        return self

    def certified_bytes(self, statement) -> bytes:
        """The certificate of a statement."""
        return sign(statement, self.key)

    def _run(self, rule, manifests) -> None:
        pixels = {row["image_id"]: picture(number, (self.side, 80)) for number, row in enumerate(self.rows)}
        decided, evidence = self.decided(rule)
        rows = [self._row(row, pixels[row["image_id"]]) for row in decided]
        evidence["reference_id"] = [digest(10_000 + row)[:32] for row in range(len(evidence))]
        told = [[*row, None] for row in evidence.to_numpy().tolist()]  # nobody counted matches
        write_results(self.output / "results", {0: {"results": rows, "evidence": told}})
        certification = file_digest(self.certificate) if self.certified else "uncertified"
        models = {str(kind): {**m.to_json(), "digest": m.digest} for kind, m in manifests.items()}
        run = {**run_of(rule, len(rows)), "certification": certification, "models": models}
        (self.output / "results/run.json").write_text(json.dumps(run, indent=2))
        staged = self.folder / "staged"
        files = {
            row["released_as"]: stage(staged, row["released_as"], encode_png(pixels[row["image_id"]]))
            for row in rows
            if row["released_as"]
        }
        publish(staged, self.output / "released", files, {"certification": certification, "policy": rule.digest})

    def decided(self, rule):
        """The rows and their evidence; the rows say themselves how the default policy's numbers decide on them."""
        return self.rows, evidence_of(self.rows)

    def _row(self, row, pixels):
        return {
            **row,
            "pixel_digest": GreyImage(row["image_id"], pixels).digest if not row["stage"] else "",
            "released_as": row["image_id"] if row["decision"] == "ANONYMOUS" else "",
        }

    def _audit(self, rule, digests) -> None:
        self.audit.parent.mkdir()
        cases = audit_cases()
        thresholds = {"score_threshold": 0.7, "copy_threshold": 0.95, "minimum_typicality": 0.35}
        thresholds["minimum_frontality"] = rule.minimum_frontality
        cases.to_parquet(self.audit.parent / "cases.parquet", index=False)
        content = {
            "models": digests,
            "snapshot": "cd" * 32,
            "parts": {"enrolled": 12},
            "rule": {"candidates": 3, **thresholds},
            "leaks": [asdict(row) for row in leak_rows(cases)],
        }
        self.audit.write_text(json.dumps(content, indent=2))

    @property
    def key(self):
        return read_signing_key(self.folder / "signing")

    @property
    def inputs(self) -> Inputs:
        certificate = self.certificate.read_bytes() if self.certified else None
        return Inputs(self.output / "results", self.output / "released", certificate, self.audit, COVERAGE)

    def write(self) -> Path:
        return write_release_report(self.inputs, self.output, Signer("signing", self.key), SIGNED)

    def verify(self, **changes):
        key = read_public_key(self.folder / "signing.pub")
        certificate = self.certificate if self.certified else None
        sources = {
            "key": key,
            "certification_key": key,
            "released": self.output / "released",
            "results": self.output / "results",
            "certificate": certificate,
            "audit": self.audit,
            "coverage": COVERAGE,
        }
        return verify_release_report(self.report, Sources(**{**sources, **changes}))

    def edit(self, path: Path, old: str, new: str) -> None:
        """Change a text once."""
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))


def audit_case(
    patient, leak_class, strength, score=0.1, similarity=0.5, typicality=0.9, frontality=0.9, reasons="", **more
):
    known = {"variant": "", "kind": "leak", "decision": "ANONYMOUS", "found": True, "failed": False}
    known["refused"] = False
    numbers = {"score": score, "similarity": similarity, "typicality": typicality, "reasons": reasons}
    numbers["frontality"] = frontality
    return {"patient": patient, "leak_class": leak_class, "strength": strength, **known, **numbers, **more}


def audit_cases() -> pd.DataFrame:
    """Copies of four patients; at a score threshold of 0.5 patient d passes in both strengths, c in one."""
    scores = {"a": (0.9, 0.9), "b": (0.9, 0.55), "c": (0.8, 0.3), "d": (0.4, 0.2)}
    rows = [
        audit_case(patient, "strong_copy", strength, score)
        for patient, pair in scores.items()
        for strength, score in zip(("192 px", "112 px"), pair, strict=True)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))
