"""Goal: in anybody's suite the plugin is the fixture `race` and nothing else.

Method: a project with folders, modules and an option named like ours, in an environment that has the wheel.
"""

import ast
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from onewinner import ROOMS
from tests.onewinner.running import Command, wait_for
from tests.onewinner.strangers import ROOT, make_python

MAKE_ORDER = """
import itertools, pytest
@pytest.fixture
def make_order():
    return itertools.count().__next__
"""
PLUGIN = "onewinner.pytest_plugin"
FILES = ("fixture", "helper", "race", "request", "race_result")
USER_SIDE = ("onewinner", "onewinner.racing", PLUGIN, *(f"{PLUGIN}.{name}" for name in FILES))
CONFTEST = """
import http.server, threading
import pytest

def pytest_addoption(parser):
    parser.addoption("--target", default="nowhere")

class Shop(http.server.BaseHTTPRequestHandler):
    sold, lock = set(), threading.Lock()
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.lock:
            lost = self.path in self.sold and self.path != "/unguarded"
            self.sold.add(self.path)
        self.send_response(409 if lost else 200)
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass

@pytest.fixture
def url():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Shop) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
"""
SUITE = """
import sys
import engine, load, reports
from load.things import MINE
from reports.things import MINE as ALSO_MINE

def test_names(race, pytestconfig):
    assert (engine.MINE, MINE, ALSO_MINE) == (1, 1, 1)
    assert pytestconfig.getoption("--target") == "mine"

def test_once(race, url):
    assert race.post(f"{url}/pay", json={"a": 1}).assert_one_winner().json() == {"a": 1}

def test_unguarded(race, url):
    race.base_url = url
    race.post("/unguarded").assert_one_winner()

def test_forgotten(race, url):
    race.post(f"{url}/forgotten?token=secret")

def test_looked_at(race, url):
    assert race.post(f"{url}/looked-at").statuses.count(200) == 1

def test_fails_behind_its_race(race, url):
    race.post(f"{url}/behind")
    raise ValueError("behind")

def test_what_was_imported():
    heavy = {"stateful_tests", "locust", "gevent", "polars", "sqlalchemy", "msgspec", "httptools", "jmespath"}
    assert not heavy & set(sys.modules)
    ours = {name for name in sys.modules if name.partition(".")[0] == "onewinner"}
    plugin = {f"onewinner.pytest_plugin.{name}" for name in ("fixture", "helper", "race", "request", "race_result")}
    assert ours == {"onewinner", "onewinner.pytest_plugin", *plugin}
    assert not any(path.endswith("rooms") for path in sys.path)
"""


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_python(tmp_path_factory.mktemp("stranger"))


def make_project(folder: Path, *, packages: bool) -> None:
    for name in ("load", "reports"):
        (folder / name).mkdir()
        (folder / name / "things.py").write_text("MINE = 1\n")
        if packages:
            (folder / name / "__init__.py").write_text("")
    (folder / "engine.py").write_text("MINE = 1\n")
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_shop.py").write_text(SUITE)


