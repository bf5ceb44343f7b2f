"""The policy file that a host starts from, with every setting beside its clause."""

from __future__ import annotations

import json

from eldermall.engine.rulebook import Rulebook
from eldermall.rules.catalogue import clauses


def policy_template(book: Rulebook) -> str:
    """Return a commented policy file: each limit that the host must set stands beside its clause.

    The library's suggestions are commented out; none is in force until somebody signs it.
    """
    lines = [
        "# 政策文件 · Policy file",
        "# 条文没有给出数值的时限须由贵方设定。下面注释掉的数值只是程序库的建议，不是条文的规定。",
        "# A limit for which the article has no number is set by you. The values commented out",
        "# below are suggestions of the library, not numbers of the article. Sign each that you",
        "# put in force with author and date.",
        "",
        "[pack]",
        'document = "S19"',
        'title = ""',
        "published = 2026-01-01  # 施行日期 · in force from",
        'zone = "Asia/Shanghai"',
        'department = "operations"  # 归口部门 · the department that answers for the mall',
        "",
        "# 每条规则默认严格执行；可暂时只观察，须有设定人、批准人、理由和截止日期（含当日）。",
        "# Every rule is on. One may be only observed for a while, by whom, approved by whom,",
        "# why, and up to and including which day:",
        '# [enforce."shipping.paid-first"]',
        '#   mode = "observe"',
        '#   author = ""',
        '#   approver = ""',
        '#   reason = ""',
        "#   until = 2026-01-31",
        '# [enforce."*"]  # 未列明的全部规则 · all that aren\'t named',
        "",
    ]
    for key, setting in book.settings.items():
        clause = clauses().get(setting.clause)
        lines += [f"# {setting.label.zh} · {setting.label.en}"]
        if clause is not None:
            lines += [
                f"# {setting.clause} {clause.article}：{clause.text.zh}",
                f"# {clause.text.en}",
            ]
        if setting.article is not None:
            named = setting.article if setting.type != "names" else ", ".join(setting.article)
            shown, why = setting.article, (
                f"条文为 {named}，只能更严 · the article says {named}; only stricter is taken"
            )
        elif setting.choices:
            shown, why = setting.choices[0], (
                "可选 " + "、".join(setting.choices) + "，默认最严 · strictest unless you choose"
            )
        else:
            shown, why = setting.suggestion, (
                "条文无数值，必须设定；此为建议 · no number in the article, you must set it; a "
                "suggestion of the library"
            )
        lines += [
            f"# {why}",
            f'# [settings."{key}"]',
            f"# value = {json.dumps(shown)}",
            '# author = ""',
            "# date = 2026-01-01",
            f'# clause = "{setting.clause}"',
            "",
        ]
    return "\n".join(lines)
