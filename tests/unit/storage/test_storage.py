import secrets

import pytest

from cxrgate.core import StorageCorrupt, StorageError
from cxrgate.storage import SealedLines, create_data_key, open_data_key, rewrap, seal, unseal
from cxrgate.storage.sealed_file import CHUNK

KEY, OTHER, DATA_KEY = bytes(32), bytes(31) + b"1", bytes(range(32))


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_what_was_sealed_comes_back_whatever_its_parts_were(tmp_path, size):
    content = secrets.token_bytes(size)
    seal(tmp_path / "x", "x", DATA_KEY, [content[:100], memoryview(content[100:])])

    assert unseal(tmp_path / "x", "x", DATA_KEY) == content


def test_equal_content_is_sealed_differently_each_time(tmp_path):
    for name in ("a", "b"):
        seal(tmp_path / name, "x", DATA_KEY, [bytes(100)])

    assert (tmp_path / "a").read_bytes()[24:] != (tmp_path / "b").read_bytes()[24:]


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    path = tmp_path_factory.mktemp("sealed") / "x"
    seal(path, "x", DATA_KEY, [bytes(2 * CHUNK + 5000)])
    return path.read_bytes()


def flipped(at):
    return lambda content: content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


HEADER, SEALED_CHUNK = 24, CHUNK + 16
SECOND = HEADER + SEALED_CHUNK
THIRD = SECOND + SEALED_CHUNK
CHANGES = {
    **{f"flip {at}": flipped(at) for at in (0, 8, 23, 24, *range(4096, 2 * CHUNK, CHUNK // 4))},
    "cut": lambda content: content[:-1],
    "longer": lambda content: content + b"\0",
    "without the last": lambda content: content[:THIRD],
    "only the first": lambda content: content[:SECOND],
    "exchanged": lambda content: content[:HEADER] + content[SECOND:THIRD] + content[HEADER:SECOND] + content[THIRD:],
    "header cut": lambda content: content[:10],
    "empty": lambda content: b"",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_byte_changed_moved_or_cut_off_is_refused(tmp_path, sealed, change):
    (tmp_path / "x").write_bytes(change(sealed))

    with pytest.raises(StorageCorrupt):
        unseal(tmp_path / "x", "x", DATA_KEY)


@pytest.mark.parametrize(("name", "key"), [("y", DATA_KEY), ("x", KEY)])
def test_under_another_name_or_key_it_does_not_open(tmp_path, sealed, name, key):
    (tmp_path / "x").write_bytes(sealed)

    with pytest.raises(StorageCorrupt):
        unseal(tmp_path / "x", name, key)


def test_a_data_key_opens_with_its_storage_key_alone(tmp_path):
    path = tmp_path / "data.wrapped"
    data_key = create_data_key(path, KEY)

    assert open_data_key(path, KEY) == data_key
    assert data_key not in path.read_bytes()
    assert data_key.hex().encode() not in path.read_bytes()
    with pytest.raises(StorageError, match="storage key"):
        open_data_key(path, OTHER)


def test_a_rewrapped_data_key_is_the_same_and_the_old_key_no_longer_opens_it(tmp_path):
    path = tmp_path / "data.wrapped"
    data_key = create_data_key(path, KEY)

    assert [rewrap(path, KEY, OTHER), rewrap(path, KEY, OTHER)] == [True, False]

    assert open_data_key(path, OTHER) == data_key
    with pytest.raises(StorageError):
        open_data_key(path, KEY)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"key": "x", "nonce": "y", "wrapped": "z"}'])
def test_a_broken_wrapped_key_is_refused(tmp_path, content):
    (tmp_path / "data.wrapped").write_bytes(content)

    with pytest.raises(StorageCorrupt):
        open_data_key(tmp_path / "data.wrapped", KEY)


def test_a_changed_wrapped_key_is_refused(tmp_path):
    path = tmp_path / "data.wrapped"
    create_data_key(path, KEY)
    text = path.read_text()
    path.write_text(text[:-4] + ("0" if text[-4] != "0" else "1") + text[-3:])

    with pytest.raises(StorageCorrupt):
        open_data_key(path, KEY)


def test_a_line_opens_at_its_own_place_only():
    lines = SealedLines(DATA_KEY)
    line = lines.seal(3, b"payload")

    assert lines.open(3, line) == b"payload"
    assert lines.open(4, line) is None
    assert lines.open(3, line[:-1]) is None
    assert lines.open(3, b"") is None
    assert SealedLines(KEY).open(3, line) is None