def run_suite(python: str, folder: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    # Neither hypothesis nor our other dependencies are in the way of what is looked at.
    others = [part for name in ("hypothesispytest", "schemathesis", "anyio", "locust") for part in ("-p", f"no:{name}")]
    program = ("-W", "error", "-m", "pytest", "-q", *others)
    command = Command(("--target", "mine", *options), folder, {"PYTHONPATH": ""}, program, python)
    ended = command.run()
    assert command.find_left() == [], "the racer ended with the session"
    return ended


@pytest.mark.parametrize(
    "packages", [True, pytest.param(False, marks=pytest.mark.exhaustive)], ids=["with __init__", "without __init__"]
)
def test_a_project_with_names_like_ours(packages: bool, python: str, tmp_path: Path) -> None:
    make_project(tmp_path, packages=packages)
    ended = run_suite(python, tmp_path)
    assert "2 failed, 5 passed, 1 error" in ended.stdout, ended
    assert (
        "1 race was run, and its result was neither asserted nor looked at, so this test cannot fail by it: POST "
        "/forgotten, 10 at once. Write race.post(...).assert_one_winner(), or look at its answers, winners or statuses."
    ) in ended.stdout
    assert re.search(
        r"NotOneWinnerError: Requests #0, .* \(POST /unguarded, answered 200\) all 10 won: they", ended.stdout
    )
    told = re.search(r"The picture: (\S+)", ended.stdout)
    assert told is not None
    assert Path(told[1]).parent == tmp_path / ".pytest_cache" / "d" / "onewinner"
    assert Path(told[1]).read_text().startswith("<svg ")


def test_the_snippet_of_the_readme(python: str, tmp_path: Path) -> None:
    snippet = re.search(r"```python\n(def test_.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert snippet is not None
    make_project(tmp_path, packages=True)
    (tmp_path / "test_shop.py").write_text(f"{MAKE_ORDER}\n{snippet[1]}")
    assert "1 passed" in run_suite(python, tmp_path).stdout


APP = """
bought = set()
async def app(scope, receive, send):
    if scope["type"] == "http":
        lost = scope["path"] in bought and scope["method"] == "POST"
        bought.add(scope["path"])
        await send({"type": "http.response.start", "status": 409 if lost else 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})
"""


@pytest.mark.exhaustive
def test_the_conftest_of_the_documents(python: str, tmp_path: Path) -> None:
    text = (ROOT / "docs" / "test-suite.md").read_text()
    snippet = re.search(r"```python\n(import .*?)```", text, re.DOTALL)
    assert snippet is not None
    (tmp_path / "shop.py").write_text(APP)
    (tmp_path / "conftest.py").write_text(snippet[1].replace('"--workers", "2"', '"--lifespan", "off"'))
    (tmp_path / "test_shop.py").write_text(
        "def test_once(race, url):\n    race.post(f'{url}/orders/7/pay').assert_one_winner()\n"
    )
    command = Command(("-q", "-p", "no:locust"), tmp_path, {"PYTHONPATH": str(tmp_path)}, ("-m", "pytest"), python)
    ended = command.run()
    assert "1 passed" in ended.stdout, ended
    assert command.find_left() == [], "the service ended with the session"


def test_without_a_cache_the_picture_is_among_the_temporary_files(python: str, tmp_path: Path) -> None:
    make_project(tmp_path, packages=True)
    base = tmp_path / "base"
    ended = run_suite(python, tmp_path, "-p", "no:cacheprovider", "--basetemp", str(base), "-k", "unguarded")
    assert f"The picture: {base}" in ended.stdout, ended


HANGING = """
import http.server, pathlib, signal, threading

# As in a terminal; what started these tests may have it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)

class Hanging(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        pathlib.Path("asked").touch()
        self.rfile.read()

def test_no_answer(race):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hanging)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    race.post(f"http://127.0.0.1:{server.server_port}/", timeout_s=300)
"""


@pytest.mark.exhaustive
def test_ctrl_c_ends_a_race_and_its_process(python: str, tmp_path: Path) -> None:
    (tmp_path / "test_hanging.py").write_text(HANGING)
    command = Command(("-q",), tmp_path, {"PYTHONPATH": ""}, ("-m", "pytest"), python)
    with command.start() as process:
        wait_for((tmp_path / "asked").exists, process)
        assert len(command.find_left()) == 2
        process.send_signal(signal.SIGINT)
        try:
            output, _ = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 2, output
    assert "KeyboardInterrupt" in output
    assert command.find_left() == []


def test_its_types_are_for_users_too(python: str) -> None:
    assert (Path(python).parents[2] / "wheel" / "onewinner" / "py.typed").exists()


def test_it_adds_no_option(python: str, tmp_path: Path) -> None:
    told = [run_suite(python, tmp_path, "--help", *options).stdout for options in ((), ("-p", "no:onewinner"))]
    assert "--collect-only" in told[0]
    assert told[0] == told[1]


def test_the_fixture_says_what_it_is(python: str, tmp_path: Path) -> None:
    make_project(tmp_path, packages=True)
    ended = run_suite(python, tmp_path, "--fixtures", "test_shop.py")
    said = r"^race -- .*\n    Sends several requests to a running server at one instant"
    assert re.search(said, ended.stdout, re.MULTILINE), ended


def test_what_is_left_in_the_wheel_can_be_called(python: str, tmp_path: Path) -> None:
    """The rooms are found though importing onewinner leaves the path alone."""
    history = ROOT / "tests" / "histories" / "good" / "one-race.jsonl"
    command = Command(("check", str(history)), tmp_path, {"PYTHONPATH": ""}, python=python)
    assert command.run().returncode == 0


def test_importing_onewinner_changes_no_path() -> None:
    code = "import sys; before = list(sys.path); import onewinner.pytest_plugin; assert sys.path == before"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def find_file(module: str) -> Path:
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@pytest.mark.parametrize("name", USER_SIDE)
def test_the_users_side_imports_the_standard_library_alone(name: str) -> None:
    allowed = {*sys.stdlib_module_names, "pytest", *USER_SIDE}
    for node in ast.walk(ast.parse(find_file(name).read_text())):
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for module in modules:
            assert module in allowed or module.partition(".")[0] in sys.stdlib_module_names, module


def test_the_rooms_of_a_clone_are_beside_the_package() -> None:
    assert ROOMS == ROOT
