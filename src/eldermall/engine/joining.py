"""Which joined handles are open here: what would commit by itself beside one is refused.

*Here* is a context: a thread, or a task of asyncio with what it calls in other threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from eldermall.contracts.storage import Installed, Storage
from eldermall.errors import NotJoined
from eldermall.texts import Text


@dataclass(eq=False, slots=True)
class _Handle:
    place: tuple[object, str]
    over: Callable[[], bool]
    batch: bool = False


_open: ContextVar[tuple[_Handle, ...]] = ContextVar("eldermall_joined", default=())


@contextmanager
def handle(storage: Storage, mall: str, over: Callable[[], bool]) -> Iterator[None]:
    """Open a joined handle here.

    Args:
        storage: where the mall is kept that it moves.
        mall: the mall's code.
        over: whether the host's transaction has ended.
    """
    mine = _Handle(_place(storage, mall), over)
    _open.set((*_open.get(), mine))
    try:
        yield
    finally:
        mine.over = lambda: True  # a task or thread that was begun meanwhile has it too
        _open.set(tuple(each for each in _open.get() if each is not mine))


def joined(storage: Storage, mall: str) -> bool:
    """Say whether a handle of the mall is open here, in a transaction that hasn't ended."""
    here = _open.get()
    if not here:
        return False
    place = _place(storage, mall)
    return any(each.place == place and not each.over() for each in here)


@contextmanager
def batch(storage: Storage, mall: str) -> Iterator[None]:
    """Open a batch in the newest handle of the mall that is open here."""
    place = _place(storage, mall)
    mine = next(each for each in reversed(_open.get()) if each.place == place)
    mine.batch = True
    try:
        yield
    finally:
        mine.batch = False


def unbatched(storage: Storage, mall: str) -> None:
    """Make sure that no handle of the mall here has a batch open, whose changes none would see.

    Raises:
        NotJoined: one has.
    """
    place = _place(storage, mall)
    if any(each.place == place and each.batch for each in _open.get()):
        raise NotJoined(
            Text(
                "此处已打开批次，其中的改动尚未写入；请改用 batch() 给出的句柄，"
                "或等其 with 块结束后再做",
                "a batch is open here whose changes aren't written yet: use the handle that "
                "batch() gave, or do it after its with block",
            )
        )


def alone(storage: Storage, mall: str) -> None:
    """Make sure that what commits by itself may do so.

    Raises:
        NotJoined: a handle of the mall is open here.
    """
    if joined(storage, mall):
        raise NotJoined(
            Text(
                f"此处已加入宿主的事务（商城 {mall}），而这项操作会自行提交，"
                "宿主回滚也撤不掉它；请改用 joined() 给出的句柄，或等其 with 块结束后再做",
                f"the mall {mall} is joined to a transaction of yours here, and this would commit "
                "by itself, whatever becomes of yours: use the handle that joined() gave, or do "
                "it after its with block",
            )
        )


def _place(storage: Storage, mall: str) -> tuple[object, str]:
    """Say where a mall is kept; two storages on one database say the same, if they can."""
    return (storage.installation if isinstance(storage, Installed) else storage, mall)
