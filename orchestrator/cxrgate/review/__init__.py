"""The reviewer's page: the borderline and flagged images of a finished run, and what a person decides on them."""
