"""An environment as a stranger has it: onewinner installed from its wheel, and nothing of this clone on the path."""

import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]


def find_packages(environment: Path) -> Path:
    """The folder of a virtual environment's packages."""
    return next(environment.glob("lib/python3*/site-packages"))


def make_python(folder: Path, environments: Sequence[Path] = ()) -> str:
    """A Python with the wheel, then the packages of `environments`, then those of this one, unpacked in `folder`.

    A path in a .pth file is taken as it is: this clone's own editable installation is not followed.
    """
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    [wheel] = folder.glob("onewinner-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "wheel")
    made = folder / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(made)], check=True)
    sites = [folder / "wheel", *map(find_packages, environments), find_packages(Path(sys.prefix))]
    (find_packages(made) / "sites.pth").write_text("".join(f"{site}\n" for site in sites))
    return str(made / "bin" / "python")
