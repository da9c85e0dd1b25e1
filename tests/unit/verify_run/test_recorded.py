"""What run.json says of models, snapshot and version goes together, and with the journal."""

import pytest

from cxrgate.core.digest import mapping_digest
from cxrgate.verify_run.recorded import changed_record
from cxrgate.verify_run.records import Records


def model(kind):
    parts = {"kind": kind, "architecture": {}, "preprocessing": {}, "dtype": "float32", "weights": "ab" * 32}
    return {**parts, "digest": mapping_digest(parts)}


MODELS = {kind: model(kind) for kind in ("retrieval", "verification", "copy")}
DIGESTS = {kind: MODELS[kind]["digest"] for kind in ("retrieval", "verification")}
SNAPSHOT = {
    "references": 50,
    "patients": 40,
    "excluded": 3,
    "copy_method": f"{MODELS['copy']['digest']} beside it",
    **DIGESTS,
}
HELD = {"images": 50, "patients": 40, "decoded": 0, "not_compared": ""}
RUN = {
    "cxrgate": "0.2.0",
    "policy": {"references": 50, **DIGESTS},
    "models": MODELS,
    "snapshot": SNAPSHOT,
    "held": HELD,
}


def told(journal=(), **changes):
    first = {"cxrgate": "0.2.0", **dict(journal)}
    return [item.told for item in changed_record(Records({}, {**RUN, **changes}), first)]


def without_a_copy_model():
    return {name: MODELS[name] for name in ("retrieval", "verification")}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"held": {}},
        {"models": without_a_copy_model(), "snapshot": {**SNAPSHOT, "copy_method": "dct16-whitened-1.5"}},
        {"snapshot": {"references": 50, "patients": 40}},
    ],
)
def test_an_honest_record_holds(changes):
    assert told(**changes) == []


@pytest.mark.parametrize(
    ("changes", "begins"),
    [
        ({"cxrgate": "0.0.1"}, "names cxrgate 0.0.1, the journal 0.2.0"),
        ({"models": {**MODELS, "copy": {**MODELS["copy"], "weights": "0"}}}, "the copy model has the digest"),
        ({"models": {**MODELS, "copy": {"digest": MODELS["copy"]["digest"]}}}, "the copy model has the digest"),
        ({"models": without_a_copy_model()}, "the snapshot was made with the copy model"),
        ({"models": {**MODELS, "copy": model("another")}}, "the snapshot was made with the copy model"),
        ({"snapshot": {**SNAPSHOT, "verification": "0"}}, "the policy is of the verification"),
        ({"snapshot": {**SNAPSHOT, "references": 5}}, "the policy is of 50 references, the snapshot has 5"),
        ({"policy": {"references": 1, **DIGESTS}}, "the policy is of 1 references, the snapshot has 50"),
        ({"held": {**HELD, "images": 60}}, "held a snapshot of 60 images against the list, and searched one of 50"),
        ({"held": {**HELD, "patients": 50}}, "held a snapshot of 50 patients against the list, and searched one of 40"),
    ],
)
def test_parts_that_do_not_go_together_are_named(changes, begins):
    assert told(**changes)[0].startswith(begins)


@pytest.mark.parametrize(
    ("mode", "stated", "differs"),
    [
        (None, "uncertified", False),
        (None, "ab" * 32, False),
        ("none", "uncertified", False),
        ("none", "ab" * 32, True),
        ("required", "ab" * 32, False),
        ("required", "uncertified", True),
        ("required", None, True),
    ],
)
def test_a_certificate_is_of_what_was_checked_under_it(mode, stated, differs):
    journal = {} if mode is None else {"certification": mode}

    assert bool(told(journal, certification=stated)) is differs


def test_the_snapshot_that_was_held_is_the_one_that_was_searched():
    policy = {**RUN["policy"], "snapshot": "cd" * 32}

    assert not told(policy=policy, held={**HELD, "snapshot": "cd" * 32})
    assert told(policy=policy, held={**HELD, "snapshot": "ef" * 32})
