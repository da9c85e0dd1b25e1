"""The option by which a deployment says that its gate may not be served without a certificate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

CertificationKey = Annotated[
    Path | None,
    typer.Option(
        envvar="CXRGATE_CERTIFICATION_KEY",
        help="Public key that the configuration must ask for certificates by; no other configuration is served then.",
    ),
]
