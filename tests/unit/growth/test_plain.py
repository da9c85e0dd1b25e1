import json
import math

from cxrgate.growth.plain import plain


def test_json_can_hold_it():
    content = plain({0.05: [math.nan, 1.5, ("a", None)], "b": {"c": True}})

    assert json.loads(json.dumps(content, allow_nan=False)) == {"0.05": [None, 1.5, ["a", None]], "b": {"c": True}}
