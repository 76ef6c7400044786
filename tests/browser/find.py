"""Find a Chrome or Chromium, install Debian's where that is possible, and say which it is."""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def find_browser() -> str | None:
    """Return the browser's path: CHROME, or the first one on the path."""
    if chosen := os.environ.get("CHROME"):
        return chosen
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def main() -> None:
    """Print the browser that the tests will drive; install one where root can."""
    if find_browser() is None and os.geteuid() == 0 and shutil.which("apt-get"):
        print("Installing Chromium …", flush=True)
        subprocess.run(["apt-get", "update", "-qq"], check=False)
        subprocess.run(["apt-get", "install", "-y", "-qq", "chromium"], check=False)
    found = find_browser()
    if found is None:
        sys.exit(
            "The browser tests need Chrome or Chromium. Install one, or set CHROME to its path."
        )
    print(f"Browser tests drive {found}.")


if __name__ == "__main__":
    main()
