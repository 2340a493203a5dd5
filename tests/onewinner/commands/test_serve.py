"""Goal: `serve` says where the service of a target file is, without its secrets, and a signal is how it ends."""

import json
import signal
from pathlib import Path

import httpx
import pytest

from tests.onewinner.running import Command

TARGET = """
name = "shop"
base_url = "http://127.0.0.1:{port}"
[service]
command = ["python3", "-m", "http.server", "{port}", "--bind", "127.0.0.1"]
ready = "/"
[tenants.acme]
headers = {}
[workflow]
initial = "NEW"
[workflow.transitions]
NEW = ["PAID"]
[create]
request = { method = "POST", path = "/orders" }
id = "id"
[read]
request = { method = "GET", path = "/orders/{id}" }
state = "state"
[advance]
request = { method = "POST", path = "/orders/{id}/pay" }
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_service_of_a_target_is_served_until_a_signal(number: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "shop.toml").write_text(TARGET)
    with Command(("serve", "--target", "shop.toml"), tmp_path).start() as process:
        assert process.stdout is not None
        told = process.stdout.readline()
        assert told.startswith("shop listens on http://127.0.0.1:")
        address = told.split()[3].removesuffix(".")
        assert httpx.get(address).status_code == 200
        process.send_signal(number)
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, output, errors) == (0, "", "")
    with pytest.raises(httpx.ConnectError):
        httpx.get(address)


def test_a_program_asks_for_the_variables(tmp_path: Path) -> None:
    (tmp_path / "shop.toml").write_text(TARGET)
    with Command(("serve", "--target", "shop.toml", "--announce"), tmp_path).start() as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert told["base_url"].startswith("http://127.0.0.1:")
    assert told["environment"]
    assert process.returncode == 0
