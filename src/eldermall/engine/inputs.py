"""The door: what ids, texts and arguments must look like before anything else looks at them."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from functools import cached_property
from hashlib import sha256
from typing import Annotated, Any, ClassVar, Final, TypeVar
from unicodedata import category

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
)

from eldermall.errors import Invalid
from eldermall.texts import Text

ID_PATTERN = r"^[A-Za-z0-9._:-]{1,64}$"
_ID = re.compile(ID_PATTERN[1:-1])
_BAD_TEXT = re.compile("[\x00\ud800-\udfff]")
_ID_RULE = Text(
    "编号须为 1 至 64 个字符，仅限 A-Z a-z 0-9 . _ : -",
    "an id is 1 to 64 of A-Z a-z 0-9 . _ : -",
)
_NUMBER = Text("，不是整数：请写 str(...)", ", not a whole number: write str(...)")
_TEXT_RULE = Text(
    "文字中不得含有零字符或不成对的代理字符", "a text holds no zero character and no lone surrogate"
)
_BLANK_RULE = Text(
    "须有看得见的文字，不能只有空白", "must hold something that can be seen, not only blanks"
)
_FILLERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and a symbol that show nothing."""

STORED: Final = "stored"
"""The context in which what was stored is validated: it isn't asked what was asked at the door."""


def can_be_seen(text: str) -> bool:
    """Say whether anything of a text can be seen: blanks and signs of no width can't."""
    return any(category(sign)[0] not in "ZCM" and sign not in _FILLERS for sign in text)


def _is_number(value: object) -> bool:
    """Say whether it is what a host's table counts its rows by."""
    return isinstance(value, int) and not isinstance(value, bool)


def checked_id(value: object, where: str) -> str:
    """Return ``value`` if it is an id.

    Raises:
        Invalid: it is none.
    """
    if isinstance(value, str) and _ID.fullmatch(value) is not None:
        return value
    if _is_number(value):
        raise Invalid(where, value, Text(_ID_RULE.zh + _NUMBER.zh, _ID_RULE.en + _NUMBER.en))
    raise Invalid(where, value, _ID_RULE)


def checked_text(value: object, where: str) -> str:
    """Return ``value`` if it is a text that can be kept as it is.

    Raises:
        Invalid: it isn't.
    """
    if not isinstance(value, str) or _BAD_TEXT.search(value) is not None:
        raise Invalid(where, value, _TEXT_RULE)
    return value


def checked_words(value: object, where: str) -> str:
    """Return ``value`` if it is a text of which something can be seen.

    Raises:
        Invalid: it isn't.
    """
    text = checked_text(value, where)
    if not can_be_seen(text):
        raise Invalid(where, value, _BLANK_RULE)
    return text


def only_keys(table: Mapping[str, Any], allowed: tuple[str, ...], where: str) -> None:
    """Check that ``table`` holds only the ``allowed`` keys; ``where`` stands before a wrong one.

    Raises:
        Invalid: it holds another.
    """
    for key, value in table.items():
        if key not in allowed:
            raise Invalid(
                where + key, value,
                Text(
                    "没有此项，可用的有：" + "、".join(allowed),
                    "is no key here; there are " + ", ".join(allowed),
                ),
            )


