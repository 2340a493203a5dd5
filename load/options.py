"""The options of a load run: declared for Locust's command line and web UI, and read into one frozen value."""

from pathlib import Path
from typing import Any

import msgspec
from locust.argument_parser import LocustArgumentParser

from engine.provision.service import REFERENCE
from engine.target.target import Target
from load.scenario_quotas import Workload, make_workload, parse_weights

# What the form of the web UI asks for, too.
IN_WEB_UI = ("target", "base_url", "scenarios", "contenders", "races", "duration", "rate", "seed", "fail_fast")


class Options(msgspec.Struct, frozen=True):
    """The master reads them when a run begins, and every worker gets them with its assignment. 0 and "": not given."""

    target: str
    base_url: str
    history: str
    scenarios: str
    contenders: int
    races: int
    duration: float
    rate: float
    seed: int
    together: bool
    fail_fast: bool
    clock: str
    clock_uncertainty_ms: float
    live: str

    @property
    def target_file(self) -> Path:
        return Path(self.target) if self.target else REFERENCE

    @property
    def uses_wall_clock(self) -> bool:
        return self.clock == "wall"

    @property
    def clock_uncertainty_ns(self) -> int:
        return int(self.clock_uncertainty_ms * 1e6) if self.uses_wall_clock else 0

    def make_workload(self, target: Target) -> Workload:
        return make_workload(target, parse_weights(self.scenarios), self.races or None)


def add_options(parser: LocustArgumentParser) -> None:
    options = parser.add_argument_group("onewinner")
    add = options.add_argument
    add("--target", default="", help="the target file of the service (default: the reference engine)")
    add("--base-url", default="", help="where the service runs already")
    add("--history", default="", help="folder of the journals (default: that of a new run, runs/<UTC time>-locust)")
    add("--scenarios", default="", help="which, with weights: fork,tenants=2 (default: all that apply)")
    add("--contenders", type=int, default=10, help="how many requests race for one transition")
    add("--races", type=int, default=0, help="how many races in all; 0: until stopped")
    add("--duration", type=float, default=0.0, help="nothing new begins after this many seconds; 0: no limit")
    add("--rate", type=float, default=0.0, help="rounds per second, begun when due (open model); 0: one after another")
    add("--seed", type=int, default=1, help="the same seed plans the same races")
    add("--together", action="store_true", help="each race's contenders are spread over all workers")
    add("--fail-fast", action="store_true", help="end as soon as the live tally shows a violation")
    add("--clock", choices=["monotonic", "wall"], default="monotonic", help="wall: the workers are on several hosts")
    add("--clock-uncertainty-ms", type=float, default=5.0, help="how far apart the hosts' clocks may be")
    add("--live", default="", help="a file that is rewritten with the live tally")
    for action in options._group_actions:  # noqa: SLF001 - Locust knows these attributes, but not in a group
        shown = action.dest in IN_WEB_UI
        vars(action).update(include_in_web_ui=shown, is_secret=False, is_required=False, is_multiple=False)


def read_options(parsed: Any) -> Options:
    """The options among those that Locust has parsed. The web UI may have changed them since the start."""
    return Options(**{name: getattr(parsed, name) for name in Options.__struct_fields__})
