"""A batch's line is what a run wrote, in every part that is read on."""

import json

import pytest
from support.run_results import checked, evidence_of, failed

from cxrgate.core import StorageCorrupt
from cxrgate.run.batch_lines import is_batch
from cxrgate.run.journal import Journal
from cxrgate.run.rows import RESULT_COLUMNS, RESULT_NUMBERS

ROWS = [checked("a.png"), failed("cut.png")]


def batch():
    """As it comes from the disk, with None for what is no number."""
    rows = [{name: row.get(name) for name in RESULT_COLUMNS} for row in ROWS]
    rows = [{**row, **{n: None for n in RESULT_NUMBERS if row[n] != row[n]}, "colour": False} for row in rows]
    told = [[*row, None] for row in evidence_of(ROWS).to_numpy().tolist()]
    return json.loads(json.dumps({"batch": 0, "results": rows, "evidence": told, "released": {"a.png": "ab"}}))


def test_what_a_run_writes_is_a_batch():
    assert is_batch(batch())


def without(name):
    return lambda content: content.pop(name)


DAMAGE = {
    "no results": without("results"),
    "no evidence": without("evidence"),
    "no files": without("released"),
    "a list of files": lambda content: content.update(released=["a.png"]),
    "a file without a digest": lambda content: content["released"].update({"a.png": None}),
    "a row that is none": lambda content: content["results"].append("a.png"),
    "a row without a decision": lambda content: content["results"][0].pop("decision"),
    "a row with another column": lambda content: content["results"][0].update(more=1),
    "a text for a number": lambda content: content["results"][0].update(score="0.1"),
    "a number for a text": lambda content: content["results"][0].update(image_id=1),
    "a word for a flag": lambda content: content["results"][0].update(borderline="no"),
    "evidence that is none": lambda content: content["evidence"].append({}),
    "evidence cut short": lambda content: content["evidence"][0].pop(),
    "evidence without a name": lambda content: content["evidence"][0].__setitem__(1, 7),
    "a list for a number": lambda content: content["evidence"][0].__setitem__(4, [1.0]),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_lacks_a_part_or_has_another_form_is_none(damage):
    content = batch()
    DAMAGE[damage](content)
    assert not is_batch(content)


def test_a_journal_with_such_a_line_is_refused_in_a_sentence(tmp_path):
    journal = Journal(tmp_path / "journal", {})
    journal.append(0, {})
    journal.close()

    with pytest.raises(StorageCorrupt, match="line 2 is none of a journal: choose another output, or remove it"):
        Journal(tmp_path / "journal", {}, None, is_batch)
