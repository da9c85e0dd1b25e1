"""The figures as tables to read."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from rich.table import Table

from cxrgate.evaluate.evaluation import Evaluation
from cxrgate.growth.extrapolation import FAR
from cxrgate.train.scoring.figures import Figure

_TABLES = (
    (
        "Verification: pairs within a source, scored by the verification model",
        {"images": "images", "patients": "patients", "same_patient_pairs": "same-patient pairs"},
        {"auc": "AUC", "tpr_at_fpr_1pct": "TPR at FPR 1 %", "tpr_at_fpr_0.1pct": "TPR at FPR 0.1 %"},
    ),
    (
        "Retrieval: each image searches the others of its source by the retrieval model",
        {"queries": "queries"},
        {"p_at_1": "P@1", "map_at_r": "mAP@R", "r_precision": "R-precision"},
    ),
    (
        "The gate at the default rule (in brackets: INDETERMINATE)",
        {"enrolled": "enrolled", "others": "others checked", "strangers": "unenrolled checked"},
        {"sensitivity": "sensitivity: others not released", "specificity": "specificity: unenrolled released"},
    ),
    (
        "Copies above the copy threshold that flags 5 % of all unenrolled patients",
        {"enrolled": "copies"},
        {"strangers_flagged": "unenrolled flagged", "medium_copy": "medium", "strong_copy": "strong"},
    ),
    (
        "Copies that the whole gate does not release at the default rule",
        {"enrolled": "copies"},
        {"medium_copy_gate": "medium", "strong_copy_gate": "strong"},
    ),
)
_INDETERMINATE = {
    "others": "others_indeterminate",
    "strangers": "strangers_indeterminate",
}


def tables(name: str, evaluation: Evaluation) -> Iterator[Table]:
    """One table per question, one row per group; 95 % intervals."""
    for title, counts, figures in _TABLES:
        table = Table("group", title=f"{name}. {title}", title_justify="left")
        for head in (*counts.values(), *figures.values()):
            table.add_column(head, justify="right")
        for group, row in evaluation.figures.items():
            numbers = [_count(evaluation.counts[group], key) for key in counts]
            table.add_row(group, *numbers, *[_cell(row[key]) for key in figures])
        yield table
    if evaluation.growth:
        yield _growth(name, evaluation)
    if evaluation.extrapolated:
        yield _extrapolated(name, evaluation)
    if evaluation.subgroups:
        yield _subgroups(name, evaluation)


def _growth(name: str, evaluation: Evaluation) -> Table:
    title = "What is recognised as the index grows, and which unenrolled patients are flagged (spread over the draws)"
    heads = ("source", "enrolled", "references", "of seen patients", "queried patients", "promised")
    table = Table(*heads, "recognised", "flagged", title=f"{name}. {title}", title_justify="left")
    for row in evaluation.growth:
        for rate, recognised in row.recognised.items():
            flagged = f"{row.flagged[rate].value:.3f} (±{row.spread[rate]:.3f})"
            about = (row.source, row.protocol.value.replace("_", " "), f"{row.references:,}", f"{row.filled:,.0f}")
            table.add_row(*about, str(row.queries), f"{100 * rate:g} %", _cell(recognised), flagged)
    return table


def _extrapolated(name: str, evaluation: Evaluation) -> Table:
    title = f"Extrapolated to {FAR:,} references: probit of the share linear in log N (Gumbel limit of the largest)"
    heads = ("enrolled", "promised", "recognised", "check at", "measured", "foretold from smaller sizes")
    table = Table(*heads, title=f"{name}. {title}", title_justify="left")
    for item in evaluation.extrapolated:
        about = (item.protocol.value.replace("_", " "), f"{100 * item.rate:g} %", _cell(item.share))
        table.add_row(*about, f"{item.largest:,}", f"{item.measured:.3f}", f"{item.foretold:.3f}")
    return table


def _subgroups(name: str, evaluation: Evaluation) -> Table:
    title = "Verification by views, and by the difference of follow_up (in the listing's unit; it may not be time)"
    heads = ("group", "pairs", "of one patient", "AUC", "TPR at FPR 1 %")
    table = Table(*heads, title=f"{name}. {title}", title_justify="left")
    for part in evaluation.subgroups:
        cells = [_cell(part.figures[key]) for key in ("auc", "tpr_at_fpr_1pct")]
        table.add_row(part.group, part.name, str(part.pairs), *cells)
    return table


def _count(counts: Mapping[str, int], key: str) -> str:
    more = f" ({counts[_INDETERMINATE[key]]})" if key in _INDETERMINATE else ""
    return f"{counts[key]}{more}"


def _cell(figure: Figure) -> str:
    if math.isnan(figure.value):
        return "-"
    return f"{figure.value:.3f} ({figure.low:.3f}-{figure.high:.3f})"
