"""Who moves something: a person whom the host vouches for, or the system with its cause."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from eldermall.engine.inputs import can_be_seen, checked_id, checked_text
from eldermall.errors import Invalid
from eldermall.texts import Text

Role = Literal[
    "customer",
    "merchant",
    "customer_service",
    "field_agent",
    "operations",
    "department_head",
    "company_leader",
    "system",
]

ROLES: tuple[Role, ...] = get_args(Role)
STAFF: tuple[Role, ...] = (
    "customer_service",
    "field_agent",
    "operations",
    "department_head",
    "company_leader",
)

ROLE_LABELS: dict[Role, Text] = {
    "customer": Text("客户", "customer"),
    "merchant": Text("商家", "merchant"),
    "customer_service": Text("客服", "customer service"),
    "field_agent": Text("外勤", "field agent"),
    "operations": Text("运营", "operations"),
    "department_head": Text("部门负责人", "department head"),
    "company_leader": Text("公司领导", "company leader"),
    "system": Text("系统", "system"),
}


def listed(roles: Iterable[Role]) -> Text:
    """Return what roles are called in print, one after the other."""
    labels = [ROLE_LABELS[role] for role in roles]
    return Text("、".join(each.zh for each in labels), ", ".join(each.en for each in labels))


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, as the host vouches for it.

    Args:
        id: the host's id of the person.
        role: in which role the person acts here.
        department: the department of staff; required for them.
        merchant: the merchant for whom a person of role ``merchant`` acts; required for them.
        cause: for the system, what made it act.

    Raises:
        Invalid: an id or role is malformed, or the department or merchant is missing.
    """

    id: str
    role: Role
    department: str | None = None
    merchant: str | None = None
    cause: str | None = None

    def __post_init__(self) -> None:
        checked_id(self.id, "actor.id")
        if self.role not in ROLES:
            raise Invalid(
                "actor.role",
                self.role,
                Text(
                    "应为下列之一：" + "、".join(ROLES),
                    "must be one of " + ", ".join(ROLES),
                ),
            )
        if self.role in STAFF:
            if self.department is None:
                raise Invalid(
                    "actor.department",
                    None,
                    Text(
                        "职工须注明所属部门（S19 第二条）",
                        "staff act with their department (S19 article 2)",
                    ),
                )
            checked_id(self.department, "actor.department")
        if self.role == "merchant":
            if self.merchant is None:
                raise Invalid(
                    "actor.merchant",
                    None,
                    Text("商家人员须注明所属商家", "a merchant's people act for a merchant"),
                )
            checked_id(self.merchant, "actor.merchant")

    @property
    def is_staff(self) -> bool:
        """Whether the company's own staff acts."""
        return self.role in STAFF

    def as_json(self) -> dict[str, Any]:
        """Return the fields that are set, for an entry."""
        fields: dict[str, Any] = {"id": self.id, "role": self.role}
        if self.department is not None:
            fields["department"] = self.department
        if self.merchant is not None:
            fields["merchant"] = self.merchant
        if self.cause is not None:
            fields["cause"] = self.cause
        return fields

    @staticmethod
    def from_json(fields: dict[str, str]) -> Actor:
        """Return the actor that `as_json` wrote down."""
        return Actor(
            fields["id"],
            cast(Role, fields["role"]),
            fields.get("department"),
            fields.get("merchant"),
            fields.get("cause"),
        )


def person(id: str, role: Role, *, department: str | None = None, merchant: str | None = None) -> (
    Actor
):
    """Return a person who acts.

    Args:
        id: the host's id of the person.
        role: in which role; not ``system``.
        department: of staff.
        merchant: for whom a merchant's person acts.

    Raises:
        Invalid: something is malformed or missing.
    """
    if role == "system":
        raise Invalid(
            "actor.role",
            role,
            Text("人员不能以 system 身份操作", "a person doesn't act as system"),
        )
    return Actor(id, role, department, merchant)


def system(cause: str) -> Actor:
    """Return the system acting because of ``cause``: an entry, a courier's or a payment's notice.

    Raises:
        Invalid: ``cause`` is no text that can be kept, or nothing of it can be seen.
    """
    if not can_be_seen(checked_text(cause, "cause")):
        raise Invalid("cause", cause, Text("须说明缘由", "say what made the system act"))
    return Actor("system", "system", cause=cause)


def merchants_own(subject: Any, actor: Actor) -> bool:
    """Say whether a merchant acts on what is their own; customers never do.

    Args:
        subject: a record, or arguments, with the ``merchant`` whose it is.
        actor: who acts, and is no staff.
    """
    return actor.role == "merchant" and bool(subject.merchant == actor.merchant)
