"""What the index says of itself, and of its references page by page."""

import base64

import pytest
from support.index_calls import refused, run
from support.random_snapshots import MODELS

from cxrgate.api.index.v1 import index_service_pb2 as pb


def test_index_says_what_it_was_built_with(store, template, digests):
    answer = run(store, lambda stub: stub.GetIndex(pb.GetIndexRequest(), timeout=5))

    assert answer.index.digest == digests[0]
    assert (answer.index.retrieval_model_digest, answer.index.verification_model_digest) == (
        MODELS.retrieval,
        MODELS.verification,
    )
    assert (answer.index.reference_count, answer.index.patient_count, answer.index.identity_dimensions) == (30, 15, 16)
    manifest = template[1].manifest
    assert (answer.index.excluded_count, answer.index.images_digest) == (2, manifest.images)


def test_pages_list_every_reference_once_and_in_order(store, template):
    async def pages(stub):
        found, token = [], ""
        while True:
            page = await stub.ListReferences(pb.ListReferencesRequest(page_size=7, page_token=token), timeout=5)
            found += page.references
            token = page.next_page_token
            if not token:
                return found

    found = run(store, pages, "curator")
    assert [item.reference_id for item in found] == [row.tobytes() for row in template[1].reference_ids]
    assert [item.patient_key for item in found] == [row.tobytes() for row in template[1].patient_keys]


BEFORE_THE_FIRST = base64.urlsafe_b64encode(b" -5").decode()


@pytest.mark.parametrize("token", ["x", "AAAA", "é", "=" * 10000, BEFORE_THE_FIRST])
def test_invented_page_tokens_are_refused(store, token):
    request = pb.ListReferencesRequest(page_token=token)

    assert refused(store, lambda stub: stub.ListReferences(request, timeout=5), "curator")[0] == "INVALID_ARGUMENT"
