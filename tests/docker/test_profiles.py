"""What a stack starts where it is asked for, in real containers: the DICOM receiver and the reviewers' page."""

import os
import re
import ssl
import time

import httpx
import numpy as np
import pytest
from pydicom import dcmread
from support.container_stack import Stack, images_below
from support.dicom_receiver import MARKER, association, radiograph
from support.reviewed_run import write_run

from cxrgate.client import Decision
from cxrgate.core import ImageRecord
from cxrgate.core.digest import file_digest
from cxrgate.demo.dataset import Extent, write_dataset
from cxrgate.hashlog import read_lines
from cxrgate.images.codec.decode import decode
from cxrgate.serving.address import free_port
from cxrgate.stack.state import container_user

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1200)]

SENDER = "GENERATOR"
PORTS = {name: free_port("127.0.0.1") for name in ("DICOM", "STOW", "REVIEW", "HTTPS")}
SECONDS = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A drawn data set, and a finished run that belongs to the containers' user."""
    folder = tmp_path_factory.mktemp("profiles")
    folder.chmod(0o755)
    write_dataset(folder / "data", 7, Extent(patients=4, others=4, views=2, copies=1))
    write_run(folder / "run")
    for path in [folder / "run", *(folder / "run").rglob("*")]:
        os.chown(path, *container_user())
    return folder


@pytest.fixture(scope="module")
def stack(folder):
    stack = Stack(folder)
    stack.state.mkdir()
    listening = [f"CXRGATE_{name}_LISTEN='127.0.0.1:{port}'\n" for name, port in PORTS.items()]
    (stack.state / "stack.env").write_text("".join(["CXRGATE_LOG_LEVEL='DEBUG'\n", *listening]))
    try:
        asked = ["--dicom", SENDER, "--review", folder / "run", "--https", f"127.0.0.1:{PORTS['HTTPS']}"]
        started = stack.up("--images", folder / "data" / "real.csv", *asked)
        assert started.exit_code == 0, started.output
        yield stack
    finally:
        stack.remove()


def context(stack, name):
    """A caller's side of TLS, with the certificate of `name`; None has none."""
    context = ssl.create_default_context(cafile=str(stack.state / "certificates" / "generator" / "ca.crt"))
    if name is not None:
        folder = stack.state / "certificates" / name
        context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    return context


def first_released(stack, folder):
    """Pixels of a drawing that the gate lets out."""
    images = images_below(folder / "data" / "synthetic")
    verdicts = {item.image_id: item.decision for item in stack.check(images)}
    image = next(item for item in images if verdicts[item.image_id] is Decision.ANONYMOUS)
    return decode(ImageRecord(image.image_id, image.content)).pixels


def test_a_drawing_that_is_sent_goes_out_as_a_new_object(stack, folder):
    pixels = first_released(stack, folder)
    size = {"Rows": pixels.shape[0], "Columns": pixels.shape[1], "WindowCenter": 128, "WindowWidth": 256}
    sent = radiograph(1, PixelData=pixels.tobytes(), **size)[0]
    with association(PORTS["DICOM"], SENDER, tls_args=(context(stack, "generator"), "localhost")) as opened:
        assert opened.send_c_store(sent).Status == 0
    released, end = stack.state / "dicom" / "released", time.monotonic() + SECONDS
    while not list(released.glob("*.dcm")):
        assert time.monotonic() < end, stack.container("receiver").logs().decode()
        time.sleep(0.2)

    (path,) = released.glob("*.dcm")
    (line,) = read_lines(stack.state / "dicom" / "log" / "dicom.log")
    found = dcmread(path)
    assert (line.content["released_as"], line.content["released_sha256"]) == (path.name, file_digest(path))
    assert np.array_equal(found.pixel_array, pixels)
    assert found.SOPInstanceUID not in {sent.SOPInstanceUID, sent.StudyInstanceUID, sent.SeriesInstanceUID}
    assert MARKER.encode() not in path.read_bytes()


def test_the_receiver_takes_nothing_without_a_certificate_from_another_role_or_title(stack):
    with association(PORTS["DICOM"], SENDER) as opened:
        assert not opened.is_established
    for title, name in ((SENDER, "reviewer"), ("OTHER", "generator")):
        with association(PORTS["DICOM"], title, tls_args=(context(stack, name), "localhost")) as opened:
            assert not opened.is_established
    with (
        httpx.Client(verify=context(stack, None), trust_env=False) as client,
        pytest.raises(httpx.TransportError),
    ):
        client.post(f"https://localhost:{PORTS['STOW']}/studies")


def test_the_gate_answers_over_https_as_over_grpc(stack, folder):
    image = images_below(folder / "data" / "synthetic")[0]
    (over_grpc,) = stack.check([image])
    asked = {"image_id": "image", "return_image": "false"}
    address = f"https://localhost:{PORTS['HTTPS']}"
    with httpx.Client(base_url=address, verify=context(stack, "generator"), trust_env=False) as client:
        kind = {"content-type": "application/octet-stream"}
        answer = client.post("/v1/check", params=asked, content=image.content, headers=kind)

    assert (answer.status_code, answer.json()["decision"]) == (200, str(over_grpc.decision)), answer.text
    with httpx.Client(base_url=address, verify=context(stack, "monitor"), trust_env=False) as client:
        assert client.get("/v1/policy").status_code == 403


def test_a_one_time_link_lets_a_reviewer_in_whose_withholding_leaves_the_run(stack, folder):
    address = f"localhost:{PORTS['REVIEW']}"
    command = ["cxrgate", "review", "link", "dr.a", "--key", "/run/secrets/review.key", "--address", address]
    link = stack.container("review").exec_run(command).output.decode().strip()
    with httpx.Client(base_url=f"https://{address}", verify=context(stack, None), trust_env=False) as browser:
        assert browser.get("/").status_code == 401
        assert "a/nearest.png" in browser.post(link, follow_redirects=True).text
        assert browser.post(link).status_code == 410
        fields = dict(re.findall(r'name="(csrf|pixels|policy)" value="([^"]*)"', browser.get("/cases/1").text))
        decided = browser.post("/cases/1", data={**fields, "choice": "overrule", "reason": "Too alike."})

    assert decided.status_code == 303
    assert {path.name for path in (folder / "run/released").rglob("*.png")} == {"clear.png", "near.png"}


def test_nothing_that_they_wrote_names_a_sent_patient_or_a_link(stack):
    written = {name: stack.container(name).logs() for name in ("receiver", "review", "models", "index")}
    for folder in ("dicom", "review"):
        written |= {str(path): path.read_bytes() for path in (stack.state / folder).rglob("*") if path.is_file()}

    written["receiver metrics"] = stack.metrics("receiver")

    assert not [name for name, text in written.items() if MARKER.encode() in text or b"/enter/" in text]
    assert b"cxrgate_dicom_answered_total 1.0" in written["receiver metrics"]
    assert SENDER.encode() not in written["receiver metrics"]
    assert all(b'"DEBUG"' in written[service] for service in ("receiver", "review"))
    assert written[str(stack.state / "review" / "review.log")].count(b"\n") > 0


@pytest.mark.parametrize("service", ["receiver", "review"])
def test_what_is_asked_for_has_no_rights_either(stack, service):
    attributes = stack.container(service).attrs

    assert attributes["Config"]["User"].partition(":")[0] not in {"", "0", "root"}
    assert (attributes["HostConfig"]["ReadonlyRootfs"], attributes["HostConfig"]["CapDrop"]) == (True, ["ALL"])
    stack.run(service, "open('/usr/local/planted', 'w')", expected=1)
