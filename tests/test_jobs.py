from __future__ import annotations

import logging
import threading
import time

import pytest

from embedviz.errors import Cancelled, RecordingError
from embedviz.ui.jobs import KEEP_FINISHED, Queue, queue
from embedviz.ui.pace import Pace, Update

WAIT_S = 10


@pytest.fixture
def jobs():
    jobs = Queue(idle_s=0.05)
    yield jobs
    jobs.close()


class Held:
    """Work that goes on until the test lets it, reporting all the while."""

    def __init__(self):
        self.started = threading.Event()
        self.let_go = threading.Event()

    def __call__(self, report):
        self.started.set()
        while not self.let_go.wait(0.01):
            report(Update(1, 4, "recordings", "bird.wav", 0.5))
        return "held"


@pytest.fixture
def held(jobs):
    held = Held()
    yield held
    held.let_go.set()


def ended(job):
    deadline = time.monotonic() + WAIT_S
    while job.active and time.monotonic() < deadline:
        time.sleep(0.005)
    assert not job.active, f"{job} did not end"
    return job


def nothing(report):
    return None


def test_finished_work_leaves_its_result(jobs):
    job = ended(jobs.submit(lambda report: 42, owner="me", title="Counting"))
    assert (job.state, job.result, job.message) == ("done", 42, "")
    assert job.started_s <= job.finished_s
    assert job.elapsed_s >= 0


def test_running_work_shows_how_far_it_is(jobs, held):
    job = jobs.submit(held, owner="me", title="Embedding")
    assert held.started.wait(WAIT_S)
    time.sleep(0.05)
    assert job.state == "running"
    assert job.update == Update(1, 4, "recordings", "bird.wav", 0.5)
    assert job.update.fraction == 0.25


def test_running_work_stops_at_its_next_report(jobs, held):
    job = jobs.submit(held, owner="me", title="Embedding")
    assert held.started.wait(WAIT_S)
    job.cancel()
    assert ended(job).state == "stopped"
    assert job.message == "Stopped; what was finished until then is kept."


def test_waiting_work_stops_at_once_and_never_starts(jobs, held):
    jobs.submit(held, owner="me", title="Embedding")
    started = []
    job = jobs.submit(started.append, owner="me", title="Second")
    job.cancel()
    assert (job.state, job.message) == ("stopped", "Stopped before it began.")
    held.let_go.set()
    ended(jobs.submit(nothing, owner="me", title="Third"))
    assert started == []


@pytest.mark.parametrize("error", [None, Cancelled("Stopped."), ValueError("a bug")])
def test_what_is_no_longer_needed_goes_before_the_job_has_ended(jobs, error):
    states = []

    def work(report):
        if error is not None:
            raise error

    job = jobs.submit(work, owner="me", title="Import", then=lambda: states.append(job.state))
    ended(job)
    assert states == ["running"]


def test_what_cannot_be_tidied_up_takes_no_result_away(jobs, caplog):
    job = ended(jobs.submit(lambda _: 42, owner="me", title="Import", then=lambda: 1 / 0))
    assert (job.state, job.result) == ("done", 42)
    assert "no longer needs" in caplog.text


def test_a_job_says_what_was_asked_while_it_is_active(jobs, held):
    job = jobs.submit(held, owner="me", title="Embedding", asked=("a.wav", "yamnet"))
    assert job.asked == ("a.wav", "yamnet")
    held.let_go.set()
    assert ended(job).asked is None


def test_a_known_error_is_told_in_its_own_sentence(jobs):
    def work(report):
        raise RecordingError("bird.wav has 0 samples; nothing to embed.")

    job = ended(jobs.submit(work, owner="me", title="Embedding"))
    assert (job.state, job.message) == ("failed", "bird.wav has 0 samples; nothing to embed.")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ZeroDivisionError("division"), "(ZeroDivisionError); the log of the server says more."),
        (MemoryError(), "memory of this machine was not enough"),
        (OSError(28, "No space left on device"), "disk is full"),
        (SystemExit(1), "(SystemExit)"),
    ],
    ids=["a bug", "no memory", "no disk", "an exit"],
)
def test_an_unknown_error_is_a_sentence_for_the_user_and_a_traceback_in_the_log(
    jobs, caplog, error, sentence
):
    def work(report):
        raise error

    with caplog.at_level(logging.ERROR, "embedviz"):
        job = ended(jobs.submit(work, owner="me", title="Embedding"))
    assert job.state == "failed"
    assert sentence in job.message
    assert "Traceback" not in job.message
    assert caplog.records[0].exc_info[1] is error
    assert ended(jobs.submit(nothing, owner="me", title="Next")).state == "done"


