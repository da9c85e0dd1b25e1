"""Pairs to look at in a notebook: each image beside the reference that counted most."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape

from cxrgate.core import Decision
from cxrgate.filter.verdict import Verdict

_STYLE = (
    ".cxrgate-gallery{display:grid;grid-template-columns:repeat(auto-fill,minmax(21rem,1fr));gap:1rem}"
    ".cxrgate-gallery figure{margin:0}"
    ".cxrgate-gallery .pair{display:flex;gap:2px;align-items:center}"
    ".cxrgate-gallery img,.cxrgate-gallery .none{width:160px;max-width:50%}"
    ".cxrgate-gallery .none{padding:4.5rem 0;text-align:center;opacity:.7}"
    ".cxrgate-gallery figcaption{font-size:.85em;line-height:1.4;overflow-wrap:anywhere}"
)


@dataclass(frozen=True, slots=True)
class Gallery:
    """Shown by Jupyter as HTML, with the pictures in it: it needs no files, and holds real patients' images.

    Attributes:
        verdicts: what is shown.
        references: a small PNG of the nearest reference for each of them, b"" where there is none.
    """

    verdicts: Sequence[Verdict]
    references: Sequence[bytes] = field(repr=False)

    def _repr_html_(self) -> str:
        pairs = "".join(self._pairs())
        return f'<style>{_STYLE}</style><div class="cxrgate-gallery">{pairs or "no images"}</div>'

    def _pairs(self) -> Iterator[str]:
        for verdict, reference in zip(self.verdicts, self.references, strict=True):
            left = _picture(verdict.preview, "image", "no picture of it")
            right = _picture(reference, "nearest reference", "no picture of the reference")
            yield f'<figure><div class="pair">{left}{right}</div><figcaption>{_caption(verdict)}</figcaption></figure>'


def _picture(content: bytes, name: str, without: str) -> str:
    if not content:
        return f'<div class="none">{without}</div>'
    return f'<img alt="{name}" src="data:image/png;base64,{base64.b64encode(content).decode()}">'


def _caption(verdict: Verdict) -> str:
    counted = verdict.nearest or verdict
    numbers = (("standout", counted.standout), ("score", counted.score), *counted.similarities.items())
    told = " · ".join(f"{name} {value:.3f}" for name, value in numbers if value is not None)
    reasons = ", ".join(verdict.reasons) or ("borderline" if verdict.borderline else "")
    word = verdict.decision.value if verdict.decision is Decision.ANONYMOUS else f"<b>{verdict.decision.value}</b>"
    lines = [escape(verdict.image_id), f"{word} {escape(reasons)}".strip(), told, escape(verdict.message)]
    return "<br>".join(line for line in lines if line)
