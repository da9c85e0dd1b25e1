"""The reviewer's page: the borderline and flagged images of a finished run, and what a person decides on them."""

from cxrgate.review.decisions import Decisions
from cxrgate.review.links import sign_link
from cxrgate.review.page import Reviewed, make_page
from cxrgate.review.process import serve_review
from cxrgate.review.queue import Queue

__all__ = ["Decisions", "Queue", "Reviewed", "make_page", "serve_review", "sign_link"]
