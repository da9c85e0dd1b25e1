"""The figures as tables to read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.table import Table

from cxrgate.evaluate.evaluation import Evaluation
from cxrgate.growth.tables import figure_cell, growth_tables

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
            table.add_row(group, *numbers, *[figure_cell(row[key]) for key in figures])
        yield table
    yield from growth_tables(name, evaluation.growth)
    if evaluation.subgroups:
        yield _subgroups(name, evaluation)


def _subgroups(name: str, evaluation: Evaluation) -> Table:
    title = "Verification by views, and by the difference of follow_up (in the listing's unit; it may not be time)"
    heads = ("group", "pairs", "of one patient", "AUC", "TPR at FPR 1 %")
    table = Table(*heads, title=f"{name}. {title}", title_justify="left")
    for part in evaluation.subgroups:
        cells = [figure_cell(part.figures[key]) for key in ("auc", "tpr_at_fpr_1pct")]
        table.add_row(part.group, part.name, str(part.pairs), *cells)
    return table


def _count(counts: Mapping[str, int], key: str) -> str:
    more = f" ({counts[_INDETERMINATE[key]]})" if key in _INDETERMINATE else ""
    return f"{counts[key]}{more}"
