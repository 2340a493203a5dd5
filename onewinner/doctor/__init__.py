"""The questions of `onewinner doctor`: what to ask a service, in which order, and what to change in the target file."""
