from cxrgate.cli.scores import scores_line


def test_score_and_similarity_stand_in_one_line():
    assert scores_line(0.51234, {"similarity": 0.9, "typicality": 1.0}) == "  score 0.512  copy 0.900"
