"""The editor's parts one by one: rows, schedules, audiences, hours, and input that nobody means well with."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.datastructures import FormData, UploadFile

from district.web.editor import arranging, recurrence, seen, where, who, words
from district.web.editor.campaign import Editor
from district.web.editor.fields import MOST_VALUES, Fields, read
from district.web.editor.ideas import FIRST, IDEAS
from district.web.editor.reading import Reading, shown_seconds
from district.web.language import Language, Tongue, speaking
from push.campaign_document import parse_rule
from push.offer_document import parse_offer
from push.wording import Language as Spoken
from tests.district.web_merchant.test_editor_round_trip import HERE, SHOP

LEAF = {"attr": "language", "value": "zh"}
OTHER = {"attr": "tag", "value": "vip"}
THIRD = {"seg": "staff"}


def reading(form: Fields) -> Reading:
    return Reading(fields=form, zone=HERE.zone, currency="EUR")


def written(tree: Any) -> Any:
    """An audience shown and written again."""
    return who.read(reading(who.show(tree)))


@pytest.mark.parametrize(
    ("tree", "again"),
    [
        ({"all": [LEAF, OTHER]}, {"all": [LEAF, OTHER]}),
        ({"any": [LEAF, {"not": OTHER}]}, {"any": [LEAF, {"not": OTHER}]}),
        ({"all": [LEAF, {"any": [OTHER, THIRD]}]}, {"all": [LEAF, {"any": [OTHER, THIRD]}]}),
        ({"any": [{"all": [LEAF, OTHER]}, THIRD]}, {"any": [{"all": [LEAF, OTHER]}, THIRD]}),
        ({"not": {"any": [LEAF, OTHER]}}, {"all": [{"not": LEAF}, {"not": OTHER}]}),
        ({"not": {"all": [LEAF, OTHER]}}, {"not": {"all": [LEAF, OTHER]}}),
        ({"all": [LEAF, {"any": [OTHER, {"all": [THIRD, LEAF]}]}]},) * 2,
        (LEAF, LEAF),
        ({"all": []}, "everyone"),
        ("returning", "returning"),
    ],
)
def test_an_audience_is_written_without_levels_that_say_nothing(tree: Any, again: Any) -> None:
    assert written(tree) == again


def test_what_a_service_says_of_a_question_stands_at_its_row() -> None:
    noted = reading(who.show({"all": [LEAF, {"any": [OTHER, {"not": THIRD}]}]}))
    assert who.read(noted) == {"all": [LEAF, {"any": [OTHER, {"not": THIRD}]}]}
    assert noted.field_of("/rule/who/all/0/value") == "term-0-attr"
    assert noted.field_of("/rule/who/all/1/any/0") == "term-1-attr"
    assert noted.field_of("/rule/who/all/1/any/1/not/seg") == "term-2-attr"
    assert noted.field_of("/rule/who") == "audience"


@pytest.mark.parametrize(
    ("text", "repeat"),
    [
        ("DTSTART:20260501T110000\nRRULE:FREQ=DAILY;COUNT=1", "once"),
        ("DTSTART:20260501T110000\nRRULE:FREQ=DAILY;INTERVAL=2;UNTIL=20261231", "daily"),
        ("DTSTART;TZID=Asia/Shanghai:20260501T110000\nRRULE:FREQ=WEEKLY;BYDAY=MO,FR", "weekly"),
        ("DTSTART:20260508T110000\nRRULE:FREQ=MONTHLY;BYDAY=2FR;COUNT=3", "monthly"),
        # The weekday of its start is another one: the fields would say something else.
        ("DTSTART:20260501T110000\nRRULE:FREQ=MONTHLY;BYDAY=2SA", "text"),
        ("DTSTART:20260501T110000\nRRULE:FREQ=DAILY;BYHOUR=9,15", "text"),
        ("DTSTART:20260501T110000\nRRULE:FREQ=YEARLY", "text"),
        ("nonsense", "text"),
    ],
)
def test_a_schedule_is_shown_in_the_simplest_way_that_says_it(text: str, repeat: str) -> None:
    assert recurrence.show(text)["repeat"] == repeat


@pytest.mark.parametrize(
    ("seconds", "value", "unit"),
    [(86_400, "1", "d"), (5_400, "90", "min"), (61, "61", "s"), (7_200, "2", "h")],
)
def test_a_length_is_shown_in_the_largest_unit_that_is_exact(seconds: int, value: str, unit: str) -> None:
    assert shown_seconds("ttl", seconds) == {"ttl": value, "ttl_unit": unit}


def test_rows_are_added_taken_out_and_put_back() -> None:
    form = arranging.arrange(FIRST, "add:trigger")
    assert form.many("trigger") == ("0", "1")
    gone = arranging.arrange(form, "out:trigger-0")
    assert [row.key for row in gone.kept_rows("trigger")] == ["1"]
    back = arranging.arrange(gone, "back:trigger-0")
    assert [row.key for row in back.kept_rows("trigger")] == ["0", "1"]


def test_a_wording_has_words_of_its_own_for_a_channel_and_begins_with_its_own() -> None:
    form = arranging.arrange(IDEAS["lunch"], "add:variant").merged({"variant-1-text_en": "Warm"})
    form = arranging.arrange(form, "add:own:1").merged({"own-0-by": "email"})
    offer = words.read(Reading(fields=form, currency="EUR", zone=HERE.zone))
    assert "channels" not in offer["variants"][0]
    assert offer["variants"][1]["channels"]["email"]["text"]["en"] == "Warm"
    gone = arranging.arrange(form, "out:own-0")
    assert "channels" not in words.read(Reading(fields=gone, currency="EUR", zone=HERE.zone))["variants"][1]
    assert arranging.arrange(form, "add:own:9") == form


def test_the_first_two_wordings_come_together_and_say_what_stands_there() -> None:
    form = arranging.arrange(IDEAS["lunch"], "add:variant")
    assert [row.one("name") for row in form.rows("variant")] == ["A", "B"]
    assert {row.one("title_zh") for row in form.rows("variant")} == {"今日午餐八折"}
    third = arranging.arrange(form, "add:variant")
    assert [row.one("name") for row in third.rows("variant")] == ["A", "B", "C"]


def test_what_was_drawn_is_left_out_of_the_ground() -> None:
    circle = {"circle": {"lon": 24.94, "lat": 60.17, "radius_m": 9}}
    form = arranging.arrange(FIRST.merged({"drawn-cut": json.dumps(circle)}), "cut")
    assert where.read(reading(form))["exclude"] == [circle]


@pytest.mark.parametrize(
    "action",
    [
        "",
        "add",
        "add:",
        "add:name",
        "add:term:9",
        "out:trigger-9",
        "out:x",
        "back:",
        "cut",
        "hours:never",
        "\x00",
        "a" * 60,
    ],
)
def test_an_unknown_button_changes_nothing(action: str) -> None:
    assert arranging.arrange(FIRST, action) == FIRST


def test_rows_do_not_grow_without_end() -> None:
    form = FIRST
    for _number in range(100):
        form = arranging.arrange(form, "add:trigger")
    assert len(form.many("trigger")) == arranging.MOST_ROWS


def test_names_that_are_no_fields_are_dropped_and_long_things_cut() -> None:
    long: list[tuple[str, str | UploadFile]] = [("blackout", "2026-01-01")] * 500
    sent = FormData(
        [("name", "x" * 9_000), ("UPPER", "1"), ("trigger-0-on-more-parts", "1"), ("a b", "1"), *long]
    )
    form = read(sent)
    assert set(form.values) == {"name", "blackout"}
    assert len(form.one("name")) == 2_000
    assert len(form.many("blackout")) == MOST_VALUES


@pytest.mark.parametrize("kept", ["[1]", "{", "[" * 9_000, "null", '"x"', "{}"])
def test_a_kept_part_that_was_tampered_with_is_refused_and_breaks_nothing(kept: str) -> None:
    form = who.show({"not": {"all": [LEAF, OTHER]}}).merged({"term-0-kept": kept})
    noted = reading(FIRST.merged(form.values))
    found = who.read(noted)
    assert noted.errors or found == {}


HOSTILE = (
    "",
    "\x00",
    "-1",
    "1e400",
    "NaN",
    "∞",
    "9" * 400,
    "[]",
    "{}",
    "null",
    "0x1",
    "١٢",
    "\u202e",
    "2026-99-99T99:99",
)


@pytest.mark.parametrize("value", HOSTILE)
def test_no_value_of_any_field_makes_the_editor_fail(value: str) -> None:
    """Each field of a full form takes the value in turn; the reading notes it or the parser refuses it."""
    form = IDEAS["lunch"].with_values(store_ids=(str(SHOP),))
    for action in ("add:group", "add:trigger", "add:cut", "add:variant", "add:channel"):
        form = arranging.arrange(form, action)
    form = form.merged({"trigger-1-on": "schedule", "trigger-1-date": "2026-05-01", "hours": "grid"})
    for name in form.values:
        with speaking(Tongue(language=Language.ZH, zone=HERE.zone)):
            editor = Editor(form=form.merged({name: value}), district=HERE)
            editor.campaign()
            seen.said(editor, editor.rule(), editor.offer())
            seen.next_dates(editor, datetime(2026, 5, 1, tzinfo=UTC))
            seen.smallest_effects(editor.form, 10)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            Language.EN,
            ["get the coupon “20% off today's lunch”", "enters the fence", "Mon–Fri 11:00–14:00", "1 hour"],
        ),
        (Language.ZH, ["优惠券“今日午餐八折”", "进入围栏", "周一–周五 11:00–14:00", "1 小时"]),
    ],
)
def test_the_rule_is_said_in_plain_words(language: Language, words: list[str]) -> None:
    with speaking(Tongue(language=language, zone=HERE.zone)):
        editor = Editor(form=IDEAS["lunch"].with_values(store_ids=(str(SHOP),)), district=HERE)
        said = seen.said(editor, editor.rule(), editor.offer())
    assert said.missing == ""
    assert all(one in " ".join(said.sentences) for one in words)


def test_phones_show_every_wording_with_its_places_filled() -> None:
    form = arranging.arrange(IDEAS["threshold"], "add:variant").merged(
        {"variant-1-title_en": "Only {value}!"}
    )
    editor = Editor(form=form, district=HERE)
    with speaking(Tongue(language=Language.EN, zone=HERE.zone)):
        shown = seen.phones(form, editor.offer()["value"], HERE, "Zio", datetime(2026, 5, 1, 9, tzinfo=UTC))
    assert [one.label for one in shown] == ["中文", "English", "Wording A", "Wording B"]
    assert shown[3].title == "Only €10.00 off from €50.00!"
    assert shown[1].text == "€10.00 off from €50.00 at Zio, until 12:00."


def test_a_message_carries_nothing_of_the_coupon_that_it_was_before() -> None:
    form = IDEAS["threshold"].with_values(kind="message", claim="open", code="yes", stacks=("coupon",))
    offer = Editor(form=form, district=HERE).offer()
    assert set(offer) == {"kind", "value", "title", "text"}
    assert parse_offer(offer).title.read(Spoken.EN)[1] == "More for your money"


def test_times_are_read_by_the_districts_clocks() -> None:
    form = FIRST.with_values(rule_from="2026-01-10T12:00", store_ids=(str(SHOP),))
    rule = Editor(form=form, district=HERE).rule()
    starts_at = parse_rule(rule).when.starts_at
    assert starts_at is not None
    assert starts_at.astimezone(UTC).hour == 10


def test_the_smallest_effect_needs_a_control_group() -> None:
    assert seen.smallest_effects(FIRST.with_values(holdout="0"), 10) == []
    with speaking(Tongue(language=Language.EN)):
        small, large = seen.smallest_effects(FIRST.with_values(holdout="20"), 10)
    assert "1000 members" in small
    assert float(small.split("to ")[1].split("%")[0]) > float(large.split("to ")[1].split("%")[0]) > 5
