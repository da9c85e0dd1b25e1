"""Compiles the search kernel into the wheel where there is a C compiler; without one the wheel has none, and works.

`python hatch_build.py` compiles it into a working copy.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = Path("services/cxrgate/index/engines/coded")
PLATFORMS = ("linux-x86_64", "macosx-x86_64")
FLAGS = ("-O3", "-std=gnu11", "-Wall", "-Wextra", "-ffp-contract=off", "-shared", "-fPIC")
"""A fused multiply-add (-ffp-contract) would give other distances than numpy's."""


def compile_kernel(root: Path, target: Path) -> bool:
    """Compile nearest.c to `target`; False where the platform has no kernel or there is no compiler that can."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None or not sysconfig.get_platform().startswith(PLATFORMS):
        return False
    made = target.with_suffix(f".{os.getpid()}")
    command = [compiler, *FLAGS, str(root / FOLDER / "nearest.c"), "-o", str(made), "-lm"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  (the compiler that CC names)
    if done.returncode != 0:
        print(f"the search kernel is left out, {compiler} refused it:\n{done.stderr}", file=sys.stderr)  # noqa: T201
        made.unlink(missing_ok=True)
        return False
    made.replace(target)
    return True


class KernelHook(BuildHookInterface):
    """Adds the kernel, and says in the wheel's name that it is one for this platform."""

    def initialize(self, version: str, build_data: dict) -> None:  # noqa: ARG002  (hatchling's signature)
        """Compile before the files are collected; in an editable installation into the working copy."""
        root = Path(self.root)
        library = root / FOLDER / "nearest.so"
        if not compile_kernel(root, library):
            library.unlink(missing_ok=True)
            return
        build_data["artifacts"].append(f"/{FOLDER}/nearest.so")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"


if __name__ == "__main__":
    sys.exit(not compile_kernel(Path(__file__).parent, Path(__file__).parent / FOLDER / "nearest.so"))
