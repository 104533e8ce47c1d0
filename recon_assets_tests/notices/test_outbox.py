"""The outbox: each thing is told once, over restarts, lost connections and several processes."""

import datetime as dt
import threading
from pathlib import Path

import pytest

from recon_assets.notices.outbox import GIVE_UP_AFTER, Fact, Message, NotDelivered, Outbox, Report
from recon_assets_tests.landed import NOW


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path / "home" / "notices.db")


def fact(key: str) -> Fact:
    return Fact("failed_check", key, f"{key} failed")


def report(run_id: str, *keys: str, settled: tuple[str, ...] = ()) -> Report:
    return Report(run_id, f"news of {run_id}", "http://dagster/runs/1", [fact(key) for key in keys], settled)


def delivered(outbox: Outbox, now: dt.datetime = NOW) -> list[list[str]]:
    """Lines of every message that is sent now."""
    sent: list[Message] = []
    outbox.deliver("webhook", sent.append, now)
    return [message.lines for message in sent]


def test_a_fact_is_told_once_whichever_runs_find_it(outbox: Outbox) -> None:
    outbox.add(report("run-1", "a", "b"), ["webhook"], NOW)
    outbox.add(report("run-2", "b", "c"), ["webhook"], NOW)
    outbox.add(report("run-3", "a"), ["webhook"], NOW)
    assert delivered(outbox) == [["a failed", "b failed"], ["c failed"]]
    assert delivered(Outbox(outbox.path)) == []


def test_a_run_that_is_looked_at_twice_is_told_once_even_when_its_facts_were_settled_since(outbox: Outbox) -> None:
    outbox.add(report("run-1", "a"), ["webhook"], NOW)
    outbox.add(report("run-2", settled=("a",)), ["webhook"], NOW)
    outbox.add(report("run-1", "a"), ["webhook"], NOW)
    assert delivered(outbox) == [["a failed"]]


def test_what_was_settled_is_told_when_it_happens_again(outbox: Outbox) -> None:
    outbox.add(report("run-1", "check:x:1", "check:y:1"), ["webhook"], NOW)
    outbox.add(report("run-2", settled=("check:x:",)), ["webhook"], NOW)
    outbox.add(report("run-3", "check:x:1", "check:y:1"), ["webhook"], NOW)
    assert delivered(outbox) == [["check:x:1 failed", "check:y:1 failed"], ["check:x:1 failed"]]


def test_what_did_not_arrive_is_sent_again_and_what_arrived_on_one_channel_is_not(outbox: Outbox) -> None:
    outbox.add(report("run-1", "a"), ["webhook", "mail"], NOW)

    def refuse(message: Message) -> None:
        raise NotDelivered("the webhook answered 503")

    mails: list[Message] = []
    assert outbox.deliver("webhook", refuse, NOW) == 0
    assert outbox.deliver("mail", mails.append, NOW) == 1
    assert [(u.channel, u.state, u.error) for u in outbox.undelivered()] == [
        ("webhook", "pending", "the webhook answered 503")
    ]
    assert delivered(outbox) == [["a failed"]]
    assert outbox.deliver("mail", mails.append, NOW) == 0
    assert outbox.undelivered() == []


def test_a_message_whose_sending_was_cut_off_is_not_sent_again_but_named(outbox: Outbox) -> None:
    outbox.add(report("run-1", "a"), ["webhook"], NOW)

    def die(message: Message) -> None:
        raise KeyboardInterrupt  # as a kill does: nothing after it runs

    with pytest.raises(KeyboardInterrupt):
        outbox.deliver("webhook", die, NOW)
    assert delivered(Outbox(outbox.path)) == []
    assert [(u.title, u.state) for u in outbox.undelivered()] == [("news of run-1", "sending")]


def test_old_news_is_not_sent_after_a_long_outage(outbox: Outbox) -> None:
    outbox.add(report("run-1", "a"), ["webhook"], NOW)
    outbox.add(report("run-2", "b"), ["webhook"], NOW + dt.timedelta(hours=2))
    assert delivered(outbox, NOW + GIVE_UP_AFTER + dt.timedelta(hours=1)) == [["b failed"]]
    assert [(u.title, u.state) for u in outbox.undelivered()] == [("news of run-1", "given up")]


def test_two_processes_that_deliver_at_once_send_each_message_once(outbox: Outbox) -> None:
    for number in range(20):
        outbox.add(report(f"run-{number}", f"key-{number}"), ["webhook"], NOW)
    sent: list[Message] = []
    threads = [threading.Thread(target=outbox.deliver, args=("webhook", sent.append, NOW)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(message.title for message in sent) == sorted(f"news of run-{n}" for n in range(20))


def test_without_channels_facts_are_remembered_and_nothing_waits(outbox: Outbox) -> None:
    outbox.add(report("run-1", "a"), [], NOW)
    outbox.add(report("run-2", "a"), ["webhook"], NOW)
    assert delivered(outbox) == []
