"""Races in released software, reproduced: one folder each; see docs/track-record.md and tools/trophies.py."""
