"""People on duty, and listings with the help of collecting them."""

from __future__ import annotations

from eldermall import person
from tests import shop
from tests.golden.life import Life

MA = person("ma", "field_agent", department="operations")
SUN = person("sun", "operations", department="operations")
OTHER = {**shop.CONTENT, "title": "Green tea of this year", "images": ["photo-1", "photo-2"]}


def people(life: Life) -> None:
    """Appoint, dismiss, leave vacant, and fill again."""
    life.no.designations.appoint("order", "olivia", by=shop.CUSTOMER)
    life.no.designations.appoint("sweeping", "olivia", by=shop.LEADER)
    life.no.designations.dismiss("order", "olivia", by=shop.LEADER)
    shop.staff(life)
    life.no.designations.appoint("order", "olivia", by=shop.LEADER)
    life.designations.appoint("review", SUN.id, by=shop.HEAD, basis="ten years of tasting tea")
    life.designations.dismiss("review", shop.REVIEWER.id, by=shop.OPERATIONS)
    life.no.designations.dismiss("review", shop.REVIEWER.id, by=shop.OPERATIONS)
    life.designations.dismiss("review", SUN.id, by=shop.LEADER)
    life.designations.appoint("review", shop.REVIEWER.id, by=shop.LEADER, at=life.ago(seconds=1))
    life.no.designations.dismiss("lunch", SUN.id, by=shop.LEADER)
    life.assignments.appoint("tea-house", MA.id, by=shop.HEAD, basis="knows the valley")
    life.assignments.dismiss("tea-house", shop.AGENT.id, by=shop.OPERATIONS)
    life.no.assignments.dismiss("tea-house", shop.AGENT.id, by=shop.OPERATIONS)
    life.assignments.dismiss("tea-house", MA.id, by=shop.LEADER)
    life.no.assignments.appoint("tea-house", MA.id, by=shop.MERCHANT)
    life.assignments.appoint("tea-house", shop.AGENT.id, by=shop.OPERATIONS, key="wang-again")
    life.assignments.appoint("tea-house", shop.AGENT.id, by=shop.OPERATIONS, key="wang-again")
    life.no.assignments.appoint("tea-house", MA.id, by=shop.OPERATIONS, key="wang-again")
    life.no.designations.appoint("leader", "olivia", by=shop.OPERATIONS)
    life.no.designations.dismiss("leader", "lin", by=shop.OPERATIONS)
    life.no.complaints.receive("K1", customer="chen", words="It is late.", by=shop.SERVICE)
    life.no.assistance.request("J1", merchant="tea-house", way="phone", by=MA)
    life.designations.appoint("messages", SUN.id, by=shop.HEAD, basis="writes well")
    life.designations.dismiss("messages", SUN.id, by=shop.HEAD)
    life.assignments.appoint("rival", MA.id, by=shop.HEAD, basis="knows the town")
    life.assignments.dismiss("rival", MA.id, by=shop.HEAD)
    life.no.designations.erase("messages", by=shop.OPERATIONS)
    life.pass_(days=1100)
    life.designations.erase("messages", by=shop.OPERATIONS)
    life.assignments.erase("rival", by=shop.OPERATIONS)
    life.designations.erase("review", by=shop.OPERATIONS)
    life.assignments.erase("tea-house", by=shop.OPERATIONS)
    life.end()


def listings(life: Life) -> None:
    """Collect, submit, review, return, publish, edit, withdraw, show again; and be late."""
    shop.staff(life)
    no = life.no.listings
    draft = {"content": shop.CONTENT, "merchant": "tea-house", "by": shop.MERCHANT}
    no.draft("green-tea", **draft | {"by": shop.RIVAL})
    no.draft("green-tea", **draft | {"channel": "television"})
    no.draft("green-tea", **draft | {"mode": "self_operated"})
    no.draft("green-tea", **draft | {"by": shop.SERVICE})
    no.draft("green-tea", **draft | {"content": {**shop.CONTENT, "price": -1}})
    life.listings.draft("green-tea", **draft)
    no.draft("green-tea", **draft)
    no.publish("green-tea", by=shop.OPERATIONS)
    life.listings.revise("green-tea", content=OTHER, by=shop.MERCHANT)
    no.submit("green-tea", by=shop.RIVAL)
    life.listings.submit("green-tea", by=shop.MERCHANT)
    with life.unstaffed("review"):
        no.start_review("green-tea", by=shop.OPERATIONS)
    no.start_review("green-tea", by=shop.OPERATIONS)
    life.listings.start_review("green-tea", by=shop.REVIEWER)
    no.approve("green-tea", criteria=shop.FAILED, by=shop.REVIEWER)
    no.return_("green-tea", criteria={"legality": {"passed": True, "note": "fine"}},
               by=shop.REVIEWER)
    life.listings.return_("green-tea", criteria=shop.FAILED, by=shop.REVIEWER)
    life.listings.revise("green-tea", content=shop.CONTENT, by=shop.MERCHANT)
    _reviewed(life, "green-tea")
    no.publish("green-tea", by=shop.HEAD)
    with life.unstaffed("listing"):
        no.publish("green-tea", by=shop.OPERATIONS)
    life.listings.publish("green-tea", by=shop.OPERATIONS)
    life.listings.edit("green-tea", content=OTHER, by=shop.MERCHANT)
    no.edit("green-tea", content=OTHER, by=shop.MERCHANT)
    _reviewed(life, "green-tea")
    life.listings.withdraw("green-tea", reason="the pot broke", by=shop.MERCHANT)
    no.withdraw("green-tea", reason="again", by=shop.OPERATIONS)
    life.listings.publish("green-tea", by=shop.OPERATIONS, at=life.ago(seconds=1))
    life.listings.withdraw("green-tea", reason="the season is over", by=shop.OPERATIONS)
    _own(life)
    life.seal()
    life.listings.draft("jam", **draft)
    life.listings.submit("jam", by=shop.MERCHANT)
    life.sweep(days=3, hours=1)
    life.sweep(days=1)
    life.listings.start_review("jam", by=shop.REVIEWER)
    life.listings.approve("jam", criteria=shop.PASSED, by=shop.REVIEWER)
    life.listings.publish("jam", by=shop.OPERATIONS)
    life.end()


