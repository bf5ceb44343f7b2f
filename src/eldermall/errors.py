"""Every error that eldermall raises.

::

    EldermallError            code, text (zh and en)
    ├── DefinitionError       found when a mall is put together, before anything moves
    │   ├── PolicyError       a policy file: what is wrong at which key
    │   └── PluginError       a plugin that can't be loaded or broke its contract
    ├── Invalid               an input that no rule could ever accept; nothing was tried
    ├── Refused               the rules said no; carries the Decision; is in the journal
    ├── Conflict              somebody else moved first, or the database wants the work again
    │   ├── KeyReused         an idempotency key that came back with other content
    │   ├── Overtaken         another transaction was first; doing it again may go through
    │   └── Locked            no lock on the database was to be had in time
    ├── Unknown               a read of something that isn't there
    ├── ClockDoubted          now lies far beyond all that the database knows; nothing was done
    ├── RuleBroken            the code of a rule, fact, clock or effect itself failed
    ├── FileUnreadable        a file that can't be read at all
    └── StorageError          the database can't be used
        ├── SchemaError       its schema is older, newer or foreign
        ├── NotInTransaction  joined without an open transaction
        ├── NotJoinable       this storage or this connection can't be joined
        └── NotJoined         would commit by itself beside an open joined handle

``code`` is stable and meant for programs; ``text`` is meant for people; ``str()`` is the English.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

from eldermall.texts import Text

if TYPE_CHECKING:
    from eldermall.engine.rule import Decision


class EldermallError(Exception):
    """The root of all errors of eldermall.

    Args:
        text: what was wrong, where, and what would be right, in both languages.
    """

    code: ClassVar[str] = "eldermall"

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text

    def __reduce__(self) -> tuple[Any, ...]:
        """Let another process have it, whatever the arguments of its class."""
        return _again, (type(self), self.args, self.__dict__)


def _again(
    kind: type[EldermallError], args: tuple[Any, ...], state: Mapping[str, Any]
) -> EldermallError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class DefinitionError(EldermallError):
    """A machine, rule, clock or kind that contradicts itself."""

    code = "definition"


class PolicyError(DefinitionError):
    """A policy that can't be put in force."""

    code = "policy"


class PluginError(DefinitionError):
    """A plugin that can't be loaded, or that broke its contract."""

    code = "plugin"


class Fault(NamedTuple):
    """One thing that is wrong with an input: where, what was given there, and why it is wrong."""

    where: str
    value: object
    text: Text


class Invalid(EldermallError):
    """An input that can't be accepted whatever the state of anything.

    Args:
        where: the argument or field.
        value: what was given (cut to 80 characters in the message).
        why: what would be right.

    ``faults`` holds all that was found wrong at once; ``where``, ``value`` and ``text`` are those
    of the first.
    """

    code = "invalid"
    faults: tuple[Fault, ...]

    def __init__(self, where: str, value: object, why: Text) -> None:
        shown = repr(value)
        shown = shown if len(shown) <= 80 else shown[:77] + "..."
        super().__init__(
            Text(f"{where} 的值 {shown} 无效：{why.zh}", f"{where} = {shown} is invalid: {why.en}")
        )
        self.where = where
        self.value = value
        self.faults = (Fault(where, value, self.text),)

    @classmethod
    def together(cls, found: Sequence[Invalid]) -> Invalid:
        """Return the first of what was found, with the faults of all; tracebacks tell the rest."""
        first = found[0]
        first.faults = tuple(fault for each in found for fault in each.faults)
        for fault in first.faults[1:]:
            first.add_note(fault.text.en)
        return first


class Refused(EldermallError):
    """A move that the rules, the machine or the facts refused. The attempt is in the journal.

    ``decision`` holds every verdict with its clauses and missing facts.
    """

    code = "refused"

    def __init__(self, decision: Decision) -> None:
        super().__init__(decision.text)
        self.decision = decision


class Conflict(EldermallError):
    """Somebody else moved first.

    ``retry`` says what to do again: ``"command"`` or the host's whole ``"transaction"``.
    """

    code = "conflict"

    def __init__(self, text: Text, *, retry: Literal["command", "transaction"] = "command") -> None:
        super().__init__(text)
        self.retry = retry


class KeyReused(Conflict):
    """An idempotency key that was used before with other content."""

    code = "key-reused"


class Overtaken(Conflict):
    """Another transaction was first, or the database gave this one up for another (a deadlock).

    Nothing was done. In a transaction of eldermall's own it was tried four times in all.
    """

    code = "overtaken"


class Locked(Conflict):
    """No lock on the database was to be had in time; nothing was tried."""

    code = "locked"


class Unknown(EldermallError):
    """A record, machine or name that isn't there."""

    code = "unknown"


class ClockDoubted(EldermallError):
    """Now lies far beyond all that the database knows: a wrong clock, or a long silence.

    Nothing was sealed or erased. It ends by itself a day after something has happened.
    """

    code = "clock-doubted"


class RuleBroken(EldermallError):
    """The code of a rule, fact, clock or effect raised an error of its own; nothing moved."""

    code = "rule-broken"


class FileUnreadable(EldermallError):
    """A file that can't be read at all."""

    code = "file"


class StorageError(EldermallError):
    """The database can't be used."""

    code = "storage"


class SchemaError(StorageError):
    """The schema of the database isn't the one this version needs."""

    code = "schema"


class NotInTransaction(StorageError):
    """A joined connection has no open transaction."""

    code = "not-in-transaction"


class NotJoinable(StorageError):
    """The storage or the connection can't be joined."""

    code = "not-joinable"


class NotJoined(StorageError):
    """What would commit by itself was asked for where a joined handle of the mall is open.

    Nothing was done. Use the handle, or do it when the handle is closed.
    """

    code = "not-joined"
