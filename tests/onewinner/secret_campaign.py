"""Twelve secrets, planted wherever a target has one, and searched for after every kind of end. Not a test.

    python -m tests.onewinner.secret_campaign SEED

The ends: a pass, a failure, a service that ends by itself, and four signals at five moments each. Wrong is a secret, in
any form in which programs write it, in a file of the run directory or of the temporary folder, in the terminal, or in
an argument of a process.
"""

import random
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.onewinner.hostile_engine import spell
from tests.onewinner.running import Command
from tests.onewinner.test_secrets import read_everything

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)
MOMENTS_MAX_S = 14.0
# The variables of the secrets that the file names, and of those that the service gives.
NAMED = ("BEARER", "VENDOR", "QUERY", "BODY", "FORM", "SETUP", "ENV", "BASIC")
GIVEN = ("TOKEN_THAT_A_LOGIN_GIVES", "SECRET_THAT_THE_SETUP_GIVES", "COOKIE_THAT_AN_ANSWER_SETS")
WRITTEN = "written-9c1e-into'the/file"
PASSED_ON = "\n".join(f'{name} = "${{{name}}}"' for name in (*NAMED, *GIVEN))
TARGET = f"""
name = "telling"
base_url = "http://127.0.0.1:{{port}}"
[service]
command = ["{sys.executable}", "-m", "tests.onewinner.telling_engine", "{{port}}"]
cwd = "{Path(__file__).parents[2]}"
ready = "/ready"
[service.env]
TELL = "{" ".join((*NAMED, *GIVEN))} DATABASE_PASSWORD"
DATABASE_PASSWORD = "{{database_password}}"
{PASSED_ON}
[tenants.acme]
cookies = true
[tenants.acme.headers]
Authorization = "Bearer ${{BEARER}}"
X-Vendor = "${{VENDOR}}"
X-Token = "{{token}}"
[tenants.acme.login]
request = {{ method = "POST", path = "/login", form = {{ name = "ann", password = "${{FORM}}" }} }}
save = {{ token = "token" }}
[tenants.globex]
headers = {{ Authorization = "Basic ${{BASIC}}", X-Api-Key = "{WRITTEN}" }}
[[setup]]
request = {{ method = "POST", path = "/vendors", json = {{ key = "${{SETUP}}" }} }}
save = {{ vendor = "secret" }}
[workflow]
initial = "OPEN"
[workflow.transitions]
OPEN = ["PAID", "VOID"]
PAID = ["SENT", "VOID"]
[create]
request = {{ method = "POST", path = "/w", json = {{ with = "${{BODY}}" }} }}
id = "id"
[read]
request = {{ method = "GET", path = "/w/{{id}}", query = {{ key = "${{QUERY}}" }} }}
state = "state"
[advance.request]
method = "POST"
path = "/w/{{id}}"
headers = {{ X-Setup = "{{vendor}}" }}
json = {{ expected = "{{expected}}", next = "{{next}}" }}
[advance]
current_state = "state"
"""


@dataclass(frozen=True)
class End:
    """What ends the command: a signal after some seconds, or what is in the environment of the service."""

    name: str
    environment: tuple[tuple[str, str], ...] = ()
    number: signal.Signals | None = None
    after_s: float = 0.0


def list_ends(seed: int) -> Iterator[End]:
    drawn = random.Random(seed)
    yield from (End("pass"), End("fail", (("BROKEN", "1"),)), End("a service that ends", (("ENDS_AFTER", "300"),)))
    for number in SIGNALS:
        for part in range(5):
            after_s = (part + drawn.random()) * MOMENTS_MAX_S / 5
            yield End(f"{number.name} after {after_s:.1f} s", number=number, after_s=after_s)


def try_end(end: End, folder: Path, secrets: dict[str, str]) -> list[str]:
    """Runs the command until its end; what was wrong."""
    temporary, work = folder / "temporary", folder / "work"
    for made in (temporary, work):
        made.mkdir()
    extra = "\n".join(f'{name} = "{value}"' for name, value in end.environment)
    (work / "target.toml").write_text(TARGET.replace("[service.env]\n", f"[service.env]\n{extra}\n"))
    options = ("race", "--target", "target.toml", "--races", "100000" if end.number else "40", "--out", "run")
    command = Command(options, work, {**secrets, "TMPDIR": str(temporary)})
    seen: set[str] = set()
    output = errors = ""
    with command.start() as process:
        waited_s = 0.0
        while process.poll() is None:
            seen.update(command.find_left())
            try:
                output, errors = process.communicate(timeout=0.25)
            except subprocess.TimeoutExpired:
                waited_s += 0.25
            if end.number is not None and waited_s >= end.after_s and process.poll() is None:
                process.send_signal(end.number)
                output, errors = process.communicate(timeout=120)
    places = {"the terminal": output + errors, "an argument": "\n".join(seen)}
    places |= read_everything(work / "run") | read_everything(temporary)
    planted = {name: value for name, value in {**secrets, "WRITTEN": WRITTEN}.items() if name != "PATH"}
    wrong = [f"{name} in {place}" for place, text in places.items() for name in find_secrets(text, planted)]
    wrong += [] if process.returncode in (0, 1, 3, -signal.SIGKILL) else [f"exit {process.returncode}: {errors[-300:]}"]
    return wrong


def find_secrets(text: str, planted: dict[str, str]) -> list[str]:
    """The names of the secrets that stand in the text in some form."""
    # The ends of a base64 text hold bits of its neighbours.
    return [name for name, value in planted.items() if any(form[4:-4] in text for form in spell(value))]


def main(seed: int) -> int:
    drawn, failed, count = random.Random(seed), 0, 0
    odd = "/+=\"'&%\\ é<"
    for end in list_ends(seed):
        secrets = {
            name: f"{name[:2].lower()}{drawn.getrandbits(64):016x}{odd[number % len(odd)] if number < 8 else ''}z9q"
            for number, name in enumerate((*NAMED, *GIVEN))
        }
        # A header holds no character beyond Latin-1, and no quotation mark of TOML.
        secrets |= {name: re.sub(r"[^\w/+=&%]", "-", secrets[name]) for name in ("BEARER", "VENDOR", "BASIC", *GIVEN)}
        with tempfile.TemporaryDirectory(prefix="secrets-") as folder:
            # As root, the database server runs for another user, who must be able to enter.
            Path(folder).chmod(0o755)
            wrong = try_end(end, Path(folder), secrets)
        count, failed = count + 1, failed + bool(wrong)
        print(f"{end.name}: {'; '.join(wrong) or 'right'}", flush=True)
    print(f"{count} ends, {failed} wrong")
    return int(failed > 0)


if __name__ == "__main__":
    # A shell that starts this in the background makes it ignore SIGINT, and its children with it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main(int(sys.argv[1])))
