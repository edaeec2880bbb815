"""Sealed secrets open with the right secret and for the right thing, and with nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from district.sealing import SealBroken, seal, unseal

SECRET = "a-secret-of-an-installation-0123456789abcdef"


@given(plain=st.binary(max_size=200), about=st.text(max_size=20))
def test_what_was_sealed_comes_back(plain: bytes, about: str) -> None:
    assert unseal(SECRET, seal(SECRET, plain, about=about), about=about) == plain


def test_every_changed_byte_another_secret_and_another_thing_are_refused() -> None:
    sealed = seal(SECRET, b"password", about="provider 1")
    for place in range(len(sealed)):
        bent = bytearray(sealed)
        bent[place] ^= 1
        with pytest.raises(SealBroken):
            unseal(SECRET, bytes(bent), about="provider 1")
    with pytest.raises(SealBroken):
        unseal(SECRET + "x", sealed, about="provider 1")
    with pytest.raises(SealBroken):
        unseal(SECRET, sealed, about="provider 2")


@pytest.mark.parametrize("text", [b"", b"\x01", b"\x01short"], ids=["nothing", "only-version", "too-short"])
def test_what_never_was_sealed_is_refused(text: bytes) -> None:
    with pytest.raises(SealBroken):
        unseal(SECRET, text, about="x")


def test_two_seals_of_one_secret_differ() -> None:
    assert seal(SECRET, b"x", about="") != seal(SECRET, b"x", about="")
