"""A race of your own requests, for your own test suite: what the fixture `race` gives.

Standard library alone: it runs in the user's process. The requests are sent by the process of `helper.py`.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Never, TypedDict, Unpack

from onewinner.pytest_plugin.helper import GRACE_S, Helper
from onewinner.pytest_plugin.race_result import Answer, Result, receive
from onewinner.pytest_plugin.request import Request, encode, follow_link, place

COUNT_MAX = 200
POLL_S = 0.02
METHODS = ("POST", "PUT", "PATCH", "DELETE")
# What to ask next of an answer that does not tell the outcome yet (a path, a URL or a request); None once it does.
Poll = Callable[[Answer], Request | str | None]


class Options(TypedDict, total=False):
    """What `race.post` and its like take beside the URL; see Request."""

    count: int
    headers: Mapping[str, str]
    json: object
    form: Mapping[str, str] | None
    body: bytes | str
    cookies: Mapping[str, Any]
    base_url: str | None
    timeout_s: float
    poll: Poll | None


class Race:
    """Sends requests at one instant. `base_url` may be set once for all races of a test."""

    def __init__(self, helper: Helper, base_url: str = "", picture: Path | None = None) -> None:
        self._helper = helper
        self._picture = picture
        self._run: list[Result] = []
        self.base_url = base_url

    def describe_unseen(self) -> str:
        """A sentence about the races that no test can have failed by; empty if there are none."""
        unseen = [str(result) for result in self._run if not result.was_looked_at]
        if not unseen:
            return ""
        count = "1 race was run, and its result was" if len(unseen) == 1 else f"{len(unseen)} races were run, and "
        count += "" if len(unseen) == 1 else "their results were"
        return (
            f"{count} neither asserted nor looked at, so this test cannot fail by it: {unseen[0]}. "
            "Write race.post(...).assert_one_winner(), or look at its answers, winners or statuses."
        )

    def __call__(
        self,
        requests: Sequence[Request],
        *more: Never,
        base_url: str | None = None,
        timeout_s: float = 10.0,
        poll: Poll | None = None,
        **others: Never,
    ) -> Result:
        """Races these requests, which may differ; all go to one server. Unlike the others it takes no count.

        `poll` is for answers that come later (202): it gets each answer, and says what to ask next, or None once the
        answer tells the outcome. A path or a URL is asked by GET, with the headers of the request.
        Raises RaceError when the server cannot be reached, ValueError when the requests cannot be sent.
        """
        __tracebackhide__ = True
        refuse_others(requests, (*more, *others))
        if not 2 <= len(requests) <= COUNT_MAX:
            raise ValueError(f"a race has from 2 to {COUNT_MAX} requests, not {len(requests)}")
        base = str(self.base_url if base_url is None else base_url)
        placed = [place(request, base) for request in requests]
        servers = {server for server, _ in placed}
        if len(servers) > 1:
            raise ValueError(f"all requests of a race go to one server, not to {' and '.join(sorted(servers))}")
        told = [encode(request, path) for request, (_, path) in zip(requests, placed, strict=True)]
        server = servers.pop()
        message = {"base_url": server, "timeout_s": timeout_s, "requests": told}
        given = self._helper.ask({"race": message}, GRACE_S + timeout_s * (len(told) + 1))
        answers = tuple(
            receive(number, request, exchange)
            for number, (request, exchange) in enumerate(zip(requests, given["exchanges"], strict=True))
        )
        if poll is not None:
            answers = tuple(self._follow(answer, poll, server, timeout_s) for answer in answers)
        result = Result(answers, given["one_at_a_time"], self._helper, self._picture)
        self._run.append(result)
        return result

    def _follow(self, first: Answer, poll: Poll, server: str, timeout_s: float) -> Answer:
        """The answer that tells the outcome of a request, which lasts to the end of its last poll; none in time: no
        answer.
        """
        answer, limit_ns = first, first.invoked_ns + int(timeout_s * 1e9)
        while answer.status is not None and (onward := poll(answer)) is not None:
            if time.monotonic_ns() > limit_ns:
                error = f"it was answered {first.status}, and no poll told the outcome within {timeout_s:g} s"
                return replace(first, status=None, error=error, returned_ns=None)
            asked = onward if isinstance(onward, Request) else follow_link(first.request, onward)
            place_of, path = place(asked, server)
            message = {"base_url": place_of, "timeout_s": timeout_s, "requests": [encode(asked, path)], "probes": False}
            [exchange] = self._helper.ask({"race": message}, GRACE_S + 2 * timeout_s)["exchanges"]
            got = receive(first.number, first.request, exchange)
            if got.status is not None:
                answer = replace(got, invoked_ns=first.invoked_ns)
            time.sleep(POLL_S)
        return answer

    def request(self, method: str, url: str, **options: Unpack[Options]) -> Result:
        """Races `count` (10) requests that are all the same."""
        __tracebackhide__ = True
        if unknown := sorted(set(options) - set(Options.__annotations__)):
            known = ", ".join(Options.__annotations__)
            raise TypeError(f"a race takes the URL, and {known} by name; {' and '.join(unknown)} is none of them")
        given: dict[str, Any] = {**options}
        count = given.pop("count", 10)
        of_race = {name: given.pop(name) for name in ("base_url", "timeout_s", "poll") if name in given}
        return self([Request(method.upper(), url, **given)] * count, **of_race)

    def post(self, url: str, **options: Unpack[Options]) -> Result:
        __tracebackhide__ = True
        return self.request("POST", url, **options)

    def put(self, url: str, **options: Unpack[Options]) -> Result:
        __tracebackhide__ = True
        return self.request("PUT", url, **options)

    def patch(self, url: str, **options: Unpack[Options]) -> Result:
        __tracebackhide__ = True
        return self.request("PATCH", url, **options)

    def delete(self, url: str, **options: Unpack[Options]) -> Result:
        __tracebackhide__ = True
        return self.request("DELETE", url, **options)


def refuse_others(requests: object, others: Collection[object]) -> None:
    """Raises TypeError for what is no list of requests: most likely the arguments of one of them."""
    if not others and not isinstance(requests, str):
        return
    method = requests.lower() if isinstance(requests, str) and requests.upper() in METHODS else "post"
    raise TypeError(
        "race(...) takes a list of requests that may differ, each a Request; for several that are all the same "
        f"use race.{method}(url, ...)"
    )
