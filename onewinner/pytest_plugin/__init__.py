"""The pytest plugin: the fixture `race`, and nothing else. No option, and no room in the user's process."""

from onewinner.pytest_plugin.fixture import onewinner_helper, race

__all__ = ["onewinner_helper", "race"]
