"""WeChat, WeCom and Alipay."""

from district.channels.kinds import alipay, wechat_mini, wechat_official, wecom
from district.channels.kinds.kind import Kind

KINDS: tuple[Kind, ...] = (wechat_mini.KIND, wechat_official.KIND, wecom.KIND, alipay.KIND)
