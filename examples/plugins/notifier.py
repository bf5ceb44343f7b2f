"""A notifier of one's own: tells the roles that answer for a time limit, over a chat's webhook."""

import json
import os
from collections.abc import Mapping
from typing import Any
from urllib.request import Request, urlopen

from eldermall import hookimpl
from eldermall.contracts.notification import Notice, NoticeAnswer

WORDS: Mapping[str, str] = {
    "clock.breached": "已超期：{subject}，时限 {clock}，应于 {due} 前完成",
    "clock.repeated": "仍未处理：{subject}，时限 {clock}，应于 {due} 前完成",
}
BUSY = 45009


@hookimpl
def eldermall_notify(notice: Notice) -> NoticeAnswer | None:
    if notice.template not in WORDS:
        return None
    text = WORDS[notice.template].format(subject=notice.subject, **notice.params)
    body = json.dumps({"group": notice.role, "text": text}).encode()
    headers = {"Content-Type": "application/json", "Idempotency-Key": notice.key}
    try:
        with urlopen(Request(os.environ["CHAT_URL"], body, headers), timeout=10) as reply:
            said: dict[str, Any] = json.load(reply)
    except TimeoutError:
        return NoticeAnswer("unknown", "unknown_outcome", "no reply in time")
    except (OSError, ValueError) as error:
        return NoticeAnswer("retry", "transient", type(error).__name__)
    return answer(said)


def answer(said: Mapping[str, Any]) -> NoticeAnswer:
    if said["errcode"] == BUSY:
        return NoticeAnswer("retry", "rate_limited", said["errmsg"])
    if said["errcode"]:  # a failure inside a reply of HTTP 200
        return NoticeAnswer("rejected", "permanent_content", said["errmsg"])
    return NoticeAnswer("accepted", reference=said["msgid"])
