"""The blocks of "Deploy with Docker", in order; what `make up` and `make up-demo` are, the Makefile says."""

import subprocess
import sys
from pathlib import Path

import pytest
from support.container_stack import DEPLOY, MODELS, PROJECT
from support.installations import ROOT
from support.manual_blocks import command_lines

from cxrgate.demo.dataset import Extent, write_dataset
from cxrgate.serving.address import free_port

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1200)]

PAGE = "tutorials/deploy.md"
CXRGATE = str(Path(sys.executable).with_name("cxrgate"))
LISTEN = f"127.0.0.1:{free_port('127.0.0.1')}"


def by_make(words):
    """What a target of the Makefile runs, without the environment that it makes first."""
    done = subprocess.run(
        ["make", "--just-print", "--no-print-directory", *words[1:]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()[-1].split()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the reader stands: beside deploy/, with real images at the place that the page names."""
    folder = tmp_path_factory.mktemp("deploy")
    folder.chmod(0o755)
    (folder / "deploy").symlink_to(DEPLOY)
    write_dataset(folder / "data", 7, Extent(patients=4, others=4, views=2, copies=1))
    return folder


def test_the_page_starts_a_stack_that_answers(folder):
    more = {
        "up": ["--models", str(MODELS), "--listen", LISTEN, "--project", PROJECT],
        "demo": ["--listen", f"127.0.0.1:{free_port('127.0.0.1')}", "--project", f"{PROJECT}-demo"],
    }
    places = {
        "/data/real.csv": str(folder / "data/real.csv"),
        "localhost:8443": LISTEN.replace("127.0.0.1", "localhost"),
    }
    answers = {}
    try:
        for line in command_lines(PAGE):
            words = by_make(line) if line[0] == "make" else line
            assert words[0] == ".stack/bin/cxrgate"
            called = [CXRGATE, *(places.get(word, word) for word in words[1:]), *more.get(words[2], [])]
            answers[" ".join(line)] = subprocess.run(called, cwd=folder, capture_output=True, text=True, check=False)
    finally:
        for state in ("state", "out/stack/state"):
            down = [CXRGATE, "stack", "down", "--state", state, "--deploy", str(DEPLOY)]
            subprocess.run(down, cwd=folder, check=False)

    assert [done.returncode for done in answers.values()] == [0] * 4, {
        line: (done.returncode, done.stdout[-2000:], done.stderr[-2000:]) for line, done in answers.items()
    }
    assert "SERVING" in list(answers.values())[-1].stdout
