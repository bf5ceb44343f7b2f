"""``eldermall verify``: check the journal of a mall."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text as Styled

from eldermall.adapters.roots.ed25519 import fingerprint, public_key
from eldermall.adapters.roots.file import KeptRoot, kept_roots
from eldermall.adapters.storage.urls import shown_url
from eldermall.cli import output
from eldermall.contracts.storage import Storage
from eldermall.engine.inputs import checked_id
from eldermall.engine.verification import (
    Finding,
    Part,
    Verification,
    parts,
    verify_part,
    verify_roots,
)
from eldermall.engine.verification import verify as check
from eldermall.errors import FileUnreadable, Invalid, StorageError, Unknown
from eldermall.plugins import Plugins
from eldermall.reports.clear import in_clear
from eldermall.rooms import KINDS
from eldermall.texts import Lang, Text

_FACTS = (
    ("entries", Text("记录", "entries")),
    ("subjects", Text("记录链", "chains")),
    ("sealed", Text("已封存", "sealed")),
    ("roots", Text("封存根", "roots")),
)


def verify(
    url: Annotated[str, typer.Argument(help="The database: sqlite:///mall.db.")],
    root: Annotated[
        Path | None,
        typer.Option("--root", "--roots", help="File of roots kept outside the database."),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(
            "--key", help="Public key that must have signed every root.", metavar="PUBLIC.pem"
        ),
    ] = None,
    jobs: Annotated[
        int, typer.Option("--jobs", min=0, max=256, help="How many processes check; 0: one a core.")
    ] = 1,
    clear: Annotated[
        bool,
        typer.Option(
            "--clear", help="Also count what entries of versions before hold in clear of persons."
        ),
    ] = False,
    code: output.CodeOption = "main",
    prefix: output.PrefixOption = "eldermall_",
    lang: output.LangOption = None,
    json: output.JsonOption = False,
) -> None:
    """Check that the journal hasn't been changed. Exit 1 if something is wrong."""
    spoken = output.language(lang)
    with output.telling(spoken):
        checked_id(code, "code")
        outside = _outside(root, key)
        found = _checked(url, prefix, code, outside, jobs or os.cpu_count() or 1)
        if not (found.entries or found.roots or found.findings):
            raise Unknown(
                Text(
                    f"{shown_url(url)} 中没有商城 {code} 的记录",
                    f"{shown_url(url)} holds no entry of the mall {code}",
                )
            )
        said = _in_clear(url, prefix, code) if clear else None
    if outside is not None:
        found = replace(found, findings=outside.findings + found.findings)
    if json:
        signed = None if outside is None else outside.as_json()
        counted = {} if said is None else {"clear": dict(sorted(said.items()))}
        output.print_json({"mall": code} | as_json(found) | {"outside": signed} | counted)
    else:
        show(found, spoken, outside)
        if said is not None:
            _show_clear(said, spoken)
    if not found.passed:
        raise typer.Exit(output.FINDINGS)


def opened(url: str, prefix: str, code: str) -> Storage:
    """Return the storage at ``url``, opened; it must be there."""
    storage = Plugins((), code).storage(url, prefix)
    try:
        storage.open((kind.record_kind for kind in KINDS), make=False)
    except BaseException:
        storage.close()
        raise
    return storage


def _in_clear(url: str, prefix: str, code: str) -> Counter[str]:
    with closing(opened(url, prefix, code)) as storage, storage.read(code) as tx:
        return in_clear(tx)


def _show_clear(found: Counter[str], lang: Lang) -> None:
    console = output.console()
    words = Text(
        f"旧版本的记录中以明文保存、如今视为个人信息的内容：{found.total()} 处",
        f"said in clear by entries of versions before, and personal by now: {found.total()}",
    )
    console.print(Styled(words.in_(lang), style="yellow" if found else "none"))
    for what, count in sorted(found.items()):
        console.print(Styled(f"  {what}  {count}"))


# Roots from outside


