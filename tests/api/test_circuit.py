from api.circuit import FAILURES, PAUSE_S, Circuit


def opened(at: float = 10.0) -> Circuit:
    circuit = Circuit()
    for number in range(FAILURES):
        circuit.failed(at + number, at + number)
    return circuit


def test_a_server_that_fails_three_times_in_a_row_is_left_alone() -> None:
    circuit = Circuit()
    for at in (1.0, 2.0):
        circuit.failed(at, at)
    assert (circuit.is_open, circuit.admits(2.0)) == (False, True)

    circuit.failed(3.0, 3.0)

    assert (circuit.is_open, circuit.admits(3.1)) == (True, False)


def test_an_answer_in_between_begins_the_count_anew() -> None:
    circuit = Circuit()
    for at in (1.0, 2.0):
        circuit.failed(at, at)
    circuit.answered()
    circuit.failed(3.0, 3.0)

    assert not circuit.is_open


def test_questions_that_were_on_their_way_together_count_once() -> None:
    circuit = Circuit()
    for _ in range(100):
        circuit.failed(1.0, 1.15)

    assert not circuit.is_open


def test_after_the_pause_one_question_is_let_through_and_its_answer_closes() -> None:
    circuit, later = opened(), 10.0 + FAILURES - 1 + PAUSE_S

    assert [circuit.admits(later) for _ in range(5)] == [True, False, False, False, False]
    circuit.answered()
    assert [circuit.admits(later) for _ in range(5)] == [True] * 5


def test_a_probe_that_fails_opens_it_again() -> None:
    circuit, later = opened(), 10.0 + FAILURES - 1 + PAUSE_S
    assert circuit.admits(later)
    circuit.failed(later, later + 0.15)

    assert not circuit.admits(later + PAUSE_S)
    assert circuit.admits(later + 0.15 + PAUSE_S)


def test_a_probe_that_nobody_waits_for_blocks_nothing() -> None:
    circuit, later = opened(), 10.0 + FAILURES - 1 + PAUSE_S

    assert circuit.admits(later)
    assert circuit.admits(later + PAUSE_S)
