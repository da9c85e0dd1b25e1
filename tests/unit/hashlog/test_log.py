import asyncio
import random

import pytest

from cxrgate.core import CallRefused, UsageError
from cxrgate.hashlog import HashLog, Head, LogBroken, head_path, parse_head, read_known_lines, read_lines, verify_log


def write(path, count):
    async def go():
        log = HashLog(path)
        await asyncio.gather(*[log.append("image_checked", image_id=f"image{n}") for n in range(count)])
        await log.close()
        return log.head

    return asyncio.run(go())


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "gate.log"
    write(path, 200)
    return path


def test_log_holds_every_entry_in_order(log):
    assert [line.content["number"] for line in read_lines(log)] == list(range(1, 201))
    assert [line.content["image_id"] for line in read_lines(log)] == [f"image{n}" for n in range(200)]


def test_log_goes_on_after_a_restart(log):
    write(log, 3)

    assert verify_log(log).count == 203


@pytest.mark.parametrize("number", [1, 2, 100, 199, 200])
@pytest.mark.parametrize("how", ["edit", "remove", "swap", "repeat"])
def test_verifier_names_the_first_line_that_does_not_fit(log, number, how):
    lines = log.read_bytes().splitlines(keepends=True)
    at = number - 1
    if how == "edit":
        lines[at] = lines[at].replace(b"image", b"imagf")
    elif how == "remove":
        del lines[at]
    elif how == "repeat":
        lines.insert(at, lines[at])
    else:
        at = min(at, len(lines) - 2)
        lines[at], lines[at + 1] = lines[at + 1], lines[at]
    log.write_bytes(b"".join(lines))

    with pytest.raises(LogBroken) as error:
        verify_log(log)
    assert error.value.number == (number + 1 if how == "repeat" else at + 1)


@pytest.mark.parametrize("kept", [0, 1, 199])
def test_cut_tail_is_noticed_by_the_head(log, kept):
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:kept]))

    with pytest.raises(LogBroken):
        verify_log(log)


def test_cut_tail_and_head_are_noticed_by_a_head_kept_elsewhere(log):
    head = verify_log(log)
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:100]))
    (log.parent / "gate.log.head").write_text(f"100:{lines[99].split(b' ')[0].decode()}\n")

    assert verify_log(log).count == 100
    with pytest.raises(LogBroken):
        verify_log(log, head)


def test_any_flipped_byte_is_noticed(log):
    content = log.read_bytes()
    for _ in range(50):
        spoiled = bytearray(content)
        spoiled[random.randrange(len(content))] ^= 1 << random.randrange(8)
        log.write_bytes(spoiled)
        with pytest.raises(LogBroken):
            verify_log(log)


def test_line_torn_by_a_crash_is_cut_off_and_the_log_goes_on(log):
    with log.open("ab") as file:
        file.write(b"0123 half a li")
    write(log, 1)

    assert verify_log(log).count == 201


@pytest.mark.parametrize("text", ["", "1", "x:" + "0" * 64, "1:abc"])
def test_invented_heads_are_refused(text):
    with pytest.raises(UsageError):
        parse_head(text)


def test_head_is_read_as_it_is_written(log):
    assert parse_head((log.parent / "gate.log.head").read_text()) == verify_log(log)
    assert isinstance(verify_log(log), Head)


@pytest.mark.parametrize("torn", [b"", b"12", b"12:abc", b"\xff\xfe"])
def test_a_torn_head_is_named_with_the_way_out(tmp_path, torn):
    path = tmp_path / "gate.log"
    path.write_bytes(b"")
    (tmp_path / "gate.log.head").write_bytes(torn)
    with pytest.raises(UsageError, match=r"gate\.log\.head is empty or torn.*cxrgate log verify.*move gate\.log\.head"):
        HashLog(path)


def test_lines_that_the_head_does_not_count_yet_are_read(log):
    head_path(log).write_text("0:" + "0" * 64)
    with log.open("ab") as file:
        file.write(b"torn")

    assert len(list(read_known_lines(log))) == 200


@pytest.mark.parametrize("left", [0, 1, 199])
def test_a_log_without_lines_that_its_head_counts_is_broken(log, left):
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:left]))

    with pytest.raises(LogBroken, match=rf"has {left} lines and not the line 200 of its head.*restore the log"):
        list(read_known_lines(log))


def test_another_log_under_that_head_is_broken(log, tmp_path):
    write(tmp_path / "other.log", 201)
    log.write_bytes((tmp_path / "other.log").read_bytes())

    with pytest.raises(LogBroken, match="not the line 200"):
        list(read_known_lines(log))


def test_a_log_that_is_gone_from_its_head_is_broken(log):
    log.unlink()

    with pytest.raises(LogBroken, match=r"is gone, and its head beside it counts 200 lines"):
        list(read_known_lines(log))


@pytest.mark.parametrize("again", [False, True], ids=["written now", "written before"])
def test_a_line_that_was_changed_under_an_open_log_is_no_evidence_and_nothing_is_added_to_it(tmp_path, caplog, again):
    path = tmp_path / "gate.log"

    async def go():
        log = HashLog(path)
        offsets = [await log.append("image_checked", score=score) for score in (0.91, 0.82)]
        if again:
            await log.close()
            log = HashLog(path)
        with path.open("rb+") as file:
            file.seek(path.read_bytes().index(b"0.91"))
            file.write(b"0.01")

        assert log.read(offsets[1])["score"] == 0.82
        with pytest.raises(CallRefused) as refused:
            log.read(offsets[0])
        with pytest.raises(CallRefused):
            await log.append("image_checked")
        await log.close()
        return refused.value

    error = asyncio.run(go())
    assert (error.code, error.reason) == ("DATA_LOSS", "AUDIT")
    assert "gate.log_changed" in caplog.text


@pytest.mark.parametrize("place", [1, 10**6])
def test_where_no_line_begins_there_is_nothing_to_read(log, place):
    async def go():
        opened = HashLog(log)
        with pytest.raises(CallRefused):
            opened.read(place)
        await opened.close()

    asyncio.run(go())