@dataclass(frozen=True, slots=True)
class Outside:
    """Roots from outside the database.

    Args:
        roots: all of them.
        key: the public key that must have signed them, if any.
    """

    roots: tuple[KeptRoot, ...]
    key: bytes | None

    @property
    def bodies(self) -> list[bytes]:
        """The roots that prove something."""
        return [root.body for root in self.roots if root.fault(self.key) is None]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Why the others don't."""
        faults = [(root.line, root.fault(self.key)) for root in self.roots]
        return tuple(Finding(f"line {line}", *fault) for line, fault in faults if fault)

    @property
    def plain(self) -> int:
        """How many aren't signed."""
        return sum(root.key is None for root in self.roots)

    @property
    def signed(self) -> Counter[bytes]:
        """How many are signed, by key."""
        return Counter(root.key for root in self.roots if root.key)

    def as_json(self) -> dict[str, object]:
        """Return how many are signed, and whether by the key that was given."""
        return {
            "plain": self.plain,
            "signed": [
                {
                    "fingerprint": fingerprint(key),
                    "roots": count,
                    "given": None if self.key is None else key == self.key,
                }
                for key, count in self.signed.items()
            ],
        }

    def lines(self) -> Iterator[Text]:
        """Yield the same in words."""
        signed = self.signed
        yield Text(
            f"库外封存根：已签名 {signed.total()} 个，未签名 {self.plain} 个",
            f"roots from outside: {signed.total()} signed, {self.plain} not signed",
        )
        for key, count in signed.items():
            if self.key is None:
                whose = Text("未给出公钥核对", "no key was given to compare with")
            elif key == self.key:
                whose = Text("即所给公钥", "the key that was given")
            else:
                whose = Text("并非所给公钥", "not the key that was given")
            yield Text(
                f"  {count} 个由此密钥签名（{whose.zh}），指纹：\n  {fingerprint(key)}",
                f"  {count} by a key ({whose.en}) with the fingerprint\n  {fingerprint(key)}",
            )


def _outside(path: Path | None, key: Path | None) -> Outside | None:
    if path is None:
        if key is not None:
            raise Invalid("--key", str(key), Text("须与 --root 一同给出", "needs --root beside it"))
        return None
    found = Outside(tuple(kept_roots(path)), None if key is None else public_key(key))
    if not found.roots:
        raise FileUnreadable(Text(f"{path} 中没有封存根", f"{path} holds no root"))
    return found


# By several processes


def _checked(
    url: str, prefix: str, code: str, outside: Outside | None, jobs: int
) -> Verification:
    bodies = None if outside is None else outside.bodies
    with closing(opened(url, prefix, code)) as storage, storage.read(code) as tx:
        if jobs == 1:
            return check(tx, code, bodies)
        try:
            with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
                checking = pool.map(partial(_check_part, url, prefix, code), parts(tx))
                return sum(checking, start=verify_roots(tx, code, bodies))
        except BrokenProcessPool as broken:
            raise StorageError(
                Text(
                    "核验进程意外终止（可能内存不足或被终止），请减少 --jobs 后重试",
                    "a process that checked has ended unexpectedly (killed, or out of memory); "
                    "try again with fewer --jobs",
                )
            ) from broken


def _check_part(url: str, prefix: str, code: str, part: Part) -> Verification:
    """Check one part in a read transaction of its own, so that it is consistent by itself."""
    with _kept_open(url, prefix, code).read(code) as tx:
        return verify_part(tx, code, *part)


_kept_open = cache(opened)  # to the end of the process


# In words


def as_json(found: Verification) -> dict[str, object]:
    """Return a verification for JSON."""
    return {
        "passed": found.passed,
        "entries": found.entries,
        "subjects": found.subjects,
        "sealed": found.sealed,
        "roots": found.roots,
        "anchored": found.anchored,
        "findings": [
            {"where": f.where, "code": f.code, "text": output.both(f.text)}
            for f in found.findings
        ],
    }


def show(found: Verification, lang: Lang, outside: Outside | None = None) -> None:
    """Print a verification."""
    console = output.console()
    table = Table.grid(padding=(0, 2))
    for name, label in _FACTS:
        table.add_row(Styled(label.in_(lang), style="dim"), str(getattr(found, name)))
    console.print(table)
    console.print(Styled(anchor(found).in_(lang), style="none" if found.anchored else "yellow"))
    if outside is not None:
        for said in outside.lines():
            console.print(Styled(said.in_(lang)))
    waiting = found.entries - found.sealed
    if waiting:
        console.print(
            Styled(
                Text(
                    f"尚有 {waiting} 条记录未封存：若从末尾截去，无法发现",
                    f"entries not sealed yet: {waiting}; cutting off their end would go unnoticed",
                ).in_(lang),
                style="yellow",
            )
        )
    for finding in found.findings:
        line = Styled().append("✗ ", style="bold red").append(finding.text.in_(lang))
        console.print(line.append(f"  {finding.code}", style="dim"))
    if found.passed:
        console.print(Styled(Text("✓ 核验通过", "✓ passed").in_(lang), style="bold green"))
    else:
        words = Text(
            f"核验未通过：发现 {len(found.findings)} 处问题",
            f"not passed; findings: {len(found.findings)}",
        )
        console.print(Styled(words.in_(lang), style="bold red"))


def anchor(found: Verification) -> Text:
    """Return in words what the journal was compared with."""
    if found.anchored is None:
        return Text(
            "未锚定：没有与库外保存的封存根比对，能改写整个数据库的人可能已将其重写",
            "unanchored: not compared with a root from outside; whoever can write the database "
            "could have rewritten it",
        )
    return Text(
        f"已锚定：与库外保存的封存根比对至第 {found.anchored} 个（库内共 {found.roots} 个）",
        f"anchored: compared with roots from outside up to number {found.anchored} "
        f"of {found.roots}",
    )
