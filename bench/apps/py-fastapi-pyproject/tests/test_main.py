from shop.main import index


def test_index():
    assert len(index()) == 2
