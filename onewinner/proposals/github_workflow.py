"""The workflow file of GitHub Actions that `onewinner init` writes beside a target file. Pure."""

import re
from typing import Any

from onewinner.proposals.install_origin import describe_requirement, find_action

HEAD = """\
# Exactly one of N concurrent requests wins: checked on every push.
name: onewinner
on: [push, pull_request]
permissions:
  contents: read
{comments}jobs:
  gate:
    runs-on: ubuntu-latest
    timeout-minutes: 20
{env}    steps:
      - uses: actions/checkout@v4
"""
BY_COMMANDS = """\
      - uses: actions/setup-python@v5
        with:
          python-version: "3.11"
{note}      - run: python -m pip install "{requirement}"
      # Here: install what your service needs, and start it if the target file has no [service].
      - name: Exactly one winner
        run: onewinner gate --target {target} --out runs/ci
      - name: Show the summary
        if: always()
        run: test ! -f runs/ci/summary.md || cat runs/ci/summary.md >> "$GITHUB_STEP_SUMMARY"
      - name: Keep the report
        if: always()
        uses: actions/upload-artifact@v4
        with:
          name: onewinner
          path: runs/ci
"""
# The action installs, runs, keeps the report and writes the summary and a comment.
BY_ACTION = """\
      # Here: install what your service needs, and start it if the target file has no [service].
      - uses: {action}
        with:
          target: {target}
"""


def draft_workflow(target: str, text: str, origin: dict[str, Any] | None) -> str:
    """The workflow file of CI. The variables that the target file needs come from secrets of the same names, and
    onewinner from where it was installed: `origin`, as read_origin tells it.
    """
    named = dict.fromkeys(
        name
        for line in text.splitlines()
        if not line.startswith("#")
        for name in re.findall(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", line)
        if name != "NAME"
    )
    lines = [f"      {name}: ${{{{ secrets.{name} }}}}" for name in named]
    env = "\n".join(["    env:", *lines, ""]) if lines else ""
    action = find_action(origin)
    if action is not None:
        head = HEAD.format(env=env, comments="  pull-requests: write\n")
        return head + BY_ACTION.format(target=target, action=action)
    requirement, note = describe_requirement(origin)
    return HEAD.format(env=env, comments="") + BY_COMMANDS.format(target=target, requirement=requirement, note=note)
