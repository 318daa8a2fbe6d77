"""Ctrl-C ends a run also where a library swallows it."""

import os
import signal

import pytest

from embedviz.interrupts import noticed


@pytest.fixture(autouse=True)
def ctrl_c():
    """Python's own handling; a test runner may ignore the signal."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield lambda: os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


def test_without_ctrl_c_nothing_is_raised():
    with noticed() as check:
        check()


def test_a_swallowed_interrupt_is_raised_at_the_next_look(ctrl_c):
    done = []

    def work():
        with noticed() as check:
            try:
                ctrl_c()
            except:  # noqa: E722 (as TensorFlow does)
                done.append("swallowed")
            check()
            done.append("gone on")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["swallowed"]


def test_an_interrupt_that_became_another_error_is_one_again(ctrl_c):
    def work():
        with noticed():
            try:
                ctrl_c()
            except:  # noqa: E722 (as TensorFlow does)
                raise TypeError("no such type") from None

    with pytest.raises(KeyboardInterrupt):
        work()


def test_an_error_of_its_own_stays_what_it_is():
    with pytest.raises(ZeroDivisionError), noticed():
        raise ZeroDivisionError


def test_a_command_in_the_background_goes_on(ctrl_c):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with noticed() as check:
        ctrl_c()
        check()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    signal.signal(signal.SIGINT, signal.default_int_handler)
