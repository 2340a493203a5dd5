"""Goal: a command that is to end ends at once, however early that is said. Method: a command that sleeps."""

import signal

import pytest

from engine.provision.processes import end_process, start_leash


@pytest.mark.parametrize("attempt", range(5))
def test_a_command_that_is_ended_as_it_starts_hears_the_signal(attempt: int) -> None:
    """One that does not hear it would be killed, with SIGKILL, when the leash has waited long enough."""
    assert end_process(start_leash([["sleep", "600"]])) == 128 + signal.SIGTERM