def test_jobs_run_one_at_a_time_in_the_order_they_were_asked_for(jobs):
    running, seen = [], []

    def work(report):
        running.append(1)
        seen.append((threading.get_ident(), len(running)))
        time.sleep(0.01)
        running.pop()

    for job in [jobs.submit(work, owner="me", title=f"{number}") for number in range(5)]:
        ended(job)
    assert len({thread for thread, _ in seen}) == 1
    assert {together for _, together in seen} == {1}
    assert [job.title for job in jobs.of("me")] == ["0", "1", "2", "3", "4"]


def test_waiting_jobs_know_how_many_are_ahead(jobs, held):
    first = jobs.submit(held, owner="me", title="First")
    assert held.started.wait(WAIT_S)
    waiting = [jobs.submit(nothing, owner="you", title=f"{number}") for number in range(3)]
    assert [jobs.ahead(job) for job in waiting] == [1, 2, 3]
    waiting[0].cancel()
    assert [jobs.ahead(job) for job in waiting[1:]] == [1, 2]
    assert jobs.ahead(first) == 0


def test_an_owner_sees_only_their_own_jobs(jobs):
    mine = jobs.submit(nothing, owner="me", title="Mine")
    jobs.submit(nothing, owner="you", title="Yours")
    assert jobs.of("me") == [mine]
    assert jobs.of("nobody") == []


def test_a_dismissed_job_is_gone_but_a_running_one_stays(jobs, held):
    done = ended(jobs.submit(nothing, owner="me", title="Done"))
    running = jobs.submit(held, owner="me", title="Running")
    jobs.forget(done)
    jobs.forget(running)
    assert jobs.of("me") == [running]


def test_finished_jobs_do_not_pile_up(jobs):
    for number in range(KEEP_FINISHED + 20):
        last = ended(jobs.submit(nothing, owner="me", title=f"{number}"))
    kept = jobs.of("me")
    assert len(kept) == KEEP_FINISHED + 1
    assert kept[-1] is last


def test_idle_work_waits_until_nothing_else_is_wanted(jobs):
    order = []
    idle = jobs.submit(lambda report: order.append("idle"), owner="", title="I", turn="idle")
    for number in range(3):
        jobs.submit(lambda report, n=number: order.append(n), owner="me", title="N")
    ended(idle)
    assert order == [0, 1, 2, "idle"]


def test_closing_stops_what_runs_and_what_waits(held):
    jobs = Queue()
    running = jobs.submit(held, owner="me", title="Running")
    assert held.started.wait(WAIT_S)
    waiting = jobs.submit(nothing, owner="me", title="Waiting")
    jobs.close()
    assert (running.state, waiting.state) == ("stopped", "stopped")
    assert ended(jobs.submit(nothing, owner="me", title="Again")).state == "done"
    jobs.close()


def test_the_process_has_one_queue():
    assert queue() is queue()


def test_the_report_of_a_stopped_job_raises_cancelled(jobs, held):
    job = jobs.submit(held, owner="me", title="Embedding")
    job.stopping = True
    with pytest.raises(Cancelled):
        job.report(Update(1, 2))


@pytest.mark.parametrize(
    ("update", "fraction"),
    [(Update(1, 4), 0.25), (Update(0, 0), 0.0), (Update(9, 4), 1.0), (Update(-1, 4), 0.0)],
)
def test_a_fraction_is_never_below_nothing_or_above_all(update, fraction):
    assert update.fraction == fraction


def test_the_time_left_follows_the_rate():
    pace = Pace()
    for second in range(11):
        pace.add(4 * second, float(second))
    assert pace.rate == pytest.approx(4)
    assert pace.left_s(60, 10.0) == pytest.approx(5)
    assert pace.left_s(60, 12.0) == pytest.approx(3)


def test_the_time_left_is_not_told_too_early():
    pace = Pace()
    assert pace.left_s(60, 0.0) is None
    pace.add(0, 0.0)
    pace.add(1, 0.1)
    assert pace.left_s(60, 0.1) is None


def test_a_burst_at_the_start_is_soon_forgotten():
    pace = Pace()
    pace.add(0, 0.0)
    pace.add(200, 1.0)
    for second in range(2, 42):
        pace.add(200 + second, float(second))
    assert pace.rate == pytest.approx(1, abs=0.2)


def test_overdue_work_is_never_said_to_be_over():
    pace = Pace()
    for second in range(5):
        pace.add(second, float(second))
    assert pace.left_s(5, 100.0) == 1.0


def test_a_new_stage_starts_the_pace_anew(jobs, held):
    job = jobs.submit(held, owner="me", title="Embedding")
    job.report(Update(5, 10, "bytes"))
    job.report(Update(1, 10, "s"))
    assert job.rate is None
