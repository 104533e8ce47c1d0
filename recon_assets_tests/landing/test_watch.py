"""What the landing sensor requests: stable files of known months, each batch a bounded number of times."""

import dataclasses

from recon_assets.landing.store import LandedFile
from recon_assets.landing.watch import MAX_ATTEMPTS, Attempt, Decision, Memory, PendingMonth, decide

NOW = 10_000.0
KNOWN = {"2025-01", "2025-02"}


def file(name: str = "a.csv", etag: str = "1", modified_at: float = 0) -> LandedFile:
    return LandedFile(name, 10, etag, modified_at)


def pending(*files: LandedFile, month: str = "2025-01", audit_failed: bool = False) -> PendingMonth:
    return PendingMonth("ms_recon_nce", month, list(files or (file(),)), audit_failed)


def without_files() -> PendingMonth:
    return PendingMonth("ms_recon_nce", "2025-01", [], False)


def tick(months: list[PendingMonth], memory: Memory, now: float = NOW) -> Decision:
    return decide(months, memory, KNOWN, now, stable_seconds=30)


def seen(*months: PendingMonth) -> Memory:
    """The memory of a tick that saw these months' files."""
    return tick(list(months), Memory()).memory


def ended(memory: Memory) -> Memory:
    """The memory after the runs of all attempts ended."""
    attempts = {key: dataclasses.replace(attempt, ending="ended") for key, attempt in memory.attempts.items()}
    return dataclasses.replace(memory, attempts=attempts)


def test_files_are_requested_at_the_second_tick_that_sees_them_unchanged() -> None:
    first = tick([pending()], Memory())
    assert first.requests == []
    assert first.notes == ["ms_recon_nce:2025-01: new or changed files, waiting until they are stable"]
    (request,) = tick([pending()], first.memory).requests
    assert (request.source, request.month) == ("ms_recon_nce", "2025-01")


def test_files_that_changed_a_moment_ago_wait() -> None:
    fresh = pending(file(modified_at=NOW - 29))
    waiting = tick([fresh], seen(fresh))
    assert waiting.requests == []
    assert "changed a moment ago" in waiting.notes[0]
    assert len(tick([fresh], waiting.memory, now=NOW + 1).requests) == 1


def test_a_month_waits_for_the_last_of_its_files() -> None:
    before = seen(pending(file("a.csv")))
    both = pending(file("a.csv"), file("b.csv"))
    waiting = tick([both], before)
    assert waiting.requests == []
    assert len(tick([both], waiting.memory).requests) == 1


def test_a_file_that_keeps_changing_is_never_requested() -> None:
    memory = Memory()
    for number in range(5):
        decision = tick([pending(file(etag=str(number)))], memory)
        assert decision.requests == []
        memory = decision.memory


def test_a_batch_under_way_is_not_requested_again() -> None:
    requested = tick([pending()], seen(pending()))
    again = tick([pending()], requested.memory)
    assert again.requests == []
    assert again.notes == ["ms_recon_nce:2025-01: attempt 1 is under way"]


def test_a_failed_run_is_tried_again_under_another_run_key_and_only_so_often() -> None:
    memory, keys = seen(pending()), []
    for _ in range(MAX_ATTEMPTS + 3):
        decision = tick([pending()], memory)
        keys += [request.run_key for request in decision.requests]
        memory = ended(decision.memory)
    assert len(keys) == len(set(keys)) == MAX_ATTEMPTS
    assert [key.rsplit(":", 1)[1] for key in keys] == [str(number + 1) for number in range(MAX_ATTEMPTS)]
    assert "attempts came to nothing; materialize the month by hand" in tick([pending()], memory).notes[0]


def test_files_that_failed_their_audit_are_not_tried_again() -> None:
    decision = tick([pending(audit_failed=True)], seen(pending()))
    assert decision.requests == []
    assert decision.notes == ["ms_recon_nce:2025-01: these files failed their audit; land corrected ones"]


