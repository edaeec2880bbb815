"""How messages look where they arrive: what is cut, how many parts a text has, what cannot be carried."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from push.channels.filed_texts import FiledText
from push.channels.looks import ROOM, columns, cut, look
from push.consent import Channel
from push.message import Message, MessagePurpose
from push.wording import Language
from tests.push.outbox_world import BASE_MESSAGE

LONG = "今天下午两点到五点，二楼临窗座位先到先得，会员另赠一块当日现烤的曲奇。" * 3


def message(channel: Channel, **changes: object) -> Message:
    values: dict[str, object] = {
        "channel": channel,
        "purpose": MessagePurpose.MARKETING,
        "language": Language.ZH,
        "title": "咖啡八折",
        "body": "今天",
        "link": "https://s.example/m/abc",
    }
    return replace(BASE_MESSAGE, **(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("channel", sorted(set(ROOM) - {Channel.SMS}))
def test_what_fits_is_shown_whole(channel: Channel) -> None:
    shown = look(message(channel))
    assert (shown.title, shown.text, shown.is_cut, shown.unfit) == ("咖啡八折", "今天", False, None)


@pytest.mark.parametrize("channel", [Channel.WEB_PUSH, Channel.APP, Channel.MINI_PROGRAM, Channel.WECHAT])
def test_what_a_telephone_would_cut_ends_in_an_ellipsis(channel: Channel) -> None:
    shown = look(message(channel, body=LONG))
    room = ROOM[channel].text
    assert room is not None
    assert shown.is_cut
    assert shown.text.endswith("…")
    assert columns(shown.text) <= room


def test_the_inbox_and_mail_show_everything() -> None:
    for channel in (Channel.INBOX, Channel.EMAIL):
        assert look(message(channel, body=LONG)).text == LONG


def test_a_text_message_is_the_whole_text_with_its_parts() -> None:
    shown = look(message(Channel.SMS, body="字" * 70), signature="中央商圈")
    assert shown.title == ""
    assert shown.text == f"【中央商圈】咖啡八折。{'字' * 70} https://s.example/m/abc 拒收请回复R"
    assert (shown.parts, shown.letters) == (2, len(shown.text))


def test_a_text_of_too_many_parts_is_said_to_be_one() -> None:
    shown = look(message(Channel.SMS, body="字" * 700))
    assert shown.unfit is not None
    assert shown.unfit[0].startswith("as a text message it takes 11 parts")
    assert "最多 10 条" in shown.unfit[1]


def test_a_filed_text_stands_for_the_words() -> None:
    filed = FiledText(
        number="1",
        signature="中央商圈",
        purpose=MessagePurpose.MARKETING,
        language=Language.ZH,
        text="{store}：{title} 拒收请回复R",
    )
    one = message(Channel.SMS, facts={"store": "一号店"})
    assert look(one, filed=filed).text == "【中央商圈】一号店：咖啡八折 拒收请回复R"
    unfit = look(replace(one, facts={}), filed=filed)
    assert unfit.text == "【中央商圈】{store}：咖啡八折 拒收请回复R"
    assert unfit.unfit == ("nothing stands in the gap {store}", "变量 {store} 没有可填的内容")


@given(st.text(max_size=200), st.integers(2, 80))
def test_a_cut_text_never_takes_more_room_and_keeps_its_beginning(text: str, room: int) -> None:
    shown = cut(text, room)
    assert columns(shown) <= max(room, columns(text) if columns(text) <= room else 0)
    assert shown == text or text.startswith(shown.removesuffix("…").rstrip())
