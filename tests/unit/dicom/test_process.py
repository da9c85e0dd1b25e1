"""What the receiver's process lets out of the libraries that it reads objects with."""

import io
import logging
import warnings

import pytest
from pydicom import dcmread
from support.dicom_receiver import as_file, radiograph

from cxrgate.dicom.process import quiet_libraries

QUOTED = b"CANARY_100"
"""No character set: pydicom warns of it, and quotes it."""


@pytest.fixture(autouse=True)
def _levels():
    """Leave the libraries' loggers as they were."""
    loggers = [logging.getLogger(name) for name in ("pydicom", "pynetdicom")]
    levels = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.mark.parametrize("quiet", [False, True])
def test_a_library_quotes_no_value_in_a_quiet_process(caplog, quiet):
    content = as_file(radiograph(1, SpecificCharacterSet="ISO_IR 100")[0]).replace(b"ISO_IR 100", QUOTED, 1)
    caplog.clear()

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if quiet:
            quiet_libraries()
        str(dcmread(io.BytesIO(content)))

    said = [str(warning.message) for warning in caught], caplog.messages
    assert [bool(words) for words in said] == [not quiet] * 2
