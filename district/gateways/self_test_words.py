"""What a gateway's self-test says, in English and Chinese."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum


class Said(StrEnum):
    """The sentences of the self-test."""

    NO_REDIRECT = "no_redirect"
    NO_RECENT_REDIRECT = "no_recent_redirect"
    REDIRECTS_COME = "redirects_come"
    NOT_YET = "not_yet"
    CLOCK_AHEAD = "clock_ahead"
    REDIRECTS_OLD = "redirects_old"
    CLOCK_OK = "clock_ok"
    SIGNATURE_WRONG = "signature_wrong"
    SIGNATURE_OK = "signature_ok"
    NOT_ALLOWED = "not_allowed"
    ALLOWED = "allowed"
    CONTROLLER_NOT_ASKED = "controller_not_asked"
    CONTROLLER_FAILED = "controller_failed"
    CONTROLLER_OK = "controller_ok"
    NO_RADIUS_CLIENT = "no_radius_client"
    RADIUS_SILENT = "radius_silent"
    RADIUS_HEARD = "radius_heard"
    NEVER_POLLED = "never_polled"
    STOPPED_POLLING = "stopped_polling"
    POLLS = "polls"
    HTTPS = "https"
    NO_HTTPS = "no_https"


_WORDS: Mapping[Said, tuple[str, str]] = {
    Said.NO_REDIRECT: (
        "No redirect has come yet. Paste the configuration, connect a telephone to the Wi-Fi, and look here again.",
        "尚未收到任何重定向。请先粘贴配置，再用手机连接 Wi-Fi，然后回到此页查看。",
    ),
    Said.NO_RECENT_REDIRECT: (
        "The last redirect came {age} ago. If people are on the Wi-Fi, check that the gateway still has our address.",
        "上一次重定向在 {age_zh}前。若现场有人连接 Wi-Fi，请检查网关中的认证页地址。",
    ),
    Said.REDIRECTS_COME: (
        "{count} redirects in the last hour (the last 50 are kept).",
        "最近一小时收到 {count} 次重定向（保留最近 50 次）。",
    ),
    Said.NOT_YET: ("Nothing came yet to tell from.", "尚无数据可供判断。"),
    Said.CLOCK_AHEAD: (
        "{count} redirects in the last hour came from the future: set the gateway's clock by NTP.",
        "最近一小时有 {count} 次重定向的时间晚于当前时间：请为网关配置 NTP 对时。",
    ),
    Said.REDIRECTS_OLD: (
        "{count} redirects in the last hour were older than five minutes. One now and then is a page left open; "
        "many mean that the gateway's clock is slow: set it by NTP.",
        "最近一小时有 {count} 次重定向已超过五分钟。偶尔出现是用户停留过久；频繁出现说明网关时钟偏慢，请配置 NTP 对时。",
    ),
    Said.CLOCK_OK: ("The gateway's clock agrees with ours.", "网关时钟与本平台一致。"),
    Said.SIGNATURE_WRONG: (
        "{count} redirects in the last hour were not signed with this gateway's secret: paste the configuration "
        "again, and check that the address in it is exactly the one that the gateway calls.",
        "最近一小时有 {count} 次重定向的签名与密钥不符：请重新粘贴配置，并确认其中的地址与网关实际访问的完全一致。",
    ),
    Said.SIGNATURE_OK: ("No redirect had a wrong signature in the last hour.", "最近一小时没有签名错误。"),
    Said.NOT_ALLOWED: (
        "{count} redirects in the last hour named an address outside the allow-lists. The last: {detail}",
        "最近一小时有 {count} 次重定向指向允许名单之外的地址。最近一次：{detail}",
    ),
    Said.ALLOWED: (
        "Every address was on the allow-lists in the last hour.",
        "最近一小时所有地址均在允许名单内。",
    ),
    Said.CONTROLLER_NOT_ASKED: (
        "The controller was not asked yet: it is when somebody signs in.",
        "尚未访问过控制器：有人登录时才会访问。",
    ),
    Said.CONTROLLER_FAILED: (
        "The controller did not let the last person in: {detail}",
        "控制器未放行最近一位用户：{detail}",
    ),
    Said.CONTROLLER_OK: ("The controller let the last person in.", "控制器已放行最近一位用户。"),
    Said.NO_RADIUS_CLIENT: (
        "No RADIUS client belongs to this gateway: register it under RADIUS, then render FreeRADIUS's configuration.",
        "此网关尚无 RADIUS 客户端：请在“RADIUS”页登记，再生成 FreeRADIUS 配置。",
    ),
    Said.RADIUS_SILENT: (
        "RADIUS has not been heard from. When somebody has pressed Connect and it stays so: check the address, the "
        "secret and UDP ports 1812 and 1813 between the gateway and FreeRADIUS.",
        "尚未收到 RADIUS 消息。若有人点击连接后仍如此：请检查网关与 FreeRADIUS 之间的地址、密钥以及 UDP 1812、1813 端口。",
    ),
    Said.RADIUS_HEARD: ("RADIUS was last heard from {age} ago.", "上一次收到 RADIUS 消息在 {age_zh}前。"),
    Said.NEVER_POLLED: (
        "The gateway has never come to fetch who may pass: from level 3 on openNDS calls the portal itself (authmon). "
        "It needs php-cli, a name that it can resolve and a certificate that it trusts.",
        "网关从未来取放行名单：3 级及以上由 openNDS 自行访问认证页（authmon），需要 php-cli、可解析的域名以及受信任的证书。",
    ),
    Said.STOPPED_POLLING: (
        "The gateway last came to fetch who may pass {age} ago; it should come every ten seconds. "
        "Restart openNDS and look into its log for authmon.",
        "网关上一次来取放行名单在 {age_zh}前，正常应每十秒一次。请重启 openNDS 并查看日志中的 authmon。",
    ),
    Said.POLLS: ("The gateway comes to fetch who may pass.", "网关在正常获取放行名单。"),
    Said.HTTPS: (
        "The sign-in page is on https: telephones find it by the Captive Portal API (RFC 8908), and camera and push work.",
        "认证页使用 https：手机可通过 Captive Portal API（RFC 8908）发现它，摄像头与推送可用。",
    ),
    Said.NO_HTTPS: (
        "The sign-in page is not on https: the Captive Portal API (RFC 8908), the camera and push are off. Set "
        "DISTRICT_PUBLIC_URL to an https address, or DISTRICT_TLS_CERT and DISTRICT_TLS_KEY.",
        "认证页未使用 https：Captive Portal API（RFC 8908）、摄像头与推送均不可用。请将 DISTRICT_PUBLIC_URL 设为 https 地址，"
        "或设置 DISTRICT_TLS_CERT 与 DISTRICT_TLS_KEY。",
    ),
}


def words(said: Said, **values: object) -> tuple[str, str]:
    """A sentence in English and in Chinese; ``age`` may be a length of time."""
    age = values.get("age")
    spans = _spans(age) if isinstance(age, timedelta) else ("", "")
    filled = values | {"age": spans[0], "age_zh": spans[1]}
    english, chinese = _WORDS[said]
    return english.format(**filled), chinese.format(**filled)


def _spans(age: timedelta) -> tuple[str, str]:
    seconds = max(0, int(age.total_seconds()))
    for size, one, many, chinese in (
        (86_400, "day", "days", "天"),
        (3_600, "hour", "hours", "小时"),
        (60, "minute", "minutes", "分钟"),
    ):
        if seconds >= size:
            count = seconds // size
            return f"{count} {one if count == 1 else many}", f"{count} {chinese}"
    return f"{seconds} seconds", f"{seconds} 秒"
