"""The check can fail: each fault is planted into a log that was right, and it is told which."""

from hashlib import sha256

from bench.traffic import event
from tests.faults.ledger import Ledger, Logged, balanced, judge


def a_run(*, people: int = 2, batches: int = 3, size: int = 4) -> tuple[Ledger, list[Logged]]:
    """Everything accepted, and the log as it should be."""
    ledger, log = Ledger(), list[Logged]()
    for offset in range(batches):
        for person in range(people):
            key = f"p{person}"
            batch = [event(key) for _ in range(size)]
            ledger.body(key, batch)
            ids = [str(one["messageId"]) for one in batch]
            ledger.answered(ids, 200, [])
            log += [Logged(person, offset, at, key, one, ledger.digests[one]) for at, one in enumerate(ids)]
    return ledger, log


def test_a_log_that_is_right_holds() -> None:
    ledger, log = a_run()

    found = judge(ledger, reversed(log))

    assert found.holds(), found
    assert (found.twice, found.unknown_kept) == (0, 0)


def test_a_lost_event_is_seen() -> None:
    ledger, log = a_run()
    gone = log.pop(5)

    assert judge(ledger, log).lost == {gone.id}


def test_an_event_that_nobody_sent_is_seen() -> None:
    ledger, log = a_run()
    log.append(log[0]._replace(offset=99, id="never-sent"))

    assert judge(ledger, log).phantom == {"never-sent"}


def test_a_refused_event_in_the_log_is_a_phantom() -> None:
    ledger, log = a_run()
    ledger.accepted.remove(log[0].id)
    ledger.answered([log[0].id], 413, [])

    assert judge(ledger, log).phantom == {log[0].id}


def test_an_altered_event_is_seen() -> None:
    ledger, log = a_run()
    log[3] = log[3]._replace(digest=sha256(b"other").digest())

    assert judge(ledger, log).altered == {log[3].id}


def test_a_reordered_batch_is_seen() -> None:
    ledger, log = a_run(people=1)
    log = [one._replace(offset={0: 1, 1: 0}.get(one.offset, one.offset)) for one in log]

    assert len(judge(ledger, log).disordered) == 1


def test_events_reordered_within_a_batch_are_seen() -> None:
    ledger, log = a_run(people=1, batches=1)
    log[1], log[2] = log[1]._replace(place=2), log[2]._replace(place=1)

    assert judge(ledger, log).disordered == {(log[1].id, log[2].id)}


def test_a_late_second_copy_is_counted_and_is_no_disorder() -> None:
    ledger, log = a_run()
    again = [one._replace(offset=50) for one in log[:4]]

    found = judge(ledger, log + again)

    assert found.holds(), found
    assert found.twice == 4


def test_an_unanswered_event_may_stand_in_the_log_or_not() -> None:
    ledger, log = a_run()
    kept, gone = log[0], log[1]
    for one in (kept, gone):
        ledger.accepted.remove(one.id)
    ledger.answered([kept.id], 0, [])
    ledger.answered([gone.id], 503, [])

    found = judge(ledger, [one for one in log if one != gone])

    assert found.holds(), found
    assert found.unknown_kept == 1


def test_events_of_others_in_the_same_log_are_not_looked_at() -> None:
    ledger, log = a_run()
    stranger = log[0]._replace(key="a stranger", id="theirs")

    assert judge(ledger, [*log, stranger]).holds()


def test_counts_that_add_up_to_the_event_balance() -> None:
    told = {"events_received_total": 10.0, "events_stored_total": 6.0, "events_spooled_total": 3.0}

    assert not balanced(lambda name: told.get(name, 0))
    told["events_rejected_total"] = 1
    assert balanced(lambda name: told.get(name, 0))
