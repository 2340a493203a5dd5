"""Locust presses: races, replays, whole pipelines; speaks HTTP only."""
