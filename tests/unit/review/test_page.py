import json
import shutil
from datetime import timedelta

import pytest
from support.reviewed_run import KEY, REVIEWER, Browser, Gradients, open_page, write_run

from cxrgate.core import Policy
from cxrgate.hashlog import read_lines, verify_log
from cxrgate.review.links import sign_link
from cxrgate.run.recorded import read_results
from cxrgate.run.withheld import withdraw_withheld
from cxrgate.run_page.pictures import PictureChanged

BEFORE = {"a/clear.png", "a/near.png", "a/nearest.png"}


@pytest.fixture
def run(tmp_path):
    write_run(tmp_path)
    return tmp_path


@pytest.fixture
def reviewer(run):
    return Browser(open_page(run), REVIEWER)


def released(run):
    files = {path.relative_to(run / "released").as_posix() for path in (run / "released").rglob("*.png")}
    assert set(json.loads((run / "released/manifest.json").read_text())["files"]) == files
    return files


def events(run):
    verify_log(run / "review.log")
    return [line.content for line in read_lines(run / "review.log")]


def test_the_queue_lists_borderline_images_before_flagged_ones(reviewer):
    page = reviewer.get("/").text

    places = [page.index(name) for name in ("a/nearest.png", "a/near.png", "b/same.png", "b/copy.png")]
    assert places == sorted(places)
    assert "a/clear.png" not in page
    assert "4 images wait" in page


@pytest.mark.parametrize(
    "peer", [None, "spiffe://cxrgate/generator", "spiffe://cxrgate/admin", "spiffe://other/reviewer"]
)
@pytest.mark.parametrize("address", ["/", "/cases/1"])
def test_nobody_but_a_reviewer_sees_anything(run, peer, address):
    answer = Browser(open_page(run), peer).get(address)

    assert answer.status_code == 401
    assert "nearest" not in answer.text
    assert events(run) == []


def test_a_withheld_image_leaves_the_released_set_for_good(run, reviewer):
    served_before = reviewer.form(1)

    answer = reviewer.decide(1, "overrule", "The same clavicle plate.")

    assert (answer.status_code, answer.headers["location"]) == (303, "/cases/2")
    assert released(run) == BEFORE - {"a/nearest.png"}
    again = reviewer.post("/cases/1", data={**served_before, "choice": "confirm"})
    assert "Withheld by review" in again.text
    assert released(run) == BEFORE - {"a/nearest.png"}
    assert [event["event"] for event in events(run)].count("image_reviewed") == 0
    (withheld,) = (event for event in events(run) if event["event"] == "image_withheld")
    row = read_results(run / "results").images.set_index("image_id").loc["a/nearest.png"]
    assert [withheld[name] for name in ("source_digest", "decoding")] == [row["source_digest"], row["decoding"]]


def test_a_withheld_image_that_cannot_leave_yet_leaves_with_the_next_start(run, reviewer):
    blocked = run / "released.partial"
    blocked.write_text("no folder can be made here")
    answer = reviewer.decide(1, "overrule", "Too alike.")
    during = released(run)
    blocked.unlink()
    withdraw_withheld(run / "released", lambda: read_results(run / "results").images, run / "review.log")

    assert (answer.status_code, "may still be there" in answer.text) == (500, True)
    assert [event["event"] for event in events(run)][-1] == "image_withheld"
    assert (during, released(run)) == (BEFORE, BEFORE - {"a/nearest.png"})


def test_what_a_run_published_under_another_name_since_the_page_began_is_withdrawn_too(run, reviewer):
    write_run(run / "other", renamed={"a/nearest.png": "x/nearest.png"})
    for name in ("released", "results"):
        shutil.rmtree(run / name)
        (run / "other" / name).rename(run / name)

    assert reviewer.decide(1, "overrule", "Too alike.").status_code == 303
    assert released(run) == BEFORE - {"a/nearest.png"}


def test_overruling_a_removal_releases_nothing(run, reviewer):
    assert reviewer.decide(3, "overrule", "Another person.").status_code == 303

    assert released(run) == BEFORE
    assert "Disagreed by" in reviewer.get("/cases/3").text


def test_overruling_without_a_reason_decides_nothing(run, reviewer):
    answer = reviewer.decide(1, "overrule", " \n ")

    assert answer.status_code == 200
    assert "needs a reason" in answer.text
    assert released(run) == BEFORE
    assert {event["event"] for event in events(run)} == {"case_read"}


def test_decisions_are_remembered_by_pixels_and_policy(run, reviewer):
    reviewer.decide(2, "confirm")
    reviewer.decide(1, "overrule", "Too alike.")

    after = Browser(open_page(run), REVIEWER)

    assert "Confirmed by" in after.get("/cases/2").text
    assert "Withheld by review" in after.get("/cases/1").text
    assert "2 images wait" in after.get("/").text


def test_a_decision_under_another_policy_counts_only_if_it_withheld(run, reviewer):
    reviewer.decide(2, "confirm")
    reviewer.decide(1, "overrule", "Too alike.")
    record = json.loads((run / "results/run.json").read_text())
    record["policy"]["minimum_typicality"] = 0.2
    record.pop("policy_digest")
    (run / "results/run.json").write_text(json.dumps({**record, "policy_digest": _digest(record["policy"])}))

    after = Browser(open_page(run), REVIEWER)

    assert "withheld under another policy" in after.get("/cases/1").text
    assert "Confirmed by" not in after.get("/cases/2").text


def _digest(policy):
    return Policy(**policy).digest


