import os

import pytest

from cxrgate.core import UsageError
from cxrgate.storage.yaml_file import BYTES, read_yaml


def read(folder, text):
    path = folder / "config.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_yaml(path)


def test_plain_values_are_read(tmp_path):
    assert read(tmp_path, "a: 1\nb: [x, {c: null}]\n") == {"a": 1, "b": ["x", {"c": None}]}


def test_a_part_may_be_named_by_an_alias_and_changed(tmp_path):
    assert read(tmp_path, "a: &a {b: 1, c: 2}\nd: {<<: *a, b: 3}\n")["d"] == {"b": 3, "c": 2}


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\na: 2\n",
        "policy: {false_flags: 0.01, false_flags: 0.5}\n",
        "a: " + "[" * 3000,
        "a: 2001-99-99\n",
        "a: 2001-01-01T99:99:99Z\n",
        "a: 0x_\n",
        "a: " + "1" * 5000,
        'a: "x\\0y"\n',
        'a: "\\ud800"\n',
        "a: !!python/object:os.system x\n",
        b"a: \xff\n",
        b"a: \0\n",
        "#" * (BYTES + 1),
    ],
    ids=range(13),
)
def test_what_is_no_yaml_or_means_two_things_is_refused_with_its_name(tmp_path, text):
    with pytest.raises(UsageError, match=r"config\.yaml"):
        read(tmp_path, text)


def test_the_key_that_stands_there_twice_is_named(tmp_path):
    with pytest.raises(UsageError, match="false_flags"):
        read(tmp_path, "policy:\n  false_flags: 0.01\n  borderline: 0.4\n  false_flags: 0.5\n")


def test_aliases_of_aliases_take_no_time(tmp_path):
    text = "a: &a [x, x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 9)}]\n" for i in range(20)
    )
    assert len(read(tmp_path, text)) == 21


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "config.yaml")
    with pytest.raises(UsageError, match="pipe"):
        read_yaml(tmp_path / "config.yaml")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file"),
        (b"\xd0\xcf\x11\xe0", "it is not text in UTF-8"),
        (b"PK\3\4", "it is binary, not text"),
    ],
)
def test_what_is_no_text_is_said_in_a_sentence(tmp_path, content, message):
    path = tmp_path / "config.xlsx"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(UsageError, match=rf"config\.xlsx is not a readable YAML file: {message}") as caught:
        read_yaml(path)
    assert not any(word in str(caught.value) for word in ("Errno", "codec", "#x"))