def test_a_replaced_file_is_a_new_batch_with_attempts_of_its_own() -> None:
    requested = tick([pending()], seen(pending()))
    memory = ended(requested.memory)
    corrected = pending(file(etag="2"))
    noticed = tick([corrected], memory)
    assert noticed.requests == []
    (request,) = tick([corrected], noticed.memory).requests
    assert request.run_key.endswith(":1")
    assert request.run_key != requested.requests[0].run_key


def test_a_batch_is_told_by_its_files_whatever_their_order() -> None:
    assert pending(file("a"), file("b")).batch == pending(file("b"), file("a")).batch
    assert pending(file("a")).batch != pending(file("a"), file("b")).batch
    assert pending(file(etag="1")).batch != pending(file(etag="2")).batch


def test_a_month_without_a_partition_waits_and_does_not_hold_up_the_others() -> None:
    months = [pending(month="1999-12"), pending(month="2025-02")]
    decision = tick(months, seen(*months))
    assert [request.month for request in decision.requests] == ["2025-02"]
    assert decision.notes == ["ms_recon_nce:1999-12: no such partition yet; reload the code location"]


def test_a_month_that_is_loaded_is_forgotten() -> None:
    requested = tick([pending()], seen(pending()))
    assert tick([], requested.memory).memory == Memory()


def test_a_lost_memory_costs_a_tick_and_nothing_else() -> None:
    assert tick([pending()], Memory()).requests == []
    assert len(tick([pending()], seen(pending())).requests) == 1


def test_an_attempt_of_another_batch_does_not_count() -> None:
    attempt = Attempt("another batch", 3, "key", NOW, "ended")
    memory = Memory(seen(pending()).seen, {}, {"ms_recon_nce:2025-01": attempt})
    (request,) = tick([pending()], memory).requests
    assert request.run_key.endswith(":1")


def test_the_same_files_are_requested_under_another_run_key_when_they_come_back() -> None:
    """The bug this fixes: a file that was added and removed again stayed in the figures, its run key being used up."""
    one, two = pending(file("a.csv")), pending(file("a.csv"), file("b.csv"))
    keys, memory = [], Memory()
    for number, month in enumerate((one, one, two, two, one)):
        decision = tick([month], memory, NOW + number)
        keys += [request.run_key for request in decision.requests]
        memory = ended(decision.memory)
    assert len(keys) == len(set(keys)) == 3
    assert [key.split(":")[2] for key in keys] == [one.batch, two.batch, one.batch]


def test_a_month_that_is_to_be_loaded_after_its_run_succeeded_is_requested_again() -> None:
    """Its raw month was lost, or the reader changed, before any tick saw it loaded."""
    requested = tick([pending()], seen(pending()))
    (again,) = tick([pending()], ended(requested.memory), NOW + 1).requests
    assert again.run_key.endswith(":2")
    assert again.run_key != requested.requests[0].run_key


def test_a_request_whose_run_nobody_has_heard_of_counts_as_under_way_for_a_while() -> None:
    requested = tick([pending()], seen(pending())).memory
    attempts = {key: dataclasses.replace(a, ending="unknown") for key, a in requested.attempts.items()}
    lost = dataclasses.replace(requested, attempts=attempts)
    assert tick([pending()], lost, NOW + 600).notes == ["ms_recon_nce:2025-01: attempt 1 is under way"]
    assert len(tick([pending()], lost, NOW + 601).requests) == 1


def test_a_month_whose_files_are_gone_is_requested_once_they_stay_away() -> None:
    first = tick([without_files()], Memory())
    assert first.requests == []
    assert first.notes == ["ms_recon_nce:2025-01: its files are gone, waiting whether they come back"]
    assert tick([without_files()], first.memory, NOW + 29).requests == []
    back = tick([pending()], first.memory, NOW + 29).memory
    assert tick([without_files()], back, NOW + 30).requests == []
    assert len(tick([without_files()], first.memory, NOW + 30).requests) == 1


def test_a_file_whose_rights_were_mended_is_another_batch() -> None:
    touched = dataclasses.replace(file(), changed_ns=7)
    assert touched.version == file().version
    assert pending(touched).batch != pending(file()).batch
