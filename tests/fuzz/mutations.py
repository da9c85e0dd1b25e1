"""Hypothesis strategies: valid files and values, changed as accidents and attackers change them. All give bytes."""

from __future__ import annotations

import copy
import json
import string
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hypothesis import strategies as st
from support.bad_images import SIGNATURE, chunk, element, split

EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)


@st.composite
def damaged(draw: st.DrawFn, originals: Sequence[bytes]) -> bytes:
    """A file with up to six places changed, cut out, doubled or filled with an extreme number; or cut short."""
    content = bytearray(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(1, 6))):
        # Half of the places lie in the head, where sizes and kinds stand.
        place = draw(st.integers(0, len(content) if draw(st.booleans()) else min(len(content), 512)))
        match draw(st.integers(0, 5)):
            case 0:
                content[place : place + 1] = draw(st.binary(min_size=1, max_size=1))
            case 1:
                form = draw(st.sampled_from(["<H", ">H", "<I", ">I"]))
                packed = struct.pack(form, draw(st.sampled_from(EXTREMES)) & (0xFFFF if form[1] == "H" else 0xFFFFFFFF))
                content[place : place + len(packed)] = packed
            case 2:
                del content[place : place + draw(st.integers(1, 64))]
            case 3:
                content[place:place] = draw(st.binary(max_size=64))
            case 4:
                content[place:place] = content[place : place + draw(st.integers(1, 512))]
            case _:
                del content[place:]
    return bytes(content)


@st.composite
def pngs(draw: st.DrawFn) -> bytes:
    """Chunks of any name and content in any order, each with its right checksum."""
    size = st.one_of(st.integers(60, 100), st.sampled_from([*EXTREMES, 8192]))
    about = [draw(size), draw(size), *(draw(st.integers(0, 17)) for _ in range(2)), 0, 0, draw(st.integers(0, 2))]
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", *(value & 0xFFFFFFFF for value in about)))
    names = st.sampled_from(
        [b"IDAT", b"IEND", b"PLTE", b"tRNS", b"sBIT", b"gAMA", b"iCCP", b"zTXt", b"iTXt", b"eXIf", b"acTL", b"fdAT"]
    )
    data = st.one_of(st.binary(max_size=64), st.integers(0, 10**6).map(lambda count: zlib.compress(bytes(count))))
    chunks = draw(st.lists(st.tuples(names, data), max_size=6))
    return SIGNATURE + head + b"".join(chunk(name, content) for name, content in chunks)


_TAGS = [
    (0x0008, 0x0005, b"CS"), (0x0008, 0x0060, b"CS"), (0x0010, 0x0020, b"LO"), (0x0028, 0x0002, b"US"),
    (0x0028, 0x0004, b"CS"), (0x0028, 0x0008, b"IS"), (0x0028, 0x0010, b"US"), (0x0028, 0x0011, b"US"),
    (0x0028, 0x0100, b"US"), (0x0028, 0x0101, b"US"), (0x0028, 0x0102, b"US"), (0x0028, 0x0103, b"US"),
    (0x0028, 0x0120, b"US"), (0x0028, 0x1050, b"DS"), (0x0028, 0x1051, b"DS"), (0x0028, 0x1052, b"DS"),
    (0x0028, 0x1053, b"DS"), (0x0028, 0x1056, b"CS"), (0x0028, 0x3000, b"SQ"), (0x0028, 0x3010, b"SQ"),
    (0x2050, 0x0020, b"CS"), (0x7FE0, 0x0008, b"OB"), (0x7FE0, 0x0010, b"OW"), (0x0009, 0x1001, b"UN"),
]  # fmt: skip


@st.composite
def dicoms(draw: st.DrawFn, valid: bytes) -> bytes:
    """The data set of a valid file, with elements put in whose kinds, values and lengths may lie."""
    meta, data = split(valid)
    texts = st.sampled_from([b"", b"1", b"-1", b"1e999", b"nan", b"1\\2", b"MONOCHROME1", b"SIGMOID", b"\xff" * 8])
    values = st.one_of(texts, st.binary(max_size=16), st.sampled_from(EXTREMES).map(lambda n: struct.pack("<I", n)))
    for group, number, usual in draw(st.lists(st.sampled_from(_TAGS), min_size=1, max_size=4)):
        kind = draw(st.sampled_from([usual, usual, usual, b"US", b"DS", b"OB", b"SQ", b"UN", b"\0\0", b"ZZ"]))
        value = draw(values)
        length = draw(st.one_of(st.none(), st.sampled_from(EXTREMES[:9])))
        put = element(group, number, kind, value, None if length is None else length & 0xFFFF)
        start = data.find(struct.pack("<HH", group, number))
        data = data + put if start < 0 else data[:start] + put + data[start:]
    return meta + data


