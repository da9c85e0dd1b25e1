"""The short form of `make fuzz`: a few contents per target, always the same ones, and all that was ever found."""

import pytest
from fuzz.campaign import CORPUS, Found, corpus, keep, try_many, try_one
from fuzz.targets import TARGETS, Target
from hypothesis import strategies as st

COUNT = 25
KEPT = [(name, path) for name in TARGETS for path in corpus(name)]


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_handed_in_is_read_or_refused(name):
    try_many(name, COUNT)


@pytest.mark.parametrize(("name", "path"), KEPT, ids=[f"{name} {path.name}" for name, path in KEPT])
def test_what_was_found_is_found_no_more(name, path):
    try_one(name, TARGETS[name](), path.read_bytes())


def test_the_corpus_is_small_and_of_targets_that_there_are():
    assert {path.name for path in CORPUS.iterdir()} <= set(TARGETS)
    assert sum(path.stat().st_size for path in CORPUS.rglob("*")) < 2**20


def test_another_exception_is_found_with_the_smallest_content(monkeypatch, tmp_path):
    def read(content, _):
        if len(content) > 2:
            raise KeyError("not typed")

    monkeypatch.setitem(TARGETS, "config", lambda: Target(st.binary(), read))
    monkeypatch.setattr("fuzz.campaign.CORPUS", tmp_path)
    with pytest.raises(Found) as found:
        try_many("config", 100)

    assert len(found.value.content) == 3
    assert keep(found.value).read_bytes() == found.value.content
