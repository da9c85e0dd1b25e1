from cxrgate.cli.scores import scores_line, thresholds_line


def test_score_and_similarity_stand_in_one_line():
    assert scores_line(0.51234, {"similarity": 0.9, "typicality": 1.0}) == "  score 0.512  copy 0.900"


def test_the_standout_stands_first_where_it_decided():
    assert scores_line(0.1, {"similarity": 0.9, "standout": 0.52}) == "  standout 0.520  score 0.100  copy 0.900"


def test_a_threshold_that_is_not_there_is_said():
    assert thresholds_line({"score_threshold": 0.5, "copy_threshold": None}) == "same patient 0.5000, copy none"


def test_the_threshold_of_matches_is_said_where_there_is_one():
    thresholds = {"score_threshold": 0.5, "copy_threshold": 0.9, "match_threshold": 44}

    assert thresholds_line(thresholds) == "same patient 0.5000, copy 0.9000, matches 44"