@pytest.mark.parametrize("field", ["csrf", "pixels", "policy", "choice"])
def test_a_form_that_was_not_served_for_this_case_is_refused(run, reviewer, field):
    form = {**reviewer.form(1), "choice": "overrule", "reason": "Too alike.", field: "0" * 64}

    answer = reviewer.post("/cases/1", data=form)

    assert answer.status_code == 403
    assert released(run) == BEFORE


def test_a_form_from_another_site_is_refused(run, reviewer):
    reviewer.headers["sec-fetch-site"] = "cross-site"

    assert reviewer.decide(1, "overrule", "Too alike.").status_code == 403
    assert released(run) == BEFORE


def test_every_reading_is_logged_before_it_is_shown(run, reviewer):
    reviewer.get("/cases/3")

    (entry,) = events(run)
    assert (entry["event"], entry["identity"], entry["image_id"]) == ("case_read", REVIEWER, "b/same.png")
    assert entry["pictures"] is False


def test_pictures_stand_in_the_page_only_where_they_are_given(run, reviewer):
    assert "data:image" not in reviewer.get("/cases/1").text
    shown = Browser(open_page(run, Gradients()), REVIEWER).get("/cases/1").text
    assert shown.count('src="data:image/png;base64,') == 4


class Changed(Gradients):
    def synthetic(self, image_id, pixel_digest):
        raise PictureChanged(image_id)


def test_a_case_whose_file_was_changed_since_says_so_in_place_of_its_picture(run):
    page = Browser(open_page(run, Changed()), REVIEWER).get("/cases/1").text

    assert "changed after the run" in page
    assert page.count('src="data:image/png;base64,') == 3


def test_a_case_says_whether_its_pictures_are_of_real_patients(run):
    real = Browser(open_page(run, Gradients()), REVIEWER).get("/cases/1").text
    drawn = Browser(open_page(run, Gradients(), invented=True), REVIEWER).get("/cases/1").text

    assert "The references are real patients" in real
    assert "The patients are invented." in drawn
    assert "real patients" not in drawn


def test_the_number_that_decides_is_called_what_it_is(run, reviewer):
    assert 'data-label="Score"' in reviewer.get("/").text
    assert 'class="number">Score</th>' in reviewer.get("/cases/1").text


def test_without_a_log_nothing_is_shown(run, reviewer, monkeypatch):
    def full(*_):
        raise OSError("no space")

    monkeypatch.setattr("cxrgate.hashlog.log.os.fsync", full)

    answer = reviewer.get("/cases/1")

    assert answer.status_code == 503
    assert "nearest" not in answer.text


def test_a_link_opens_once(run):
    app = open_page(run)
    token = sign_link(KEY, "dr.a", timedelta(minutes=1))
    browser = Browser(app)

    assert "Review as dr.a" in browser.get(f"/enter/{token}").text
    assert browser.get("/").status_code == 401
    entered = browser.post(f"/enter/{token}")
    cookie = entered.headers["set-cookie"]
    assert {"HttpOnly", "Secure", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    assert "link:dr.a" in browser.get("/").text
    assert Browser(app).post(f"/enter/{token}").status_code == 410
    assert Browser(open_page(run)).post(f"/enter/{token}").status_code == 410


@pytest.mark.parametrize(
    "token",
    [
        sign_link(bytes(31) + b"1", "dr.a", timedelta(minutes=1)),
        sign_link(KEY, "dr.a", timedelta(seconds=-1)),
        sign_link(KEY, "dr.a", timedelta(minutes=1)).replace("e", "f", 1),
        "x",
        "x.%C3%A9",
    ],
)
def test_a_link_that_is_over_or_not_ours_is_refused(run, token):
    browser = Browser(open_page(run))

    assert browser.get(f"/enter/{token}").status_code == 410
    assert browser.post(f"/enter/{token}").status_code == 410


def test_leaving_ends_the_session(run):
    browser = Browser(open_page(run))
    browser.post(f"/enter/{sign_link(KEY, 'dr.a', timedelta(minutes=1))}")
    cookies = dict(browser.cookies)
    csrf = browser.get("/").text.split('name="csrf" value="')[1].split('"')[0]

    assert browser.post("/leave", data={"csrf": csrf}).status_code == 200
    browser.cookies.update(cookies)
    assert browser.get("/").status_code == 401


@pytest.mark.parametrize("address", ["/", "/cases/1", "/style.css", "/cases/99", "/cases/x", "/nothing", "/enter/x"])
def test_every_answer_has_the_security_headers(reviewer, address):
    headers = reviewer.get(address).headers

    assert headers["cache-control"] == "no-store"
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"


def test_an_unforeseen_error_tells_nothing_and_has_the_headers(run, monkeypatch):
    def broken(self, entry):
        raise RuntimeError("PATIENT^CANARY")

    monkeypatch.setattr("cxrgate.review.queue.Queue.case", broken)

    answer = Browser(open_page(run), REVIEWER).get("/cases/1")

    assert answer.status_code == 500
    assert "CANARY" not in answer.text
    assert answer.headers["cache-control"] == "no-store"


def test_names_are_text_and_not_markup(run, tmp_path):
    path = tmp_path / "results" / "run.json"
    record = json.loads(path.read_text())
    record["synthetic"]["name"] = "<script>alert(1)</script>"
    path.write_text(json.dumps(record))

    page = Browser(open_page(run), REVIEWER).get("/").text

    assert "<script" not in page
    assert "&lt;script" in page