def _own(life: Life) -> None:
    """Sell the company's own: whoever wrote it doesn't review it."""
    life.designations.appoint("review", shop.OPERATIONS.id, by=shop.LEADER)
    life.listings.draft("rice", content=shop.CONTENT, by=shop.OPERATIONS, channel="wechat")
    life.listings.submit("rice", by=shop.OPERATIONS)
    life.no.listings.start_review("rice", by=shop.OPERATIONS)
    life.listings.start_review("rice", by=shop.REVIEWER)
    life.listings.approve("rice", criteria=shop.PASSED, by=shop.REVIEWER)
    life.listings.publish("rice", by=shop.OPERATIONS)
    life.listings.draft("foot-care", content=shop.CONTENT, by=shop.OPERATIONS, kind="service")


def _reviewed(life: Life, id: str) -> None:
    life.listings.submit(id, by=shop.MERCHANT)
    life.listings.start_review(id, by=shop.REVIEWER)
    life.listings.approve(id, criteria=shop.PASSED, by=shop.REVIEWER)


def assistance(life: Life) -> None:
    """Ask for help, be helped step by step, or not any more; and forget the words."""
    jobs, no = life.assistance, life.no.assistance
    no.request("J1", merchant="tea-house", by=shop.SERVICE, way="phone")
    shop.staff(life)
    no.request("J1", merchant="tea-house", by=shop.RIVAL)
    no.request("J1", merchant="tea-house", by=shop.AGENT)
    no.arrive("J1", where="nowhere", by=shop.AGENT)
    jobs.request("J1", merchant="tea-house", by=shop.MERCHANT)
    jobs.appoint("J1", who=shop.AGENT.id, by=shop.OPERATIONS)
    assisted = {"content": shop.CONTENT, "merchant": "tea-house", "assistance": "J1"}
    life.no.listings.draft("cups", **assisted, by=shop.AGENT)
    no.arrive("J1", where="3 Lake Road", by=MA)
    jobs.arrive("J1", where="3 Lake Road", by=shop.AGENT)
    no.mark("J1", step="dancing", outcome="done", by=shop.AGENT)
    no.mark("J1", step="photography", outcome="perhaps", by=shop.AGENT)
    jobs.mark("J1", step="photography", outcome="not_needed", by=shop.AGENT)
    jobs.mark("J1", step="photography", outcome="done", who="xu", by=shop.AGENT)
    no.finish("J1", by=shop.AGENT)
    life.listings.draft("cups", **assisted, by=shop.AGENT)
    life.listings.submit("cups", by=shop.AGENT)
    jobs.appoint("J1", who=shop.SERVICE.id, by=shop.OPERATIONS)
    jobs.appoint("J1", who=shop.AGENT.id, by=shop.OPERATIONS)
    jobs.arrive("J1", where="3 Lake Road, upstairs", by=shop.AGENT)
    for step in ("image_processing", "detail_page", "listing"):
        jobs.mark("J1", step=step, outcome="done", by=shop.AGENT)
    jobs.finish("J1", by=shop.AGENT)
    no.cancel("J1", reason="too late", by=shop.MERCHANT)
    _cancelled(life)
    jobs.request("J5", merchant="tea-house", by=shop.MERCHANT)
    life.sweep(days=7, minutes=5)
    life.sweep(days=2)
    jobs.cancel("J5", reason="nobody came", by=shop.MERCHANT)
    no.erase("J1", by=shop.OPERATIONS)
    life.seal()
    life.pass_(days=1100)
    no.erase("J1", by=shop.MERCHANT)
    jobs.erase("J1", by=shop.OPERATIONS)
    jobs.erase("J2", by=shop.OPERATIONS)
    life.erase_expired()
    life.end()


def _cancelled(life: Life) -> None:
    jobs = life.assistance
    for id in ("J2", "J3", "J4"):
        jobs.request(id, merchant="tea-house", by=shop.AGENT, way="by phone")
    jobs.cancel("J2", reason="my son does it", by=shop.MERCHANT)
    jobs.appoint("J3", who=shop.AGENT.id, by=shop.OPERATIONS)
    jobs.cancel("J3", reason="closed for the season", by=shop.OPERATIONS)
    jobs.appoint("J4", who=shop.AGENT.id, by=shop.OPERATIONS)
    jobs.arrive("J4", where="3 Lake Road", by=shop.AGENT)
    jobs.cancel("J4", reason="the light was bad", by=shop.MERCHANT)
