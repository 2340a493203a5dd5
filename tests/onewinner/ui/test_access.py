"""Goal: only the user who started the ui is answered. Method: requests without the token, and from elsewhere."""

from pathlib import Path

import pytest

from onewinner.ui.access import make_token
from tests.onewinner.ui.asking import HOST, PORT, TOKEN, ask


@pytest.mark.parametrize("prefix", ["", f"/{TOKEN}x", f"/{TOKEN[:-1]}", f"/x/{TOKEN}", "//", f"/{TOKEN.upper()}", "/é"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nothing_is_answered_without_the_token(prefix: str, method: str, tmp_path: Path) -> None:
    answer = ask(tmp_path, "/", method, prefix=prefix)
    assert (answer.status_code, answer.text.count("\n")) == (403, 1)


HOSTS = ["rebound.example", f"rebound.example:{PORT}", "127.0.0.1", f"127.0.0.1:{PORT + 1}", f"127.0.0.2:{PORT}", ""]
ORIGINS = ["null", "http://rebound.example", f"http://127.0.0.1:{PORT + 1}", f"https://{HOST}", "http://127.0.0.1", ""]


@pytest.mark.parametrize("headers", [*({"Host": host} for host in HOSTS), *({"Origin": origin} for origin in ORIGINS)])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_name_and_another_origin_are_refused(headers: dict[str, str], method: str, tmp_path: Path) -> None:
    assert ask(tmp_path, "/", method, headers=headers).status_code == 403


@pytest.mark.parametrize("headers", [{}, {"Origin": f"http://{HOST}"}, {"Host": f"localhost:{PORT}"}])
def test_its_own_pages_are_answered(headers: dict[str, str], tmp_path: Path) -> None:
    answer = ask(tmp_path, "/", headers=headers)
    assert answer.status_code == 200
    # Neither another page nor a cache learns the address, which holds the token.
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Security-Policy"] == "frame-ancestors 'none'"


def test_each_start_has_a_token_of_its_own() -> None:
    assert len({make_token() for _ in range(10)}) == 10
    assert min(len(make_token()) for _ in range(10)) >= 43
