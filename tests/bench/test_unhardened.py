from bench.unhardened import LEFT_OUT


def test_everything_that_is_left_out_is_there() -> None:
    for owner, name, instead in LEFT_OUT:
        assert getattr(owner, name) is not instead
