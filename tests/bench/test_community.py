from collections import Counter
from datetime import date, timedelta

from bench.community import Person, Visit, likely, people, visits

FIRST, DAYS, COUNT = date(2026, 10, 19), 28, 400
EVERYBODY = people(1, COUNT, FIRST, DAYS)
ALL = [visits(1, EVERYBODY, FIRST + timedelta(days=n)) for n in range(DAYS)]


def test_the_same_seed_is_the_same_community_and_another_is_not() -> None:
    assert people(1, COUNT, FIRST, DAYS) == EVERYBODY
    assert visits(1, EVERYBODY, FIRST) == ALL[0]
    assert people(2, COUNT, FIRST, DAYS) != EVERYBODY


def test_people_come_from_the_first_day_to_the_last_and_register_once_on_their_first_visit() -> None:
    firsts: dict[int, Visit] = {}
    for visit in (visit for day in ALL for visit in day):
        firsts.setdefault(visit.person, visit)
    registering = [visit.person for day in ALL for visit in day if visit.registers]

    assert sorted(registering) == list(range(COUNT))
    assert all(first.registers and first.at.date() == EVERYBODY[n].joins for n, first in firsts.items())


def test_a_day_is_in_order_and_stays_within_itself() -> None:
    for n, day in enumerate(ALL):
        moments = [visit.at for visit in day]
        assert moments == sorted(moments)
        assert {moment.date() for moment in moments} == {FIRST + timedelta(days=n)}


def test_nobody_follows_himself_or_somebody_who_has_not_come_yet() -> None:
    for day in ALL:
        for visit in day:
            others = (*visit.follows, *visit.friends)
            assert visit.person not in others
            assert all(EVERYBODY[other].joins <= visit.at.date() for other in others)


def test_few_are_famous() -> None:
    followed = Counter(other for day in ALL for visit in day for other in visit.follows)
    most = sum(count for _, count in followed.most_common(COUNT // 20))

    assert most > followed.total() / 4  # a twentieth of them has a quarter of all followers


def test_interest_fades_and_weekends_are_busier() -> None:
    person = Person(0, "app", "PT", "Europe/Lisbon", FIRST, keenness=0.8, fame=1.0)
    monday, saturday = date(2026, 11, 2), date(2026, 11, 7)

    assert likely(person, monday, 1) > likely(person, monday, 7) > likely(person, monday, 30) > 0
    assert likely(person, saturday, 7) > likely(person, monday, 7)


def test_a_push_comes_before_the_visit_on_the_same_day_and_is_not_always_opened() -> None:
    pushes = [(visit, visit.push) for day in ALL for visit in day if visit.push]

    assert {push.is_opened for _, push in pushes} == {True, False}
    assert all((visit.at - push.waited).date() == visit.at.date() for visit, push in pushes)
