from cxrgate.gateway.receipts import Receipts, _key


def test_a_receipt_is_found_among_many():
    receipts = Receipts()
    for number in range(1000):
        receipts.add(f"receipt {number}", 3 * number)

    assert receipts.find("receipt 700") == [2100]
    assert receipts.find("receipt 1000") == []
    assert Receipts().find("receipt") == []


def test_offsets_of_equal_keys_are_all_given():
    receipts = Receipts()
    receipts.add("one", 5)
    receipts.add("two", 7)
    receipts._keys[1] = _key("one")

    assert receipts.find("one") == [5, 7]
