"""The samples in other languages against a gate behind real TLS: what they say, write, and exit with."""

import asyncio
import shutil
import subprocess
from dataclasses import replace

import pytest
from support.fake_gate import BROKEN, CLEAN, LEAK, PIXELS, TEXT
from support.installations import ROOT
from support.two_doors import served, write_certificates

from cxrgate.core import ImageRecord
from cxrgate.gateway.check import CheckService
from cxrgate.images.codec.decode import decode
from cxrgate.rpc.development_ca import Authority

DOCS = ROOT / "docs"
SPACED = f"Aufnahme Müller {'9' * 120}.png"
IMAGES = {"clean.png": CLEAN, "leak.png": LEAK, "text.png": TEXT, SPACED: CLEAN}


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """The Node sample with its two packages from npm."""
    folder = tmp_path_factory.mktemp("node")
    shutil.copy(DOCS / "node/check.mjs", folder)
    packages = ["@grpc/grpc-js", "@grpc/proto-loader"]
    subprocess.run(["npm", "install", "--silent", "--prefer-offline", *packages], cwd=folder, check=True)
    return folder / "check.mjs"


@pytest.fixture
def images(tmp_path):
    """A function that writes images, named by what the gate of fakes says of them, and gives their paths.

    An earlier call released every one of them.
    """

    def write(names):
        for name in names:
            (tmp_path / name).write_bytes(IMAGES.get(name, BROKEN))
            (tmp_path / f"{name}.released.png").write_bytes(b"of an earlier call")
        return [str(tmp_path / name) for name in names]

    return write


def run(monkeypatch, folder, command):
    """Exit code and output of the command that `command(https, grpc, certificates)` gives."""
    certificates = write_certificates(folder)

    async def call(https, grpc_address, _):
        words = [str(word) for word in command(https, grpc_address, certificates / "generator")]
        pipe = asyncio.subprocess.PIPE
        started = await asyncio.create_subprocess_exec(*words, stdout=pipe, stderr=asyncio.subprocess.STDOUT)
        told, _ = await asyncio.wait_for(started.communicate(), 120)
        return started.returncode, told.decode()

    return served(monkeypatch, folder, certificates, call)


@pytest.fixture
def answers_about_another(monkeypatch):
    """Let the gate answer about another image than was asked about."""
    check = CheckService.check

    async def mixed_up(self, gate, caller, image):
        return replace(await check(self, gate, caller, image), image_id="another.png")

    monkeypatch.setattr(CheckService, "check", mixed_up)


def outgoing(folder):
    """Which images the calls left something of that may go out, and nothing half written."""
    assert not list(folder.glob("*.partial"))
    return {path.name.removesuffix(".released.png") for path in folder.glob("*.released.png")}


def judged(path):
    return decode(ImageRecord("", path.with_name(f"{path.name}.released.png").read_bytes())).pixels


@pytest.mark.skipif(shutil.which("javac") is None, reason="no JDK is installed")
@pytest.mark.parametrize(
    ("names", "code", "says"),
    [
        (["clean.png"], 0, ["clean.png release ANONYMOUS"]),
        (["clean.png", "leak.png"], 1, ["clean.png release ANONYMOUS", "leak.png keep back NOT_ANONYMOUS"]),
        (["text.png", "clean.png"], 3, ["keep back no answer: 400 INVALID_ARGUMENT IMAGE_UNDECODABLE: "]),
        ([SPACED, "clean.png"], 0, [f"{SPACED} release ANONYMOUS"]),
    ],
    ids=["all", "some", "error", "name"],
)
def test_the_java_sample_keeps_the_judged_pixels_alone(monkeypatch, tmp_path, images, names, code, says):
    compiled = tmp_path / "classes"
    subprocess.run(["javac", "-Xlint:all", "-Werror", "-d", compiled, DOCS / "java/Check.java"], check=True)
    paths = images(names)
    found, told = run(
        monkeypatch,
        tmp_path,
        lambda https, _, certificates: ["java", "-cp", compiled, "Check", https, certificates, *paths],
    )

    assert found == code, told
    assert all(words in told for words in says), told
    assert (judged(tmp_path / "clean.png") == PIXELS).all()
    assert outgoing(tmp_path) == {"clean.png", SPACED} & set(names)


@pytest.mark.skipif(shutil.which("java") is None, reason="no Java is installed")
@pytest.mark.usefixtures("answers_about_another")
def test_the_java_sample_believes_no_answer_about_another_image(monkeypatch, tmp_path, images):
    paths = images(["clean.png"])
    code, told = run(
        monkeypatch, tmp_path, lambda https, _, folder: ["java", DOCS / "java/Check.java", https, folder, *paths]
    )

    assert (code, "about another image" in told, outgoing(tmp_path)) == (3, True, set()), told


@pytest.mark.skipif(shutil.which("java") is None, reason="no Java is installed")
def test_the_java_sample_trusts_no_other_authority(monkeypatch, tmp_path, images):
    paths = images(["clean.png"])

    def command(https, _, certificates):
        (certificates / "ca.crt").write_bytes(Authority.create().issue("spiffe://cxrgate/gate").authority)
        return ["java", DOCS / "java/Check.java", https, certificates, *paths]

    code, told = run(monkeypatch, tmp_path, command)
    assert (code, "no answer" in told) == (3, True), told


@pytest.mark.languages
@pytest.mark.parametrize(
    ("names", "code", "says"),
    [
        (["clean.png"] * 100, 0, ["release DECISION_ANONYMOUS"]),
        (["clean.png", "leak.png"], 1, ["leak.png keep back DECISION_NOT_ANONYMOUS"]),
        (["text.png", "clean.png"], 3, ["text.png keep back INVALID_ARGUMENT IMAGE_UNDECODABLE"]),
        ([SPACED, "clean.png"], 0, [f"{SPACED} release DECISION_ANONYMOUS"]),
    ],
    ids=["all", "some", "error", "name"],
)
def test_the_node_sample_streams_and_says_what_failed(monkeypatch, tmp_path, node, images, names, code, says):
    paths = images(dict.fromkeys(names)) if len(names) < 100 else images(["clean.png"]) * 100
    found, told = run(
        monkeypatch, tmp_path, lambda _, address, folder: ["node", node, address, folder, ROOT / "protos", *paths]
    )

    assert found == code, told
    assert all(words in told for words in says), told
    assert len(told.splitlines()) == len(paths)
    assert (judged(tmp_path / "clean.png") == PIXELS).all()
    assert outgoing(tmp_path) == {"clean.png", SPACED} & set(names)


@pytest.mark.languages
@pytest.mark.usefixtures("answers_about_another")
def test_the_node_sample_believes_no_answer_about_another_image(monkeypatch, tmp_path, node, images):
    paths = images(["clean.png"])
    code, told = run(
        monkeypatch, tmp_path, lambda _, address, folder: ["node", node, address, folder, ROOT / "protos", *paths]
    )

    assert (code, "about another image" in told, outgoing(tmp_path)) == (3, True, set()), told


@pytest.mark.languages
def test_the_node_sample_ends_with_an_error_where_it_may_not_call(monkeypatch, tmp_path, node, images):
    paths = images(["clean.png"])
    code, told = run(
        monkeypatch,
        tmp_path,
        lambda _, address, folder: ["node", node, address, folder.with_name("monitor"), ROOT / "protos", *paths],
    )

    assert (code, "PERMISSION_DENIED" in told) == (3, True), told
