import time

from cxrgate.dicom.counts import Counts
from cxrgate.dicom.spool import Spool


def test_silence_begins_with_the_start_and_ends_with_an_answer(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    counts, seen = Counts(Spool(tmp_path)), []
    for step in (lambda: None, counts.answered, lambda: counts.stored(0)):
        now[0] += 7
        step()
        seen.append(counts.registry.get_sample_value("cxrgate_dicom_seconds_since_answer"))

    assert seen == [7, 0, 7]


def test_what_waits_is_what_the_spool_holds(tmp_path):
    spool = Spool(tmp_path)
    counts, seen = Counts(spool), []
    for act in (lambda: spool.put("A", b"1"), lambda: spool.remove(spool.entries()[0], keep=True)):
        act()
        seen.append(counts.registry.get_sample_value("cxrgate_dicom_waiting"))

    assert seen == [1, 0]
