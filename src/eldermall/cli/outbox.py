"""``eldermall outbox``: what still waits to be told, to have it tried again, or to drop it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich import box
from rich.table import Table
from rich.text import Text as Styled

from eldermall.calendars import microseconds, moment
from eldermall.cli import output
from eldermall.cli.sweep import moment_of
from eldermall.contracts.storage import Message, MessageState
from eldermall.engine.actor import person
from eldermall.engine.mending import Chosen
from eldermall.engine.outbox import address
from eldermall.errors import Invalid
from eldermall.loading import allowed
from eldermall.mall import Mall
from eldermall.texts import Lang, Text

outbox = typer.Typer(
    help="What still waits to be told to the outside: list it, have it tried again, drop it.",
    no_args_is_help=True,
)

Url = Annotated[str, typer.Argument(help="The database: sqlite:///mall.db, postgresql://...")]
TopicOption = Annotated[
    Literal["event", "notice", "refund", "root"] | None,
    typer.Option("--topic", help="Of this topic."),
]
ReceiverOption = Annotated[
    str | None,
    typer.Option("--receiver", help="For the plugin of this name.", metavar="NAME"),
]
SinceOption = Annotated[
    str | None,
    typer.Option("--since", help="Made at this moment or later, with its zone.", metavar="TIME"),
]
UntilOption = Annotated[
    str | None,
    typer.Option("--until", help="Made before this moment, with its zone.", metavar="TIME"),
]

_HEADS = (
    Text("消息", "message"), Text("状态", "state"), Text("次数", "tries"),
    Text("产生于", "made"), Text("下次", "next"), Text("原因", "why"),
)
_STATES = {
    "pending": Text("待送达", "pending"), "accepted": Text("已受理", "accepted"),
    "delivered": Text("已送达", "delivered"), "dead": Text("已放弃", "dead"),
    "withdrawn": Text("已撤回", "withdrawn"), "expired": Text("已过期", "expired"),
    "suppressed": Text("无人接收", "suppressed"),
}


class State(StrEnum):
    """A state of a message, as it is given on the command line."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    DEAD = "dead"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    SUPPRESSED = "suppressed"


def _opened(url: str, policy: Path, code: str, prefix: str) -> Mall:
    return Mall.open(
        url, policy=policy, code=code, prefix=prefix, plugins=allowed(), make=False
    )


def _chosen(
    topic: str | None, receiver: str | None, since: str | None, until: str | None
) -> Chosen:
    def at(text: str | None, option: str) -> int | None:
        return None if text is None else microseconds(moment_of(text, option), option)

    return Chosen(topic, receiver, at(since, "--since"), at(until, "--until"))


@outbox.command("list")
def list_(
    url: Url,
    policy: output.PolicyOption,
    state: Annotated[
        list[State] | None,
        typer.Option("--state", help="In this state; pending and dead if left out."),
    ] = None,
    topic: TopicOption = None,
    receiver: ReceiverOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, help="The most to print, the oldest first.")
    ] = 1000,
    code: output.CodeOption = "main",
    prefix: output.PrefixOption = "eldermall_",
    lang: output.LangOption = None,
    json: output.JsonOption = False,
) -> None:
    """Print the messages that wait, and those that were given up. Exit 1 if some were given up."""
    spoken = output.language(lang)
    with output.telling(spoken):
        which = _chosen(topic, receiver, since, until)
        with _opened(url, policy, code, prefix) as mall:
            states: list[MessageState] = [each.value for each in state or ()]
            found = mall.messages(*states, which=which, limit=limit)
            zone = mall.policy.settings.zone
    if json:
        output.print_json({"mall": code, "messages": [_facts(message) for message in found]})
    elif found:
        output.console().print(_table(found, zone, spoken))
    else:
        output.console().print(Text("没有消息", "no messages").in_(spoken))
    if any(message.state == "dead" for message in found):
        raise typer.Exit(output.FINDINGS)


@outbox.command("retry")
def retry(
    url: Url,
    policy: output.PolicyOption,
    ids: Annotated[
        list[str] | None, typer.Argument(help="Which, as `list` shows them.", metavar="[ID]...")
    ] = None,
    topic: TopicOption = None,
    receiver: ReceiverOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    all_: Annotated[bool, typer.Option("--all", help="All that wait or were given up.")] = False,
    code: output.CodeOption = "main",
    prefix: output.PrefixOption = "eldermall_",
    lang: output.LangOption = None,
    json: output.JsonOption = False,
) -> None:
    """Have messages that were given up, or wait for a next try, tried again by the next relay.

    Each keeps its id, so whoever has heard it already knows it.
    """
    spoken = output.language(lang)
    with output.telling(spoken):
        which = _chosen(topic, receiver, since, until)
        if bool(ids) + (which != Chosen()) + all_ != 1:
            raise Invalid(
                "retry", None,
                Text(
                    "请给出消息编号，或 --topic、--receiver、--since、--until，或 --all，三者取一",
                    "needs one of: ids; --topic, --receiver, --since or --until; or --all",
                ),
            )
        with _opened(url, policy, code, prefix) as mall:
            many = mall.retry_messages(*(ids or ()), which=which)
    if json:
        output.print_json({"mall": code, "retried": many})
        return
    output.console().print(
        Text(f"将重试 {many} 条消息", f"messages to be tried again: {many}").in_(spoken)
    )


@outbox.command("drop")
def drop(
    url: Url,
    id: Annotated[str, typer.Argument(help="The message, as `list` shows it.")],
    policy: output.PolicyOption,
    by: Annotated[str, typer.Option("--by", help="Who drops it: the shop's id of the person.")],
    reason: Annotated[
        str, typer.Option("--reason", help="Why; it is kept as a personal value of the record.")
    ],
    role: Annotated[
        Literal["operations", "department_head", "company_leader"],
        typer.Option("--role", help="In which role they do."),
    ] = "operations",
    department: Annotated[
        str, typer.Option("--department", help="Of which department they are.")
    ] = "operations",
    code: output.CodeOption = "main",
    prefix: output.PrefixOption = "eldermall_",
    lang: output.LangOption = None,
    json: output.JsonOption = False,
) -> None:
    """Drop a message that isn't delivered yet. Who did, and why, stands in its record's journal.

    Dropping a refund request leaves what is owed.
    """
    spoken = output.language(lang)
    with output.telling(spoken), _opened(url, policy, code, prefix) as mall:
        mall.drop_message(id, by=person(by, role, department=department), reason=reason)
    if json:
        output.print_json({"mall": code, "dropped": id})
        return
    output.console().print(Text(f"已撤回消息 {id}", f"dropped the message {id}").in_(spoken))


def _facts(message: Message) -> dict[str, Any]:
    return {
        "id": message.id, "topic": message.topic, "receiver": address(message.id)[1] or None,
        "state": message.state, "attempts": message.attempts, "created": message.created,
        "next": message.next, "reason": message.reason,
    }


def _table(found: Sequence[Message], zone: tzinfo, lang: Lang) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for head in _HEADS:
        table.add_column(head.in_(lang), overflow="fold")
    for message in found:
        table.add_row(
            Styled(message.id),
            Styled(_STATES[message.state].in_(lang), "bold red" * (message.state == "dead")),
            str(message.attempts),
            moment(message.created, zone).strftime("%Y-%m-%d %H:%M"),
            "" if message.next is None else output.when(message.next, zone),
            Styled(message.reason),
        )
    return table
