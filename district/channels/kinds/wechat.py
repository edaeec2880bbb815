"""WeChat, WeCom and Alipay."""

from district.channels.kinds.kind import Kind

KINDS: tuple[Kind, ...] = ()
