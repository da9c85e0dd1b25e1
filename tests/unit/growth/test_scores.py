import dataclasses

import numpy as np
import pytest
from support.drawn_listing import everything
from support.measured_references import TERMS

from cxrgate.growth.scores import Scores
from cxrgate.index.measuring.asking import Asking


def test_it_asks_as_a_snapshot_measures_itself():
    listing = everything()
    gallery = np.flatnonzero(listing.patients < 150)
    rows = gallery[::7]
    own = listing.patients[gallery]
    part = dataclasses.replace(
        listing.references,
        **{name: getattr(listing.references, name)[gallery] for name in ("identity", "features")},
        cosines={"copy": listing.references.cosines["copy"][gallery]},
        patient_keys=listing.references.patient_keys[gallery],
    )
    asking = Asking(part, TERMS, own)
    places = np.searchsorted(gallery, rows)
    expected = asking.ask(places, [np.flatnonzero(own == own[place]) for place in places])
    found = Scores(listing, TERMS).ask(rows, gallery, as_unenrolled=True)

    assert found.margins == pytest.approx(expected.margins, abs=1e-5)
    assert found.cosines == pytest.approx(expected.cosines, abs=1e-5)
