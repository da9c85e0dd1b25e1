"""The extras that cxrgate is installed with, and what to say where one is missing. Standard library alone."""

from __future__ import annotations

EXTRAS = {
    "index": "the command line, the index service, certificates and health checks; no torch",
    "gate": "the filter and its service: `cxrgate run`, `demo`, `serve gate`",
    "torch": "GPUs, and the import of checkpoints: `cxrgate model import`, anonymization-pipeline's steps",
    "train": "training",
    "stack": "containers on this host: `cxrgate stack`, `doctor`",
    "rest": "the gate over HTTPS and JSON: `cxrgate serve gate --https`",
    "review": "the reviewers' page",
    "dicom": "the DICOM receiver",
    "audit": "`cxrgate audit`",
    "export": "`cxrgate model export`: repositories for Triton and OpenVINO Model Server",
    "ray": "several machines: `--engine ray`",
    "serve": "TorchServe: `cxrgate serve models`",
}
"""Each extra of pyproject.toml that commands need, and what it is for; all contain `index`."""


def without_extra(extra: str, package: str) -> str:
    """What a user reads who called a command that needs an extra.

    Args:
        extra: a key of EXTRAS.
        package: the module that is not there.
    """
    return f"this command needs the extra `{extra}` ({package} is missing): pip install 'cxrgate[{extra}]'"


def without_command_line(package: str) -> str:
    """What a user reads who calls `cxrgate` where the client alone is installed."""
    lines = [f"  cxrgate[{extra}]{'':{8 - len(extra)}} {what}" for extra, what in EXTRAS.items()]
    return "\n".join(
        [
            f"cxrgate: only the client is installed here ({package} is missing). The command line comes with the extra",
            "`index`: pip install 'cxrgate[index]'. Its commands need one of these extras:",
            *lines,
        ]
    )
