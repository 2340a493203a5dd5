"""Goal: a leash ends its command at once, also right after the start. Method: a command that sleeps."""

import signal

import pytest

from engine.provision.processes import end_process, start_leash


@pytest.mark.parametrize("attempt", range(5))
def test_a_command_that_is_ended_as_it_starts_hears_the_signal(attempt: int) -> None:
    """A command that does not receive the signal would be killed with SIGKILL after the limit."""
    assert end_process(start_leash([["sleep", "600"]])) == 128 + signal.SIGTERM
