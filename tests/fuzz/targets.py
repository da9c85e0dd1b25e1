"""What is fuzzed: for each kind of file or message a strategy of bytes, and what reads them.

A reader may give a result or raise a CxrgateError. Any other exception is a finding.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fuzz.mutations import changed, damaged, dicoms, dumped, json_files, pngs, tables, yaml_files
from google.protobuf.message import DecodeError
from hypothesis import strategies as st
from support import bad_dicoms, bad_rasters
from support.bad_images import dicom, ramp
from support.fake_gate import BROKEN, CLEAN, TEXT, with_quota
from support.fakes import POLICY, save_small_models
from support.image_sets import write_copies
from support.random_snapshots import queries, write_snapshot
from support.rest_gate import GENERATOR, rest_gate

from cxrgate.api.gate.v1 import gate_service_pb2 as gate_pb
from cxrgate.api.index.v1 import index_service_pb2 as index_pb
from cxrgate.certification import read_certificate, utc_now
from cxrgate.certification.signing import sign
from cxrgate.core import CxrgateError, Decision, Evidence, ImageRecord, MediaType, Policy
from cxrgate.core.digest import bytes_digest, mapping_digest
from cxrgate.core.json_text import MALFORMED, parse_json
from cxrgate.gate.config import read_config
from cxrgate.gateway.servicer import _from_proto
from cxrgate.hashlog import verify_log
from cxrgate.hashlog.lines import START, chain, parse_head
from cxrgate.images import PatientRule, SourceOptions, read_listing
from cxrgate.images.codec.decode import decode
from cxrgate.images.codec.dicom.patient import read_patient
from cxrgate.images.codec.limits import MAXIMUM_PIXELS
from cxrgate.images.sandbox.samples import samples
from cxrgate.index import EngineName, Snapshot
from cxrgate.index.manifest import read_manifest
from cxrgate.index.search import LocalSearcher
from cxrgate.index.self_measurement import read_measurement
from cxrgate.index.service import servicer
from cxrgate.index.service.codec import from_neighbors, from_query, to_neighbors, to_query
from cxrgate.index.service.state import IndexState
from cxrgate.index.store import SnapshotStore
from cxrgate.models.manifest import read_manifest as read_model_manifest
from cxrgate.rpc.roles import Caller, read_roles
from cxrgate.run.journal import Journal
from cxrgate.run.release import read_manifest as read_released
from cxrgate.storage import create_data_key, open_data_key
from cxrgate.verify_run.verify import verify_run

Read = Callable[[bytes, Path], object]


@dataclass(frozen=True, slots=True)
class Target:
    """`read` gets the bytes and an empty folder, which it may use."""

    strategy: st.SearchStrategy[bytes] = field(repr=False)
    read: Read


def typed(target: Target, content: bytes, folder: Path) -> object:
    """A result, or None where the content was refused as cxrgate refuses; any other exception is raised."""
    try:
        return target.read(content, folder)
    except CxrgateError:
        return None


# --- images ---


def _decode(content: bytes, _: Path, declared: MediaType | None = None) -> object:
    image = decode(ImageRecord("a", content, declared=declared, value_range=(0, 1)))
    assert image.pixels.size <= MAXIMUM_PIXELS
    assert image.pixels.flags.c_contiguous or image.pixels.copy().size
    return image.digest


def _dicom(content: bytes, folder: Path) -> object:
    with suppress(CxrgateError):
        read_patient(ImageRecord("a", content))
    return _decode(content, folder, MediaType.DICOM)


def _arrays() -> list[bytes]:
    made = []
    for values in (ramp(), ramp() / 255, np.stack([ramp()] * 3, 2), ramp() > 9, np.asfortranarray(ramp())):
        buffer = io.BytesIO()
        np.save(buffer, values)
        made.append(buffer.getvalue())
    return made


@st.composite
def _npys(draw: st.DrawFn) -> bytes:
    """Headers of .npy files, whose text is Python."""
    shape = draw(
        st.sampled_from(["(96, 96)", "(2**40, 96)", "(96,)", "()", "(0, 9)", "(-1, 96)", "(96, 96, 10**9)", "x"])
    )
    kind = draw(st.sampled_from(["|u1", "<f8", "|O", "<U99999999", "<M8[s]", ">f2", "|V9", "x", "[('a', '|u1')]"]))
    kind = kind if kind.startswith("[") else f"'{kind}'"
    order = draw(st.sampled_from(["False", "True", "None", "[" * 500, "__import__('os')"]))
    header = f"{{'descr': {kind}, 'fortran_order': {order}, 'shape': {shape}, }}".encode()
    version = draw(st.sampled_from([b"\x01\0", b"\x02\0", b"\x03\0", b"\xff\xff"]))
    length = len(header).to_bytes(2 if version[0] == 1 else 4, "little")
    return b"\x93NUMPY" + version + length + header + draw(st.binary(max_size=64)) + bytes(ramp().tobytes())


_FILES = [*samples(), *[content for content, _ in bad_rasters.REFUSED.values() if len(content) < 2**17]]
_DICOMS = [content for content, _ in bad_dicoms.REFUSED.values() if len(content) < 2**17]


# --- settings and lists ---

_CONFIG: dict[str, Any] = {
    "synthetic": "synthetic",
    "output": "out",
    "snapshot": "snapshot",
    "models": {"retrieval": "r", "verification": "v", "copy": None},
    "enrol": {
        "images": "real.csv",
        "splits": ["train"],
        "columns": {"patient_id": "subject_id"},
        "float_range": [0, 1],
    },
    "policy": {"candidates": 3, "false_flags": 0.05, "borderline": 0.4, "copy_threshold": "default"},
    "release": {"side": 512},
    "batch_size": 16,
    "engine": "codes",
    "certification": "none",
    "review": "review.log",
}
_COLUMNS = ["image", "patient_id", "label", "path", "Patient ID", "", "image "]
_ROLES: dict[str, Any] = {
    "identities": {"spiffe://cxrgate/generator": "generator"},
    "rpcs": {"/cxrgate.api.gate.v1.GateService/CheckImage": ["generator"]},
    "quotas": {"generator": {"images_per_day": 10, "images_per_second": 2}},
}


def _put(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def _config(content: bytes, folder: Path) -> object:
    settings = read_config(_put(folder, "config.yaml", content))
    # Every place can be looked up: names that no file system takes were refused when they were read.
    with suppress(OSError):  # a name of 300 characters: the command line tells it in a sentence
        return [path.exists() for path in (settings.synthetic, settings.output, settings.snapshot)]
    return None


@cache
def _pictures() -> dict[str, bytes]:
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    write_copies(folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def _list(content: bytes, folder: Path) -> object:
    for name, picture in _pictures().items():
        _put(folder, name, picture)
    path = _put(folder, "list.csv", content)
    for rule in (PatientRule.REQUIRED, PatientRule.EACH_IMAGE):
        with suppress(CxrgateError):
            read_listing(path, SourceOptions(patients=rule))
    for file in read_listing(path, SourceOptions()).files:
        with suppress(CxrgateError):
            file.read()
    return None


# --- manifests, journals, logs, certificates ---


@cache
def _snapshot() -> Snapshot:
    return write_snapshot(Path(tempfile.mkdtemp(prefix="fuzz-")) / "snapshot", count=6)


def _snapshot_manifest() -> dict[str, Any]:
    value = json.loads((_snapshot().path / "manifest.json").read_text())
    del value["digest"]
    return value


def _vouched(value: Any) -> Any:
    """With the digest that it would have, as an attacker can compute it."""
    with suppress(ValueError):
        return {**value, "digest": mapping_digest(value)} if isinstance(value, dict) else value
    return value


def _read_snapshot(content: bytes, folder: Path) -> object:
    copy = folder / "snapshot"
    shutil.copytree(_snapshot().path, copy)
    _put(copy, "manifest.json", content)
    manifest = read_manifest(copy)
    with suppress(CxrgateError):
        read_measurement(manifest)
    opened = Snapshot.open(copy)
    return opened.in_memory().identity.shape


@cache
def _models() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    save_small_models(folder)
    return folder


def _model_manifest() -> dict[str, Any]:
    value = json.loads((_models() / "retrieval/model.json").read_text())
    del value["digest"]
    return value


def _read_model(content: bytes, folder: Path) -> object:
    shutil.copytree(_models() / "retrieval", folder / "model")
    _put(folder / "model", "model.json", content)
    return read_model_manifest(folder / "model").digest


_RUN = {"cxrgate": "0", "policy": POLICY.digest, "columns": ["image_id"], "batch_size": 2}
_ROW = {"image_id": "a", "decision": "ANONYMOUS", "reasons": "", "pixel_digest": "0", "released_as": "a.png",
        "stage": "", "borderline": False, "typicality": 0.5, "frontality": None}  # fmt: skip
_BATCH = {"batch": 0, "results": [_ROW], "evidence": [["a", "r", "p", 1.0, 0.5, 0.1]], "released": {"a.png": "0" * 64}}


def _journal_line(value: Any) -> bytes:
    payload = dumped(value)
    return bytes_digest(payload)[:16].encode() + b" " + payload + b"\n"


def _journals() -> st.SearchStrategy[bytes]:
    first = st.one_of(st.just(_RUN), changed(_RUN)).map(_journal_line)
    rest = st.lists(st.one_of(st.just(_BATCH), changed(_BATCH)).map(_journal_line), max_size=3).map(b"".join)
    whole = st.tuples(first, rest).map(b"".join)
    deep = st.integers(1, 20_000).map(lambda depth: _journal_line(_RUN) + _deep_line(depth))
    return st.one_of(whole, damaged([_journal_line(_RUN) + _journal_line(_BATCH)]), deep)


def _deep_line(depth: int) -> bytes:
    payload = b"[" * depth + b"]" * depth
    return bytes_digest(payload)[:16].encode() + b" " + payload + b"\n"


def _read_journal(content: bytes, folder: Path) -> object:
    _put(folder, "work/journal.jsonl", content)
    with suppress(CxrgateError):
        journal = Journal(folder / "work/journal.jsonl", _RUN)
        try:
            list(journal.batches.values())
        finally:
            journal.close()
    _put(folder, "work/journal.jsonl", content)
    return verify_run(folder).violations


_OUTPUT = {
    "run": {"cxrgate": "0", "policy": POLICY.to_json(), "policy_digest": POLICY.digest, "certification": "uncertified",
            "models": {"retrieval": {"digest": "retrieval"}}, "snapshot": {"digest": "snapshot"},
            "synthetic": {"images": 1}},
    "manifest": {"policy": POLICY.digest, "certification": "uncertified", "files": {"a.png": "0" * 64}, "withheld": 0},
    "batch": _BATCH,
}  # fmt: skip


def _read_output(content: bytes, folder: Path) -> object:
    try:
        value = json.loads(content)
        parts = {name: value[name] for name in _OUTPUT}
    except (*MALFORMED, RecursionError):
        return None
    _put(folder, "work/journal.jsonl", _journal_line(_RUN) + _journal_line(parts["batch"]))
    _put(folder, "results/run.json", dumped(parts["run"]))
    _put(folder, "released/manifest.json", dumped(parts["manifest"]))
    return verify_run(folder).violations


def _chained(values: list[Any]) -> bytes:
    head, lines = START, []
    for value in values:
        payload = dumped(value)
        head = chain(head, payload)
        lines.append(head.encode() + b" " + payload + b"\n")
    return b"".join(lines)


_ENTRY = {"number": 1, "event": "image_withheld", "pixel_digest": "0" * 64, "identity": "x"}


def _read_log(content: bytes, folder: Path) -> object:
    path = _put(folder, "gate.log", content)
    with suppress(CxrgateError):
        parse_head(content.decode("utf-8", "replace"))
    return verify_log(path)


_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
_STATEMENT = {"format": 2, "expires": "2999-01-01T00:00:00+00:00", "binding": {"snapshot": "s", "candidates": 3}}


def _signed(value: Any) -> bytes:
    with suppress(ValueError, TypeError):
        return sign(value, _KEY)
    return dumped(value)


def _read_certificate(content: bytes, _: Path) -> object:
    certificate = read_certificate(content, _KEY.public_key())
    certificate.check_current(utc_now())
    certificate.check_binding({"snapshot": "s", "candidates": 3})
    return certificate.digest


def _certificates() -> st.SearchStrategy[bytes]:
    return st.one_of(changed(_STATEMENT).map(_signed), json_files({"statement": _STATEMENT, "signature": "00"}),
                     damaged([sign(_STATEMENT, _KEY)]))  # fmt: skip


_STORAGE_KEY = bytes(range(32))


@cache
def _wrapped_key() -> bytes:
    path = Path(tempfile.mkdtemp(prefix="fuzz-")) / "key.wrapped"
    create_data_key(path, _STORAGE_KEY)
    return path.read_bytes()


def _read_wrapped(content: bytes, folder: Path) -> object:
    return open_data_key(_put(folder, "key.wrapped", content), _STORAGE_KEY)


def _read_policy(content: bytes, _: Path) -> object:
    """As run.json holds it; whoever reads that expects these errors."""
    with suppress(*MALFORMED):
        return Policy.from_json(parse_json(content)).digest
    return None


# --- messages ---


def _check_image(content: bytes, _: Path) -> object:
    try:
        request = gate_pb.CheckImagesRequest.FromString(content)
    except DecodeError:  # the server's interceptor answers MALFORMED
        return None
    return _from_proto(request)


@cache
def _served() -> servicer.IndexServicer:
    store = SnapshotStore(_snapshot().path.parent)
    store.activate(_snapshot())
    return servicer.IndexServicer(IndexState(store, EngineName.MATRIX))


def _find_neighbors(content: bytes, _: Path) -> object:
    try:
        request = index_pb.FindNeighborsRequest.FromString(content)
    except DecodeError:
        return None
    with patch.object(servicer, "current_caller", lambda: Caller("spiffe://cxrgate/gate", "gate")):
        answer = asyncio.run(_served().FindNeighbors(request, SimpleNamespace()))
    assert len(answer.results) == request.identity.rows
    return from_query(request, _snapshot())


def _list_references(content: bytes, _: Path) -> object:
    try:
        request = index_pb.ListReferencesRequest.FromString(content)
    except DecodeError:
        return None
    answer = asyncio.run(_served().ListReferences(request, SimpleNamespace()))
    assert len(answer.references) <= _snapshot().manifest.references
    return answer


@cache
def _query() -> bytes:
    return to_query(queries(2), 3, "").SerializeToString()


@st.composite
def _find_requests(draw: st.DrawFn) -> bytes:
    request = index_pb.FindNeighborsRequest.FromString(_query())
    for name in draw(st.lists(st.sampled_from(["identity", "copy", "layout"]), max_size=2)):
        matrix = getattr(request, name)
        matrix.rows = draw(st.sampled_from([0, 1, 2, 3, 2**31 - 1]))
        matrix.columns = draw(st.sampled_from([0, 1, 16, 64, 256, 2**31 - 1]))
        if draw(st.booleans()):
            count = draw(st.integers(0, 512))
            matrix.values = np.full(count, draw(st.sampled_from([np.nan, np.inf, 0, 1e-40, 3e38, 1])), "<f4").tobytes()
    if draw(st.booleans()):
        request.neighbor_count = draw(st.sampled_from([0, 1, 6, 7, 200, 2**31 - 1]))
    if draw(st.booleans()):
        del request.spaces[:]
        request.spaces.extend(draw(st.lists(st.integers(0, 9), max_size=4)))
    if draw(st.booleans()):
        request.index_digest = draw(st.text(max_size=9))
    return request.SerializeToString()


@st.composite
def _page_requests(draw: st.DrawFn) -> bytes:
    start = draw(st.sampled_from(["-1", "0", "6", "7", "99999999999999999999", "1" * 5000, "x", "", "+1", "\u0661"]))
    text = (
        draw(st.sampled_from(["", _snapshot().manifest.digest, "x"])) + draw(st.sampled_from([" ", "", "  "])) + start
    )
    token = draw(st.sampled_from([base64.urlsafe_b64encode(text.encode()).decode(), text, "="]))
    size = draw(st.sampled_from([-1, 0, 1, 2**31 - 1]))
    return index_pb.ListReferencesRequest(page_size=size, page_token=token).SerializeToString()


@cache
def _answer() -> bytes:
    asked = queries(1)
    found = asyncio.run(LocalSearcher(_snapshot(), 3, EngineName.MATRIX).search(asked))
    return to_neighbors(asked[0], found[0], features=True).SerializeToString()


@st.composite
def _answers(draw: st.DrawFn) -> bytes:
    answer = index_pb.NeighborList.FromString(_answer())
    for item in draw(st.lists(st.sampled_from(answer.neighbors), max_size=2)):
        item.distance = draw(st.sampled_from([np.nan, -1.0, np.inf, 1e308]))
        item.reference_id = draw(st.binary(max_size=4))
        item.lists[:] = draw(st.lists(st.sampled_from([0, 1, 2, 2**32 - 1]), max_size=3))
    if draw(st.booleans()):
        del answer.neighbors[draw(st.integers(0, 3)) :]
    if draw(st.booleans()):
        answer.features.columns = draw(st.sampled_from([0, 1, 8, 2**31 - 1]))
    if draw(st.booleans()):
        answer.typicality = draw(st.sampled_from([np.nan, 2.0, np.inf]))
    if draw(st.booleans()):
        answer.cohort.size = draw(st.sampled_from([0, 11, 2**31 - 1]))
        answer.cohort.mean = draw(st.sampled_from([np.nan, 3.0, -np.inf]))
    return answer.SerializeToString()


def _neighbors(content: bytes, _: Path) -> object:
    """What an index answers is a candidate list, or refused; decided on, odd numbers are no pass."""
    try:
        answer = index_pb.NeighborList.FromString(content)
        found = from_neighbors(queries(1)[0], answer)
    except (DecodeError, ValueError):  # gate.remote makes a Failure of either
        return None
    verdict = POLICY.decide(Evidence(found, np.full(len(found.distances), 0.1)), "")
    numbers = [*found.distances, *found.similarities["copy"], found.typicality]
    assert np.isfinite(numbers).all() or verdict.decision is Decision.INDETERMINATE
    return verdict


_IMAGE = gate_pb.CheckImagesRequest(sequence=1, image=gate_pb.Image(image_id="a", content=b"x", media_type=1))


@st.composite
def _check_requests(draw: st.DrawFn) -> bytes:
    request = gate_pb.CheckImagesRequest.FromString(_IMAGE.SerializeToString())
    request.image.image_id = draw(
        st.one_of(st.text(max_size=200), st.sampled_from(["../x", "a\0", "\u202ea", "C:\\x"]))
    )
    request.image.media_type = draw(st.integers(-(2**31), 2**31 - 1))
    request.sequence = draw(st.sampled_from([0, 1, 2**62, 2**63 - 1]))
    return request.SerializeToString()


@st.composite
def _posts(draw: st.DrawFn) -> bytes:
    """A query, a content type and a body, a line each."""
    names = [b"image_id", b"return_image", b"image-id", b"", b"%00", b"\xff"]
    values = [
        b"a.png",
        b"true",
        b"..%2f..%2fx",
        b"%00",
        b"%ff%fe",
        b"\xff",
        b"%E2%80%AEx",
        b"a" * 300,
        b"{{7*7}}",
        b"%n",
        b"%",
    ]
    pair = st.tuples(st.sampled_from(names), st.sampled_from([b"=", b"", b"=="]), st.sampled_from(values)).map(b"".join)
    query = draw(st.lists(pair, max_size=3).map(b"&".join))
    kinds = [
        b"image/png",
        b"application/octet-stream",
        b"application/dicom; x=\xff",
        b"text/html",
        b"",
        b";",
        b"\xff" * 99,
    ]
    return b"\n".join([query, draw(st.sampled_from(kinds)), draw(st.sampled_from([CLEAN, TEXT, BROKEN, b""]))])


def _post(content: bytes, folder: Path) -> object:
    query, kind, body = [*content.split(b"\n", 2), b"", b""][:3]
    scope = {"type": "http", "method": "POST", "path": "/v1/check", "query_string": query,
             "headers": [(b"content-type", kind)], "state": {"peer": GENERATOR}}  # fmt: skip
    messages, sent = [{"type": "http.request", "body": body, "more_body": False}], []

    async def receive() -> dict[str, Any]:
        return messages.pop() if messages else await asyncio.Event().wait()

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def go() -> None:
        async with rest_gate(folder, with_quota(100, 100)) as gate:
            await gate.app(scope, receive, send)

    asyncio.run(go())
    assert sent[0]["status"] in {200, 400, 415, 503}
    return sent[0]["status"]


TARGETS: dict[str, Callable[[], Target]] = {
    "raster": lambda: Target(st.one_of(damaged(_FILES), pngs()), _decode),
    "array": lambda: Target(st.one_of(damaged(_arrays()), _npys()), _decode),
    "dicom": lambda: Target(st.one_of(damaged(_DICOMS), dicoms(dicom())), _dicom),
    "config": lambda: Target(yaml_files(_CONFIG, ["default", "shipped", "[0, 1]", "{side: 512}"]), _config),
    "roles": lambda: Target(
        yaml_files(_ROLES), lambda content, folder: read_roles(_put(folder, "roles.yaml", content))
    ),
    "list": lambda: Target(
        tables(
            ["image", "patient_id", "label", "path", "Patient ID", "", "image "], ["copy0.png", "jpeg1.jpg", "no.png"]
        ),
        _list,
    ),
    "snapshot": lambda: Target(json_files(_snapshot_manifest(), _vouched), _read_snapshot),
    "model": lambda: Target(json_files(_model_manifest(), _vouched), _read_model),
    "released": lambda: Target(
        json_files({"files": {"a.png": "0" * 64}, "withheld": 1, "policy": "x"}),
        lambda content, folder: read_released(_put(folder, "manifest.json", content).parent),
    ),
    "journal": lambda: Target(_journals(), _read_journal),
    "output": lambda: Target(changed(_OUTPUT).map(dumped), _read_output),
    "log": lambda: Target(
        st.one_of(
            st.lists(st.one_of(st.just(_ENTRY), changed(_ENTRY)), max_size=3).map(_chained),
            damaged([_chained([_ENTRY, _ENTRY])]),
            st.text(max_size=80).map(str.encode),
        ),
        _read_log,
    ),
    "certificate": lambda: Target(_certificates(), _read_certificate),
    "wrapped_key": lambda: Target(json_files(json.loads(_wrapped_key())), _read_wrapped),
    "policy": lambda: Target(json_files(POLICY.to_json()), _read_policy),
    "check_image": lambda: Target(st.one_of(_check_requests(), damaged([_IMAGE.SerializeToString()])), _check_image),
    "find_neighbors": lambda: Target(st.one_of(_find_requests(), damaged([_query()])), _find_neighbors),
    "list_references": lambda: Target(_page_requests(), _list_references),
    "rest": lambda: Target(_posts(), _post),
    "neighbors": lambda: Target(st.one_of(_answers(), damaged([_answer()])), _neighbors),
}
"""By name; each is made when it is asked for."""
