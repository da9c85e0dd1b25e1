"""Decode workers in scripts as people write them: no guard, from a file and from standard input."""

import subprocess
import sys

import pytest

SCRIPT = """
import asyncio, io
from PIL import Image
print("script runs")

class Own:
    '''What only this script defines.'''

from cxrgate.core import ImageRecord
from cxrgate.images.sandbox.decoder import SandboxedDecoder
content = io.BytesIO()
Image.new("L", (64, 64), 7).save(content, "PNG")
with SandboxedDecoder(2) as decoder:
    images = asyncio.run(decoder.decode([ImageRecord(str(i), content.getvalue()) for i in range(4)]))
print([int(image.pixels[0, 0]) for image in images])
"""


@pytest.mark.parametrize("way", ["file", "standard input", "command line", "module"])
def test_a_script_without_a_guard_runs_once(way, tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    words = {
        "file": ["script.py"],
        "standard input": ["-"],
        "command line": ["-c", SCRIPT],
        "module": ["-m", "script"],
    }[way]
    done = subprocess.run(
        [sys.executable, *words],
        input=SCRIPT if way == "standard input" else "",
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["script runs", "[7, 7, 7, 7]"]
