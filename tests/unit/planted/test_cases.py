"""Cases through a gate of fake stages."""

import asyncio
import math
from dataclasses import replace

import numpy as np
import pytest
from support.fake_gate import BROKEN, CLEAN, LEAK, TEXT, Stages
from support.fakes import POLICY
from support.recorded_cases import cases as made_up

from cxrgate.core import Failure, Stage, UsageError
from cxrgate.core.standout import Cohort, Standout
from cxrgate.gate.pipeline import Gate
from cxrgate.planted.cases import COLUMNS, STANDOUTS, CaseKind, PlantedCase, check_cases, read_cases


def check(*cases):
    stages = Stages()
    return asyncio.run(_check(stages, cases))


async def _check(stages, cases):
    return await check_cases(Gate(stages, stages, stages, stages, POLICY), cases)


def test_a_row_says_what_the_case_was_and_what_the_gate_said():
    table = check(
        PlantedCase(LEAK, CaseKind.LEAK, "patient1", "blend", "30 %", "first"),
        PlantedCase(CLEAN, CaseKind.UNENROLLED, "patient2"),
    )

    assert tuple(table.columns) == (*COLUMNS, *STANDOUTS)
    assert table[list(STANDOUTS)].isna().all(axis=None)  # nobody asked for any
    assert table["decision"].tolist() == ["NOT_ANONYMOUS", "ANONYMOUS"]
    assert table.loc[0, ["kind", "leak_class", "strength", "variant"]].tolist() == ["leak", "blend", "30 %", "first"]
    assert table.loc[0, "score"] == 0.987654321
    assert table.loc[0, "reasons"] == "SAME_PATIENT"


class Standing(Stages):
    """Says how similar other patients are, as an index does."""

    async def search(self, queries):
        return [replace(found, cohort=Cohort(0.1, 0.05, 10)) for found in await super().search(queries)]


def test_what_stands_out_is_recorded_with_all_that_it_was_made_of():
    standout = Standout(0.5, 0.05, 0.2)
    stages = Standing()
    gate = Gate(stages, stages, stages, stages, POLICY)
    cases = [PlantedCase(LEAK, CaseKind.LEAK, "patient1"), PlantedCase(TEXT, CaseKind.LEAK, "patient2")]
    table = asyncio.run(check_cases(gate, cases, standout=standout))
    row = table.loc[0]
    cohort = Cohort(row["cohort_mean"], row["cohort_spread"], int(row["cohort_size"]))
    again = standout(np.array([row["near_distance"]]), np.array([row["near_score"]]), cohort)

    assert again.tolist() == [row["standout"]]
    assert 0 < row["standout"] < 1
    assert table.loc[1, list(STANDOUTS)].isna().all()


def test_found_says_whether_the_source_was_among_the_candidates():
    cases = [PlantedCase(LEAK, CaseKind.LEAK, patient) for patient in ("patient0", "patient9")]

    assert check(*cases, PlantedCase(CLEAN, CaseKind.UNENROLLED, "patient0"))["found"].tolist() == [True, False, False]


def test_a_case_without_evidence_has_failed_and_has_no_numbers():
    table = check(PlantedCase(TEXT, CaseKind.LEAK, "patient0"), PlantedCase(BROKEN, CaseKind.OUTLIER))

    assert table["failed"].tolist() == [True, True]
    assert table["refused"].tolist() == [True, False]
    assert table["decision"].tolist() == ["INDETERMINATE"] * 2
    assert table["reasons"].tolist() == ["IMAGE_UNDECODABLE", "NONFINITE"]
    assert all(
        math.isnan(value) for value in table[["score", "similarity", "typicality", "frontality"]].to_numpy().ravel()
    )


@pytest.mark.parametrize("reason", ["DECODER_TIMEOUT", "DECODER_MEMORY", "DECODER_DIED"])
def test_what_this_machine_could_not_decode_is_not_refused_for_good(reason):
    class Slow(Stages):
        def _image(self, record):
            return Failure(record.image_id, Stage.DECODE, "INVALID_ARGUMENT", reason, "expected to be decoded")

    stages = Slow()
    assert asyncio.run(_check(stages, [PlantedCase(LEAK, CaseKind.LEAK)]))["refused"].tolist() == [False]


def test_cases_of_an_earlier_version_are_refused_by_what_they_lack(tmp_path):
    check(PlantedCase(LEAK, CaseKind.LEAK)).drop(columns=["frontality", "refused"]).to_parquet(
        tmp_path / "cases.parquet"
    )

    with pytest.raises(UsageError, match="lacks frontality, refused"):
        read_cases(tmp_path / "cases.parquet")


@pytest.mark.parametrize("more", [{"failed": False}, {"failed": True, "decision": "ANONYMOUS"}])
def test_a_leak_with_a_verdict_cannot_be_said_to_be_refused(tmp_path, more):
    made_up("leak", [0.1], refused=True, **more).to_parquet(tmp_path / "cases.parquet")

    with pytest.raises(UsageError, match="1 cases"):
        read_cases(tmp_path / "cases.parquet")


def test_cases_are_made_while_the_gate_works_and_keep_their_order():
    taken = []

    def made():
        for number in range(200):
            taken.append(number)
            yield PlantedCase(LEAK if number % 3 else CLEAN, CaseKind.LEAK, variant=str(number))

    table = asyncio.run(_check(Stages(), made()))

    assert table["variant"].tolist() == [str(number) for number in range(200)]
    assert (table["decision"] == "ANONYMOUS").tolist() == [number % 3 == 0 for number in range(200)]
