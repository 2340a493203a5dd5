"""The command with which a user judges one finding again."""

import shlex


def judge_again(command: str, check: str, workflow: str | None = None) -> str:
    """`command` judges the whole history again."""
    return f"{command} --only {check}" + ("" if workflow is None else f" --workflow {shlex.quote(workflow)}")