def new_id(now: int) -> str:
    """Return a UUIDv7 for a record made at ``now`` (microseconds since 1970 UTC)."""
    bits = (now // 1000 & (2**48 - 1)) << 80 | 0x7 << 76 | secrets.randbits(12) << 64
    bits |= 0b10 << 62 | secrets.randbits(62)
    digits = f"{bits:032x}"
    return "-".join(
        (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
    )


def derived_id(*parts: str) -> str:
    """Return an id made of ``parts``, always the same: readable if they fit, a hash if not."""
    whole = ".".join(parts)
    if len(whole) <= 64:
        return whole
    return f"{parts[0][:20]}.{sha256(whole.encode()).hexdigest()[:40]}"


class Personal:
    """Marks a field whose value belongs to a person: entries hold a commitment instead of it.

    Args:
        purpose: what it is kept for.
        of: the field that names whose it is; None for the record's customer.
    """

    __slots__ = ("of", "purpose")

    def __init__(self, purpose: str, of: str | None = None) -> None:
        self.purpose = purpose
        self.of = of


class Plain:
    """Marks a text whose words belong to nobody, and says why; they stand in clear for good.

    Args:
        why: why it holds nothing of a person.
    """

    __slots__ = ("why",)

    def __init__(self, why: str) -> None:
        self.why = why


class Bound:
    """Marks a collection of a record that isn't to grow beyond ``most``; nothing asks it yet."""

    __slots__ = ("most",)

    def __init__(self, most: int) -> None:
        self.most = most


class Ahead:
    """Marks a moment that may lie ahead: what is agreed, or ends then."""


def _text(value: str) -> str:
    if _BAD_TEXT.search(value):
        raise ValueError(_TEXT_RULE)
    return value


def _words(value: str, info: ValidationInfo) -> str:
    if info.context is not STORED and not can_be_seen(value):
        raise ValueError(_BLANK_RULE)
    return _text(value)


Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
Words = Annotated[str, StringConstraints(min_length=1, max_length=4000), AfterValidator(_words)]
Label = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_words)]
Said = Annotated[str, StringConstraints(max_length=4000), AfterValidator(_text)]
Quantity = Annotated[int, Field(ge=1, le=1_000_000)]
Amount = Annotated[int, Field(ge=0, le=10**12)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Moment = Annotated[int, Field(ge=0, le=2**53 - 1)]
Planned = Annotated[Moment, Ahead()]
"""A moment that may lie ahead."""


class Frozen(BaseModel):
    """Data that can't be changed: strict types, no unknown fields."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", ser_json_bytes="base64")


class Arguments(Frozen):
    """The arguments of a command. Fields marked `Personal` don't enter the journal in clear."""

    personal: ClassVar[Mapping[str, str]] = {}

    @cached_property
    def _said(self) -> Mapping[str, Any]:
        return self.model_dump(mode="json")

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        """Note which fields are personal, and why."""
        cls.personal = personal_fields(cls)


def said_of(args: Arguments) -> Mapping[str, Any]:
    """Return arguments as JSON has them; made once, not to be changed."""
    return args._said


def personal_fields(model: type[BaseModel]) -> Mapping[str, str]:
    """Return the fields of ``model`` marked `Personal`, each with its purpose."""
    return {
        name: mark.purpose
        for name, field in model.model_fields.items()
        for mark in field.metadata
        if isinstance(mark, Personal)
    }


A = TypeVar("A", bound=Arguments)

_RULES = {
    "string_pattern_mismatch": Text("格式不符：{pattern}", "must match {pattern}"),
    "string_type": Text("须为文字", "must be a text"),
    "int_type": Text("须为整数", "must be a whole number"),
    "string_too_short": Text(
        "不得少于 {min_length} 个字符", "must have {min_length} or more characters"
    ),
    "string_too_long": Text("不得超过 {max_length} 个字符", "holds {max_length} at most"),
    "greater_than_equal": Text("不得小于 {ge}", "must be {ge} or more"),
    "less_than_equal": Text("不得大于 {le}", "must be {le} or less"),
    "missing": Text("缺少此项", "is missing"),
    "extra_forbidden": Text("没有此项", "is not a field here"),
    "string_unicode": _TEXT_RULE,
    "dict_type": Text("须为名称与值的对应", "must be a mapping"),
    "model_type": Text("须为各项名称与值的对应", "must be a mapping of fields"),
    "tuple_type": Text("须为列表", "must be a list"),
    "too_short": Text("至少需要 {min_length} 项", "needs {min_length} item or more"),
    "too_long": Text("最多 {max_length} 项", "holds {max_length} items at most"),
    "bool_type": Text("须为 true 或 false", "must be true or false"),
    "value_error": Text("{error}", "{error}"),
}


def arguments(model: type[A], command: str, /, **values: object) -> A:
    """Build the arguments of ``command``.

    Raises:
        Invalid: the first value that is wrong, where it stands, and what would be right.
    """
    try:
        return model(**values)
    except ValidationError as error:
        raise invalid(error, command) from None


def invalid(error: ValidationError, what: str) -> Invalid:
    """Turn the problems of ``error`` into an `Invalid` that says where in ``what`` each is."""
    problems = error.errors(include_url=False)
    return Invalid.together([_invalid(problem, what) for problem in problems])


def _invalid(problem: Any, what: str) -> Invalid:
    rule = _RULES.get(problem["type"], Text(problem["msg"], problem["msg"]))
    where = ".".join((what, *(str(step) for step in problem["loc"])))
    given = None if problem["type"] == "missing" else problem["input"]
    if problem["type"] == "string_type" and _is_number(given):
        rule = Text(rule.zh + _NUMBER.zh, rule.en + _NUMBER.en)
    if problem["type"] == "literal_error":
        names = re.findall("'([^']*)'", problem["ctx"]["expected"])
        text = Text("应为下列之一：" + "、".join(names), "must be one of " + ", ".join(names))
        return Invalid(where, given, text)
    if problem["type"] == "value_error":
        *field, text = problem["ctx"]["error"].args
        if field:
            (name,) = field
            where, given = f"{where}.{name}", problem["input"][name]
        return Invalid(where, given, text if isinstance(text, Text) else Text(str(text), str(text)))
    return Invalid(where, given, rule.format(**problem.get("ctx", {})))
