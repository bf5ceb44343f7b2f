"""``eldermall appoint``: put a person on duty for a link or post, or assign one to a merchant."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from eldermall.cli import output
from eldermall.engine.actor import person
from eldermall.errors import Unknown
from eldermall.loading import allowed
from eldermall.mall import Mall
from eldermall.rooms.people import LINKS
from eldermall.texts import Text


def appoint(
    url: Annotated[str, typer.Argument(help="The database: sqlite:///mall.db, postgresql://...")],
    post: Annotated[
        str,
        typer.Argument(
            help=f"A link ({', '.join(LINKS)}), leader, head.DEPARTMENT, or a merchant's id."
        ),
    ],
    who: Annotated[str, typer.Argument(help="The shop's id of the person.")],
    policy: output.PolicyOption,
    by: Annotated[str, typer.Option("--by", help="Who appoints: the shop's id of the person.")],
    role: Annotated[
        Literal["operations", "department_head", "company_leader"],
        typer.Option("--role", help="In which role they do."),
    ] = "company_leader",
    department: Annotated[
        str, typer.Option("--department", help="Of which department they are.")
    ] = "board",
    basis: Annotated[
        str | None, typer.Option("--basis", help="On what ground the person is held fit.")
    ] = None,
    merchant: Annotated[
        bool, typer.Option("--merchant", help="POST is a merchant, the person its field agent.")
    ] = False,
    code: output.CodeOption = "main",
    prefix: output.PrefixOption = "eldermall_",
    lang: output.LangOption = None,
    json: output.JsonOption = False,
) -> None:
    """Put a person on duty for a link or post. Somebody who is on duty already stays so."""
    spoken = output.language(lang)
    with (
        output.telling(spoken),
        Mall.open(url, policy=policy, code=code, prefix=prefix, plugins=allowed()) as mall,
    ):
        room = mall.assignments if merchant else mall.designations
        try:
            held = who in room.get(post).on_duty(mall.now())
        except Unknown:
            held = False
        if not held:
            actor = person(by, role, department=department)
            room.appoint(post, who, by=actor, basis=basis)
        on_duty = room.get(post).on_duty(mall.now())
    if json:
        output.print_json({"post": post, "on_duty": on_duty, "appointed": not held})
        return
    output.console().print(
        Text(
            f"{post}：在任 {'、'.join(on_duty)}", f"{post}: on duty {', '.join(on_duty)}"
        ).in_(spoken)
    )
