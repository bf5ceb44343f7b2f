"""What somebody must be told, and what a notification plugin answers.

A notice names a template and its parameters, never free text: text messages and mini programs ask
for that. It holds no phone number and no name; the plugin knows by which way a role or a person is
reached.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from eldermall.errors import Invalid
from eldermall.texts import Text

NoticeResult = Literal["accepted", "delivered", "rejected", "retry", "unknown"]
RESULTS: tuple[NoticeResult, ...] = get_args(NoticeResult)

NoticeError = Literal[
    "", "permanent_recipient", "permanent_content", "auth_config", "rate_limited", "transient",
    "unknown_outcome",
]
ERRORS: tuple[NoticeError, ...] = get_args(NoticeError)


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that a role or a person must be told.

    Args:
        key: stays over retries; a plugin that must tell once keeps the keys that it has told.
        template: which words: ``clock.warned``, ``clock.breached``, ``clock.repeated``, or a
            name of the host's own.
        params: what the words are filled with: ids, moments as ISO 8601 in UTC, no personal data.
        role: the role that is told.
        person: the host's id of the person, where one is meant.
        subject: ``kind/id`` of the record that it is about.
        mall: the mall's code.
        locale: the language to speak, as BCP 47; empty for the plugin's own choice.
        urgent: whether it may disturb.
        not_before: don't tell earlier, in microseconds since 1970 UTC; None for at once.
        expires: don't tell later; None for never.
    """

    key: str
    template: str
    params: Mapping[str, str] = field(default_factory=dict)
    role: str = ""
    person: str = ""
    subject: str = ""
    mall: str = ""
    locale: str = ""
    urgent: bool = False
    not_before: int | None = None
    expires: int | None = None


@dataclass(frozen=True, slots=True)
class NoticeAnswer:
    """What came of a notice.

    Args:
        result: ``accepted``, a provider has taken it; ``delivered``, it has arrived; ``rejected``,
            it never will; ``retry``, nothing was sent; ``unknown``, it may have been sent. The
            last two are tried again, with the same key.
        error: which kind of failure.
        reason: why, for staff; holds no key and no phone number.
        reference: the provider's id of the message.

    Raises:
        Invalid: the result or the error is none of `RESULTS` or `ERRORS`.
    """

    result: NoticeResult
    error: NoticeError = ""
    reason: str = ""
    reference: str = ""

    def __post_init__(self) -> None:
        for value, allowed, where in (
            (self.result, RESULTS, "NoticeAnswer.result"),
            (self.error, ERRORS, "NoticeAnswer.error"),
        ):
            if value not in allowed:
                raise Invalid(
                    where, value,
                    Text(
                        "应为下列之一：" + "、".join(filter(None, allowed)),
                        "must be one of " + ", ".join(filter(None, allowed)),
                    ),
                )