ODD: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2**31, 2**63, 2**70, -(2**63), 0.5, -0.0, 1e308, 1e-320, "", "x", "\0", "\ud800",
    "../x", "/dev/zero", "a" * 300, "nan", "1e999", [], {}, [[]], [1, "a"], {"a": 1}, [None] * 9,
)  # fmt: skip


@st.composite
def changed(draw: st.DrawFn, value: Any) -> Any:
    """A value of mappings, lists and plain values, in which one to three parts are odd, missing or doubled."""
    made = json.loads(json.dumps(value))
    for _ in range(draw(st.integers(1, 3))):
        parent, key, found = None, None, made
        while isinstance(found, dict | list) and found and (parent is None or draw(st.booleans())):
            parent = found
            key = draw(st.sampled_from(sorted(found) if isinstance(found, dict) else range(len(found))))
            found = found[key]
        odd = copy.deepcopy(draw(st.sampled_from(ODD)))
        if parent is None:
            return odd
        match draw(st.integers(0, 3)):
            case 0:
                del parent[key]
            case 1 if isinstance(parent, dict):
                parent[draw(st.sampled_from(["", "x", "format", "\ud800", "../y", "a" * 300]))] = odd
            case 2 if isinstance(parent, list):
                parent.insert(key, odd)
            case _:
                parent[key] = odd
    return made


def dumped(value: Any) -> bytes:
    """As JSON."""
    return json.dumps(value).encode()


def json_files(valid: Any, vouched: Callable[[Any], Any] = lambda value: value) -> st.SearchStrategy[bytes]:
    """JSON files: changed in their values and `vouched` for again, or damaged as text, or nested very deeply."""
    whole = dumped(vouched(valid))
    depths = st.integers(1, 20_000).map(lambda depth: b"[" * depth + b"]" * depth)
    return st.one_of(changed(valid).map(vouched).map(dumped), changed(valid).map(dumped), damaged([whole]), depths)


@st.composite
def yaml_files(draw: st.DrawFn, valid: Mapping[str, Any], scalars: Sequence[str] = ()) -> bytes:
    """A YAML file: JSON is YAML, too; or lines `key: value` whose values are what YAML reads in its own ways."""
    if draw(st.booleans()):
        return dumped(draw(changed(valid)))
    odd = [
        "2001-99-99", "1:60:99", "0x_", "0b", "0o9", ".nan", "-.inf", "1" * 5000, "2001-01-01T99:99:99Z", "[" * 2000,
        "!!python/none", "!!binary x", "!!set {a, b}", "&a [*a]", "*b", "<<", "~", "yes", '"\\0"', '"\\ud800"', "'",
        "!!float x", "!!int x", "!!timestamp x", "!!omap [a]", "!!pairs [a: b]", "{a: {b: c}}", "- x", "| x", "? x",
        "@", "=", *scalars,
    ]  # fmt: skip
    keys = st.sampled_from([*valid, *(f"{key} " for key in valid), "<<", "x", "? [a]", "1", "~", "2001-99-99"])
    values = st.one_of(st.sampled_from(odd), st.sampled_from([json.dumps(value) for value in valid.values()]))
    lines = draw(st.lists(st.tuples(keys, values), max_size=8))
    return "".join(f"{key}: {value}\n" for key, value in lines).encode("utf-8", "surrogatepass")


@st.composite
def tables(draw: st.DrawFn, names: Sequence[str], cells: Sequence[str]) -> bytes:
    """A table in any of the usual dialects, with cells that are names of files, odd ones, or torn quotes."""
    odd = [
        "",
        " ",
        '"',
        '""',
        "'",
        "\r",
        "\0",
        "\ufeff",
        "a" * 9000,
        "=1+1",
        "../x",
        "/etc/passwd",
        "\u202ex",
        "nan",
        "\ud800",
    ]
    cell = st.one_of(st.sampled_from([*cells, *odd]), st.text(string.printable, max_size=8))
    separator, end = draw(st.sampled_from([",", ";", "\t", "|"])), draw(st.sampled_from(["\n", "\r\n", "\r"]))
    header = draw(st.lists(st.sampled_from(names), min_size=1, max_size=4))
    rows = draw(st.lists(st.lists(cell, max_size=5), max_size=6))
    text = end.join(separator.join(row) for row in [header, *rows]) + draw(st.sampled_from(["", end]))
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "latin-1", "utf-16"]))
    return text.encode(encoding, "replace")
