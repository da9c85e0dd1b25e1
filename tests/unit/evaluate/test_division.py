from support.evaluation_listings import entries

from cxrgate.evaluate.division import divide


def samples(*counts):
    return [row.listed_image for row in entries(*counts)]


def names(part):
    return [sample.file.image_id for sample in part]


def test_patients_with_several_images_are_enrolled_by_the_first():
    parts = divide(samples(3, 2))

    assert names(parts.enrolled) == ["nih/0-0.png", "nih/1-0.png"]
    assert names(parts.others) == ["nih/0-1.png", "nih/0-2.png", "nih/1-1.png"]
    assert parts.unenrolled == []


def test_about_half_of_the_patients_with_one_image_stay_unenrolled():
    parts = divide(samples(*[1] * 400))

    assert 150 < len(parts.unenrolled) < 250
    assert len(parts.enrolled) + len(parts.unenrolled) == 400
    assert parts.others == []


def test_no_unenrolled_patient_is_enrolled():
    parts = divide(samples(*[1, 2] * 50))

    assert not {s.patient_id for s in parts.unenrolled} & {s.patient_id for s in parts.enrolled}


def test_who_stays_unenrolled_does_not_depend_on_who_else_is_listed():
    whole, part = divide(samples(*[1] * 100)), divide(samples(*[1] * 50))

    assert set(names(part.unenrolled)) == set(names(whole.unenrolled)) & set(names(samples(*[1] * 50)))
