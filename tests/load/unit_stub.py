"""An engine of units in memory, right or wrong in one way, and the target files of its two shapes."""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path

from engine.target.http_answer import Answer
from engine.target.target import Target
from engine.target.template import Request
from load.client.asker import Asker
from load.scenario_quotas import make_workload
from load.source import Source
from reports.history.journal import Journal
from tests.load.stub import StubRelease, make_answer

BASE = """
name = "units"
base_url = "http://127.0.0.1:1"
[tenants.acme]
headers = { Tenant = "acme" }
[tenants.globex]
headers = { Tenant = "globex" }
"""
VOUCHERS = (
    BASE
    + """
[create]
request = { method = "POST", path = "/vouchers", json = { uses = "{units}" } }
id = "id"
[read]
request = { method = "GET", path = "/vouchers/{id}" }
[capacity]
take = { method = "POST", path = "/vouchers/{id}/take", json = { who = "{marker}" } }
save = { use = "use" }
give_back = { method = "DELETE", path = "/uses/{id}/{use}" }
left = "left"
"""
)
# What is left cannot be read.
UNREAD = VOUCHERS.replace('[read]\nrequest = { method = "GET", path = "/vouchers/{id}" }\n', "").replace(
    'left = "left"\n', ""
)
# The create tells how many there are, and nothing can be read or given back.
TOLD = (
    BASE
    + """
[create]
request = { method = "POST", path = "/vouchers", json = {} }
id = "id"
[capacity]
units = "uses"
take = { method = "POST", path = "/vouchers/{id}/take" }
"""
)
# One queue for the whole service; its jobs have numbers.
JOBS = (
    BASE
    + """
[capacity]
put = { method = "POST", path = "/jobs" }
take = { method = "POST", path = "/claim" }
won = [200]
conflict = [204]
unit = "job"
give_back = { method = "DELETE", path = "/jobs/{unit}" }
"""
)


@dataclass
class Voucher:
    owner: str
    uses: int
    taken: list[int] = field(default_factory=list)


class UnitEngine:
    """`mistake` is one of: oversells, loses a give-back, gives back again, frees what it refuses, says yes again (which
    is none), gives one twice, serves all, hides one, or none. With leases of `lease_s` a use ends by itself; then also:
    ends early, ends twice.
    """

    def __init__(self, mistake: str = "", uses: int = 3, lease_s: float | None = None) -> None:
        self.mistake, self.uses = mistake, uses
        self.lease_s = lease_s if lease_s is None or mistake != "ends early" else lease_s / 4
        self.leases: list[tuple[float, Voucher, int]] = []
        self.vouchers: list[Voucher] = []
        self.waiting: list[int] = []
        self.claimed: list[int] = []
        self.numbers = 0

    def answer(self, request: Request) -> Answer:
        self.end_leases()
        parts, body = request.path.strip("/").split("/"), json.loads(request.body or b"{}")
        if parts[0] in ("jobs", "claim"):
            return self.answer_job(request, parts)
        if parts == ["vouchers"]:
            self.vouchers.append(Voucher(dict(request.headers)["Tenant"], body.get("uses", self.uses)))
            return make_answer(201, id=len(self.vouchers) - 1, uses=self.vouchers[-1].uses)
        voucher = self.vouchers[int(parts[1])]
        if voucher.owner != dict(request.headers)["Tenant"] and self.mistake != "serves all":
            return make_answer(404)
        if request.method == "GET":
            return make_answer(200, left=voucher.uses - len(voucher.taken))
        return self.give_back(voucher, int(parts[2])) if request.method == "DELETE" else self.take(voucher)

    def end_leases(self) -> None:
        now = time.monotonic()
        for ends, voucher, use in [lease for lease in self.leases if lease[0] <= now]:
            self.leases.remove((ends, voucher, use))
            if use in voucher.taken:
                voucher.taken.remove(use)
                voucher.uses += self.mistake == "ends twice"

    def take(self, voucher: Voucher) -> Answer:
        most = {"oversells": voucher.uses + 1, "hides one": voucher.uses - 1}.get(self.mistake, voucher.uses)
        if len(voucher.taken) >= most:
            return make_answer(409)
        self.numbers += 1
        voucher.taken.append(self.numbers)
        if self.lease_s is not None:
            self.leases.append((time.monotonic() + self.lease_s, voucher, self.numbers))
        return make_answer(201, use=self.numbers)

    def give_back(self, voucher: Voucher, use: int) -> Answer:
        if use not in voucher.taken:
            if self.mistake in ("gives back again", "frees what it refuses") and voucher.taken:
                voucher.taken.pop()
                return make_answer(204 if self.mistake == "gives back again" else 404)
            return make_answer(204 if self.mistake == "says yes again" else 404)
        if self.mistake != "loses a give-back":
            voucher.taken.remove(use)
        return make_answer(204)

    def answer_job(self, request: Request, parts: list[str]) -> Answer:
        if parts == ["claim"]:
            if not self.waiting:
                return make_answer(204)
            job = self.waiting[0] if self.mistake == "gives one twice" else self.waiting.pop(0)
            if job in self.claimed:
                self.waiting.remove(job)
            self.claimed.append(job)
            return make_answer(200, job=job)
        if request.method == "DELETE":
            if self.claimed.count(int(parts[1])) == 0:
                self.waiting += [int(parts[1])] if self.mistake == "gives back again" else []
                return make_answer(404 if not self.mistake else 200)
            self.claimed.remove(int(parts[1]))
            self.waiting += [int(parts[1])] if self.mistake != "loses a give-back" else []
            return make_answer(200)
        self.numbers += 1
        self.waiting.append(self.numbers)
        return make_answer(201)


def make_unit_source(folder: Path, target: Target, engine: UnitEngine, scenario: str, amount: int) -> Source:
    workload = make_workload(target, {scenario: 1}, amount)
    release = StubRelease(engine)  # type: ignore[arg-type]
    asker = Asker(target, release, Journal(folder / "race-0.0.jsonl"))  # type: ignore[arg-type]
    return Source(asker, workload, 1, 4)
