from processors.rules.blurhash import blurhash


def test_a_placeholder_is_the_reference_implementations() -> None:
    """From the format's own Python package, for a grey that darkens from left to right."""
    ramp = bytes(255 - 12 * x for _ in range(15) for x in range(20) for _ in range(3))

    assert blurhash(ramp, 20, 15, 4, 3) == "L?Ihpl~q%Mxut7ofj[j[fQfQfQfQ"
