import numpy as np
import pytest
from support.drawn_listing import everything, rows

from cxrgate.growth.galleries import Protocol, draw


@pytest.mark.parametrize("protocol", list(Protocol))
def test_a_drawing_is_exact_and_its_unenrolled_patients_are_not_in_it(protocol):
    listing = everything()
    gallery = draw(listing, np.ones(len(listing.patients), bool), protocol, 200, 1)

    assert len(set(gallery.enrolled.tolist())) == 200
    enrolled = set(listing.patients[gallery.enrolled].tolist())
    assert not enrolled & set(listing.patients[gallery.unenrolled].tolist())
    assert set(listing.patients[gallery.queries].tolist()) <= enrolled
    assert not set(gallery.queries.tolist()) & set(gallery.enrolled.tolist())
    assert listing.unseen[gallery.queries].all()


def test_one_reference_protocol_enrols_every_patient_once():
    listing = everything()
    gallery = draw(listing, np.ones(len(listing.patients), bool), Protocol.ONE_REFERENCE, 200, 1)

    assert len(np.unique(listing.patients[gallery.enrolled])) == 200


def test_seen_patients_only_fill_what_the_others_leave_empty():
    found = {(row.protocol, row.references): row for row in rows()}

    assert found[Protocol.ONE_REFERENCE, 100].filled == 0
    assert found[Protocol.ONE_REFERENCE, 200].filled > 0
