"""The pages that `onewinner ui` serves on loopback: the runs of a folder, and a gate while it runs."""
