import pytest
from support.bad_dicoms import UNREADABLE_KINDS, as_another_kind, with_private_elements
from support.dicom_receiver import as_file, radiograph
from support.grpc_servers import ROLES
from support.reviewed_run import Browser

from cxrgate.dicom.counts import Counts
from cxrgate.dicom.senders import Senders
from cxrgate.dicom.spool import Spool, SpoolLimits
from cxrgate.dicom.stow import Stow, make_stow

GENERATOR = "spiffe://cxrgate/generator"
TYPE = 'multipart/related; type="application/dicom"; boundary=xyz'


class Sender:
    def __init__(self, folder, peer=GENERATOR, limits=None, done=()):
        self.spool = Spool(folder, limits)
        self.arrived, self.failed = [], []
        notes = (lambda: self.arrived.append(1), lambda: self.failed.append(1))
        self.counts = Counts(self.spool)
        stow = Stow(self.spool, done.__contains__, *notes, Senders(ROLES, self.counts), self.counts)
        self.browser = Browser(make_stow(stow), peer)

    def send(self, *contents, content_type=TYPE, end=b"--xyz--\r\n", path="/studies"):
        parts = [b"--xyz\r\nContent-Type: application/dicom\r\n\r\n" + content + b"\r\n" for content in contents]
        return self.browser.post(path, content=b"".join([*parts, end]), headers={"content-type": content_type})

    def count(self, name, **labels):
        return self.counts.registry.get_sample_value(f"cxrgate_dicom_{name}_total", labels)

    def waiting(self):
        return [(entry.caller, entry.path.read_bytes()) for entry in self.spool.entries()]


def uids(answer, name):
    return [item["00081155"]["Value"][0] for item in answer.json().get(name, {"Value": []})["Value"]]


def test_every_instance_is_on_the_disk_when_it_is_acknowledged(tmp_path):
    datasets = [radiograph(number)[0] for number in (1, 2)]
    sender = Sender(tmp_path)

    answer = sender.send(*map(as_file, datasets))

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/dicom+json")
    assert uids(answer, "00081199") == [dataset.SOPInstanceUID for dataset in datasets]
    assert sender.waiting() == [("generator", as_file(dataset)) for dataset in datasets]
    assert len(sender.arrived) == 2


@pytest.mark.parametrize(
    ("peer", "reason"),
    [(None, "IDENTITY"), ("spiffe://cxrgate/reviewer", "ROLE"), ("spiffe://cxrgate/nobody", "IDENTITY")],
)
def test_only_generators_may_send(tmp_path, peer, reason):
    sender = Sender(tmp_path, peer)

    assert sender.send(as_file(radiograph(1)[0])).status_code == 403
    assert (sender.waiting(), sender.count("refused", reason=reason)) == ([], 1)


def test_what_is_no_dicom_fails_alone(tmp_path):
    sender = Sender(tmp_path)

    answer = sender.send(b"text", as_file(radiograph(1)[0]), b"")

    assert answer.status_code == 202
    assert len(answer.json()["00081198"]["Value"]) == 2
    assert sender.send(b"text").status_code == 409
    assert len(sender.waiting()) == 1
    assert (sender.count("received"), sender.count("refused", reason="C000")) == (1, 3)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"Modality": "CT"}, 0xA900),
        ({"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3}, 0xA900),
        ({"NumberOfFrames": 2}, 0xA900),
        ({"Rows": 8}, 0xA900),
        ({"BitsStored": 3}, 0xC000),
        ({"Rows": None}, 0xC000),
    ],
)
def test_what_the_header_rules_out_is_refused_before_it_is_kept(tmp_path, changes, reason):
    sender = Sender(tmp_path)

    answer = sender.send(as_file(radiograph(1, **changes)[0]))

    assert answer.status_code == 409
    assert answer.json()["00081198"]["Value"][0]["00081197"]["Value"] == [reason]
    assert sender.waiting() == []


