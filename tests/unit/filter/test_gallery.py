import base64
import io
from html.parser import HTMLParser

import numpy as np
from PIL import Image

from cxrgate.core import Decision
from cxrgate.filter import Gallery, Nearest, Verdict
from cxrgate.images.codec.encode import encode_png

SMALL = encode_png(np.full((64, 48), 9, np.uint8))
NEAR = Nearest("ab", "cd", 1.0, {"similarity": 0.25}, 0.75, None)
HIT = Verdict("x.png", "", Decision.NOT_ANONYMOUS, ("SAME_PATIENT",), score=0.75, nearest=NEAR, preview=SMALL)
BAD = Verdict("<script>.png", "", Decision.INDETERMINATE, ("TRUNCATED",), message="cut & off")


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.images, self.text = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag == "img":
            self.images.append(dict(attrs)["src"])

    def handle_data(self, data):
        self.text.append(data)


def shown(verdicts, references):
    return Page(Gallery(verdicts, references)._repr_html_())


def test_the_pictures_stand_in_the_page_itself():
    page = shown([HIT], [SMALL])

    assert len(page.images) == 2
    for source in page.images:
        kind, _, content = source.partition(",")
        assert kind == "data:image/png;base64"
        assert Image.open(io.BytesIO(base64.b64decode(content))).size == (48, 64)


def test_each_pair_says_what_was_decided_and_why():
    text = "".join(shown([HIT], [SMALL]).text)

    assert all(word in text for word in ("x.png", "NOT_ANONYMOUS", "SAME_PATIENT", "score 0.750", "similarity 0.250"))


def test_what_has_no_picture_is_said_and_names_are_no_markup():
    page = shown([BAD], [b""])

    assert "script" not in page.tags
    assert page.images == []
    assert all(word in "".join(page.text) for word in ("<script>.png", "TRUNCATED", "cut & off", "no picture"))


def test_nothing_to_show_is_said():
    assert "no images" in "".join(shown([], []).text)
