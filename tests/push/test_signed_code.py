"""A signed code says what was signed and nothing else, fits a QR code that a phone reads, and is of now."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import segno
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from push.coupon import CodeMalformed
from push.crockford import ALPHABET, Unreadable, pack, unpack
from push.identifiers import OfferId
from push.offer import OfferValue, StacksWith, ValueKind
from push.signed_code import (
    GRACE,
    MAX_SYMBOLS,
    PREFIX,
    STEP,
    ForgedCode,
    Keyring,
    SignedCode,
    decode,
    encode,
    is_fresh,
    is_signed,
    member_tag,
    step_of,
    tag,
)
from push.signed_value import ValueUnreadable, read_figures, write_figures

DISTRICT = UUID("0190a5c0-0000-7000-8000-0123456789ab")
OTHER_DISTRICT = UUID("0190a5c0-0000-7000-8000-0123456789ac")
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
KEYRING = Keyring(district_id=DISTRICT, keys={7: KEY.public_key()})
NOON = datetime(2026, 5, 8, 12, 0, 0, tzinfo=UTC)
MONEY = st.integers(1, 10**9)
CODE = SignedCode(
    key_id=7,
    offer_id=OfferId(UUID("0190a5c0-1111-7000-8000-0123456789ab")),
    campaign_tag=tag(UUID("0190a5c0-2222-7000-8000-0123456789ab")),
    member_tag=member_tag(DISTRICT, UUID("0190a5c0-3333-7000-8000-0123456789ab")),
    value=OfferValue(kind=ValueKind.AMOUNT, minor_units=1_000, min_spend_minor=5_000),
    stacks_with=frozenset({StacksWith.POINTS}),
    step=step_of(NOON),
    valid_until=NOON + timedelta(days=7),
    nonce=b"\x01\x02\x03\x04",
)
VALUES = st.one_of(
    st.builds(
        OfferValue,
        kind=st.just(ValueKind.AMOUNT),
        minor_units=MONEY,
        min_spend_minor=st.none() | MONEY,
    ),
    st.builds(
        OfferValue,
        kind=st.just(ValueKind.PERCENT),
        percent=st.integers(1, 100),
        min_spend_minor=st.none() | MONEY,
        max_discount_minor=st.none() | MONEY,
    ),
    st.builds(OfferValue, kind=st.just(ValueKind.GIFT), min_spend_minor=st.none() | MONEY),
    st.builds(
        OfferValue,
        kind=st.just(ValueKind.IN_STORE_PRICE),
        price_minor=st.integers(0, 10**9),
        regular_minor=MONEY,
    ),
    st.just(OfferValue(kind=ValueKind.NONE)),
)
CODES = st.builds(
    SignedCode,
    key_id=st.just(7),
    offer_id=st.uuids().map(OfferId),
    campaign_tag=st.binary(min_size=8, max_size=8),
    member_tag=st.binary(min_size=8, max_size=8),
    value=VALUES,
    stacks_with=st.frozensets(st.sampled_from(StacksWith)),
    step=st.integers(0, 2**32 - 1),
    valid_until=st.integers(0, 2**32 - 1).map(lambda seconds: datetime.fromtimestamp(seconds, tz=UTC)),
    nonce=st.binary(min_size=4, max_size=4),
    store_tag=st.binary(min_size=8, max_size=8),
    is_offline_ok=st.booleans(),
)


def text_of(code: SignedCode = CODE) -> str:
    return encode(code, KEY.sign, district_id=DISTRICT)


@given(code=CODES)
def test_what_was_signed_reads_back(code: SignedCode) -> None:
    assert decode(text_of(code), KEYRING) == code


@settings(deadline=None, max_examples=30)
@given(code=CODES)
def test_every_code_fits_a_small_qr_code(code: SignedCode) -> None:
    text = text_of(code)
    assert len(text) <= MAX_SYMBOLS
    qr = segno.make_qr(text, error="m", boost_error=False)
    assert isinstance(qr.version, int)
    assert qr.version <= 9
    assert qr.mode == "alphanumeric"


def test_a_usual_code_fits_version_8() -> None:
    assert segno.make_qr(text_of(), error="m").version == 8


def test_each_flipped_bit_is_refused() -> None:
    symbols = text_of()[len(PREFIX) :]
    whole = unpack(symbols)
    for place in range(len(whole)):
        for bit in range(8):
            forged = bytearray(whole)
            forged[place] ^= 1 << bit
            with pytest.raises(ForgedCode):
                decode(PREFIX + pack(bytes(forged)), KEYRING)


def test_each_changed_symbol_is_refused() -> None:
    text = text_of()
    for place in range(len(text)):
        for symbol in ALPHABET:
            if symbol != text[place]:
                with pytest.raises((ForgedCode, CodeMalformed)):
                    decode(text[:place] + symbol + text[place + 1 :], KEYRING)


@pytest.mark.parametrize("taken", [1, 2, 8, 100])
def test_a_code_cut_off_or_lengthened_is_refused(taken: int) -> None:
    for changed in (text_of()[:-taken], text_of() + "0" * taken):
        with pytest.raises((ForgedCode, CodeMalformed)):
            decode(changed, KEYRING)


@pytest.mark.parametrize(
    "keyring",
    [
        Keyring(district_id=DISTRICT, keys={7: OTHER_KEY.public_key()}),
        Keyring(district_id=DISTRICT, keys={8: KEY.public_key()}),
        Keyring(district_id=DISTRICT, keys={}),
        Keyring(district_id=OTHER_DISTRICT, keys={7: KEY.public_key()}),
        # Another district whose id ends alike: the signature is over the whole of it.
        Keyring(
            district_id=UUID(bytes=bytes(8) + DISTRICT.bytes[8:]),
            keys={7: KEY.public_key()},
        ),
    ],
    ids=["another-key", "another-key-id", "no-keys", "another-district", "same-tag"],
)
def test_what_this_district_did_not_sign_is_refused(keyring: Keyring) -> None:
    with pytest.raises(ForgedCode):
        decode(text_of(), keyring)


def test_two_live_keys_read_each_its_own() -> None:
    both = Keyring(district_id=DISTRICT, keys={7: KEY.public_key(), 8: OTHER_KEY.public_key()})
    newer = replace(CODE, key_id=8)
    assert decode(text_of(), both) == CODE
    assert decode(encode(newer, OTHER_KEY.sign, district_id=DISTRICT), both) == newer


def test_a_scanner_that_adds_blanks_and_writes_small_is_understood() -> None:
    text = text_of().lower()
    assert decode(f"  {text[:50]} {text[50:90]}-{text[90:]}\r\n", KEYRING) == CODE


@pytest.mark.parametrize(
    "text", ["", "SQ1", "SQ2" + "0" * 200, "SQ1" + "U" * 200, "SQ1" + "0" * 100, "0" * 26, "SQ1" * 4_000]
)
def test_what_is_no_signed_code_is_malformed(text: str) -> None:
    with pytest.raises(CodeMalformed):
        decode(text, KEYRING)


@given(text=st.text(max_size=300))
def test_any_text_is_refused_in_words(text: str) -> None:
    for tried in (text, PREFIX + text):
        with pytest.raises((CodeMalformed, ForgedCode)):
            decode(tried, KEYRING)


def test_signed_codes_are_told_from_others() -> None:
    assert is_signed(text_of())
    assert is_signed("  " + text_of().lower())
    assert not is_signed("SQ1")
    assert not is_signed("7" + "Z" * 25)


@pytest.mark.parametrize(
    ("age", "is_good"),
    [
        (timedelta(), True),
        (STEP, True),
        (STEP + GRACE - timedelta(milliseconds=1), True),
        (STEP + GRACE, False),
        (timedelta(minutes=10), False),
        (-GRACE, True),
        (-GRACE - timedelta(milliseconds=1), False),
    ],
    ids=str,
)
def test_a_code_lives_for_one_step_and_its_grace(age: timedelta, is_good: bool) -> None:
    assert is_fresh(CODE, NOON + age) is is_good


def test_a_measured_skew_widens_both_ends() -> None:
    skew = timedelta(seconds=20)
    assert is_fresh(CODE, NOON + STEP + GRACE + skew - timedelta(seconds=1), skew=skew)
    assert is_fresh(CODE, NOON - GRACE - skew, skew=skew)
    assert not is_fresh(CODE, NOON + STEP + GRACE + skew, skew=skew)


def test_a_code_shown_at_a_moment_expires_with_its_step() -> None:
    code = replace(CODE, step=step_of(NOON + timedelta(seconds=29)))
    assert code.expires_at == NOON + STEP
    assert replace(CODE, step=step_of(NOON + STEP)).expires_at == NOON + 2 * STEP


@pytest.mark.parametrize(
    "changed",
    [
        replace(CODE, nonce=b"123"),
        replace(CODE, member_tag=b"123456789"),
        replace(CODE, value=OfferValue(kind=ValueKind.RANDOM, total_minor=5, count=1)),
        replace(CODE, value=OfferValue(kind=ValueKind.AMOUNT, minor_units=2**35)),
        replace(CODE, value=OfferValue(kind=ValueKind.AMOUNT, minor_units=-1)),
    ],
    ids=["nonce", "tag", "undrawn", "too-much", "negative"],
)
def test_what_no_code_can_say_is_not_written(changed: SignedCode) -> None:
    with pytest.raises(ValueError, match=r"."):
        text_of(changed)


@given(raw=st.binary(max_size=40))
def test_any_bytes_pack_and_unpack(raw: bytes) -> None:
    assert unpack(pack(raw)) == raw


@pytest.mark.parametrize("symbols", ["U", "i", "ZZ", "0", "0000001"], ids=str)
def test_symbols_that_no_bytes_have_are_unreadable(symbols: str) -> None:
    with pytest.raises(Unreadable):
        unpack(symbols)


@given(raw=st.binary(max_size=20))
def test_figures_are_read_as_written_or_refused(raw: bytes) -> None:
    try:
        value = read_figures(raw)
    except ValueUnreadable:
        return
    assert read_figures(write_figures(value)) == value