def test_a_study_takes_its_own_instances_only(tmp_path):
    sender, (own, other) = Sender(tmp_path), (radiograph(number)[0] for number in (1, 2))

    answer = sender.send(as_file(own), as_file(other), path=f"/studies/{own.StudyInstanceUID}")

    assert answer.status_code == 202
    assert uids(answer, "00081199") == [own.SOPInstanceUID]
    assert answer.json()["00081198"]["Value"][0]["00081197"]["Value"] == [0xA900]


@pytest.mark.parametrize("kind", UNREADABLE_KINDS)
def test_a_uid_that_cannot_be_read_fails_its_instance_alone(tmp_path, kind):
    sender, (good, bad) = Sender(tmp_path), (as_file(radiograph(number)[0]) for number in (1, 2))

    answer = sender.send(good, as_another_kind(bad, (0x0008, 0x0018), kind))

    assert answer.status_code == 202
    assert answer.json()["00081198"]["Value"][0]["00081197"]["Value"] == [0xC000]
    assert [content for _, content in sender.waiting()] == [good]


@pytest.mark.parametrize("kind", UNREADABLE_KINDS)
def test_an_instance_whose_study_cannot_be_read_is_of_another_study(tmp_path, kind):
    sender, (good, bad) = Sender(tmp_path), (radiograph(number)[0] for number in (1, 2))
    contents = as_file(good), as_another_kind(as_file(bad), (0x0020, 0x000D), kind)

    answer = sender.send(*contents, path=f"/studies/{good.StudyInstanceUID}")

    assert answer.status_code == 202
    assert uids(answer, "00081199") == [good.SOPInstanceUID]
    assert answer.json()["00081198"]["Value"][0]["00081197"]["Value"] == [0xA900]


def test_an_instance_with_too_many_elements_is_refused_before_it_is_kept(tmp_path):
    sender = Sender(tmp_path)

    answer = sender.send(with_private_elements(200_000))

    assert answer.status_code == 409
    assert answer.json()["00081198"]["Value"][0]["00081197"]["Value"] == [0xC000]
    assert sender.waiting() == []


def test_a_refusal_says_in_a_sentence_why(tmp_path):
    content = as_file(radiograph(1)[0])

    assert "may not send" in Sender(tmp_path, None).send(content).text
    assert "multipart/related" in Sender(tmp_path).send(content, content_type="text/plain").text
    assert "no whole multipart" in Sender(tmp_path).send(content, end=b"").text


def test_an_instance_that_is_too_large_is_refused_and_not_held(tmp_path):
    sender = Sender(tmp_path)

    answer = sender.send(as_file(radiograph(1)[0]) + bytes(33 * 2**20), as_file(radiograph(2)[0]))

    assert answer.status_code == 202
    assert answer.json()["00081198"]["Value"][0]["00081197"]["Value"] == [0xC001]
    assert len(sender.waiting()) == 1


def test_a_full_spool_says_come_again(tmp_path):
    answer = Sender(tmp_path, limits=SpoolLimits(free=2**60)).send(as_file(radiograph(1)[0]))

    assert answer.status_code == 503
    assert answer.json()["00081198"]["Value"][0]["00081197"]["Value"] == [0xA700]


def test_what_was_checked_already_is_acknowledged_and_not_kept(tmp_path):
    content = as_file(radiograph(1)[0])
    sender = Sender(tmp_path, done=[Spool.name_of(content)])

    assert sender.send(content).status_code == 200
    assert sender.waiting() == []


@pytest.mark.parametrize(
    "content_type",
    [
        "application/dicom",
        "multipart/form-data; boundary=xyz",
        'multipart/related; type="image/png"; boundary=xyz',
        "multipart/related; type=application/dicom",
    ],
)
def test_other_types_are_refused(tmp_path, content_type):
    assert Sender(tmp_path).send(as_file(radiograph(1)[0]), content_type=content_type).status_code == 415


@pytest.mark.parametrize("end", [b"", b"garbage", b"--xyz\r\n"])
def test_a_message_that_ends_too_early_is_an_error(tmp_path, end):
    assert Sender(tmp_path).send(as_file(radiograph(1)[0]), end=end).status_code == 400
