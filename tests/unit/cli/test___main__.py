import subprocess
import sys
from importlib.metadata import entry_points

SCRIPT = """
import sys
from cxrgate.cli.__main__ import main
print(sorted({"numpy", "pandas", "scipy", "torch", "typer"} & set(sys.modules)))
"""


def test_script_starts_there():
    (script,) = entry_points(group="console_scripts", name="cxrgate")

    assert script.value == "cxrgate.cli.__main__:main"


def test_what_each_worker_imports_again_is_light():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def test_it_is_the_whole_command_line():
    command = [sys.executable, "-m", "cxrgate.cli", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert "released" in done.stdout
