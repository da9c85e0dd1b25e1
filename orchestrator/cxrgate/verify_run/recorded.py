"""What run.json records of models, snapshot and version, held against the digests and numbers beside them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from cxrgate.certification import UNCERTIFIED
from cxrgate.core.digest import mapping_digest
from cxrgate.core.spaces import COSINE_SPACES
from cxrgate.verify_run.records import RUN, Records
from cxrgate.verify_run.violation import Kind, Violation

_DIGESTED = ("kind", "architecture", "preprocessing", "dtype", "weights")
"""What the digest of a model covers."""
_MODEL = re.compile(r"[0-9a-f]{64}\b")
"""The digest of a model in what a snapshot says of how its descriptors were made; the weight-free one has none."""


def changed_record(records: Records, journal: Mapping[str, Any]) -> Iterator[Violation]:
    """Where parts of run.json do not go together, or not with `journal`, its first line."""
    run = records.run
    if not run:
        return
    for told in (
        *_changed_version(run, journal),
        *_changed_mode(run, journal),
        *_changed_models(run),
        *_changed_snapshot(run),
        *_changed_counts(run),
    ):
        yield Violation(Kind.POLICY_DIFFERS, RUN, told)


def _changed_version(run: Mapping[str, Any], journal: Mapping[str, Any]) -> Iterator[str]:
    if run.get("cxrgate") != journal.get("cxrgate"):
        yield f"names cxrgate {run.get('cxrgate')}, the journal {journal.get('cxrgate')}"


def _changed_mode(run: Mapping[str, Any], journal: Mapping[str, Any]) -> Iterator[str]:
    """Under a certificate is what was so when it was checked; journals of before do not say it."""
    required, stated = journal.get("certification"), run.get("certification")
    if required is not None and (required == "required") != (stated not in (None, UNCERTIFIED)):
        yield f"states the certification {stated}, and in the journal it is {required}"


def _changed_models(run: Mapping[str, Any]) -> Iterator[str]:
    for kind, model in sorted(run.get("models", {}).items()):
        digest = mapping_digest({name: model.get(name) for name in _DIGESTED})
        if digest != model.get("digest"):
            yield f"the {kind} model has the digest {digest}, and is said to have {model.get('digest')}"


def _changed_snapshot(run: Mapping[str, Any]) -> Iterator[str]:
    """A snapshot of other models than the policy's; where an index served it, not all of it is recorded."""
    snapshot, policy, models = (run.get(name, {}) for name in ("snapshot", "policy", "models"))
    for name in ("retrieval", "verification"):
        if name in snapshot and snapshot[name] != policy.get(name):
            yield f"the policy is of the {name} {policy.get(name)}, the snapshot of {snapshot[name]}"
    for space in COSINE_SPACES:
        if space.method in snapshot:
            found = _MODEL.match(str(snapshot[space.method]))
            made, used = found and found.group(), models.get(space.name, {}).get("digest")
            if made != used:
                yield f"the snapshot was made with the {space.name} model {made}, the run had {used}"


def _changed_counts(run: Mapping[str, Any]) -> Iterator[str]:
    """How many references there were: the policy decides by it whether candidates are complete.

    What a run held against the list is the snapshot that it searched, so that images which were left out of enrolment
    count in neither.
    """
    snapshot, held, policy = (run.get(name, {}) for name in ("snapshot", "held", "policy"))
    references = policy.get("references")
    if snapshot.get("references") != references:
        yield f"the policy is of {references} references, the snapshot has {snapshot.get('references')}"
    for name, searched in (("images", references), ("patients", snapshot.get("patients"))):
        if held and held.get(name) != searched:
            yield f"held a snapshot of {held.get(name)} {name} against the list, and searched one of {searched}"
    if "snapshot" in held and held["snapshot"] != policy.get("snapshot"):
        yield f"held the snapshot {held['snapshot']} against the list, and searched {policy.get('snapshot')}"
