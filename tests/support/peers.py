"""Other engines for tests to compare with, as Python packages in a virtual environment of ours.

A test script begins with

    import os, sys
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
    import peers
    peers.ensure(["duckdb", "pyarrow"])      # from here on they can be imported

`ensure` makes sure that the packages are in build/venv, installs what is missing, and starts the
script anew with that interpreter when it does not run there yet. Where they cannot be had (no
network, no venv module) the script ends with 77, which CTest shows as skipped, and says why.
A file lock keeps scripts that start together from installing at the same time; a machine without
network is asked once an hour, not once a test. WEND_TEST_VENV names another environment to use.
"""

import fcntl
import importlib.util
import os
import subprocess
import sys
import time

SKIPPED = 77
RETRY_AFTER_SECONDS = 3600
INSTALL_TIMEOUT_SECONDS = 600


def source_root():
    """The root of the sources: what CTest says, else found from this file's own place."""
    here = os.path.dirname(os.path.abspath(__file__))
    return os.environ.get("WEND_TEST_SOURCE") or os.path.dirname(os.path.dirname(here))


def environment_path():
    return os.environ.get("WEND_TEST_VENV") or os.path.join(source_root(), "build", "venv")


def skip(reason):
    print("skipped: " + reason)
    sys.stdout.flush()
    sys.exit(SKIPPED)


def _has(python, modules):
    """Whether `python` can find every module; finding is enough and much faster than importing."""
    if not os.path.exists(python):
        return False
    check = (
        "import importlib.util, sys\n"
        "sys.exit(any(importlib.util.find_spec(m) is None for m in sys.argv[1:]))"
    )
    return subprocess.run([python, "-c", check, *modules], check=False).returncode == 0


def _run(command):
    """Run a command; None when it worked, else the last lines of what it said."""
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=INSTALL_TIMEOUT_SECONDS, check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as fault:
        return str(fault)
    if done.returncode == 0:
        return None
    return " / ".join(done.stdout.strip().splitlines()[-2:]) or "exit %d" % done.returncode


def _install(folder, python, packages):
    """Fill the environment; None or the reason why not. The caller holds the lock."""
    memo = os.path.join(folder + ".failed-" + "-".join(sorted(packages)))
    if os.path.exists(memo) and time.time() - os.path.getmtime(memo) < RETRY_AFTER_SECONDS:
        with open(memo, encoding="utf-8") as file:
            return file.read() + " (tried within the hour; remove %s to try again)" % memo
    fault = None
    if not os.path.exists(python):
        fault = _run([sys.executable, "-m", "venv", folder])
    if fault is None:
        fault = _run(
            [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
             "--retries", "1", "--timeout", "20", *packages]
        )
    if fault is None:
        if os.path.exists(memo):
            os.remove(memo)
        return None
    with open(memo, "w", encoding="utf-8") as file:
        file.write(fault)
    return fault



def ensure(packages, modules=None):
    """Return only where every package can be imported.

    packages: what pip installs, by name, a version only where one is needed ("duckdb>=1.1").
    modules:  what Python imports, when the names differ; by default the packages' bare names.
    """
    modules = modules or [package.split(">")[0].split("=")[0].split("<")[0] for package in packages]
    if all(importlib.util.find_spec(module) is not None for module in modules):
        return
    folder = environment_path()
    python = os.path.join(folder, "bin", "python")
    if os.environ.get("WEND_TEST_PEERS_STARTED") == folder:
        skip("%s was installed in %s and still cannot be found" % (", ".join(modules), folder))
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    with open(folder + ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _has(python, modules):
            fault = _install(folder, python, packages)
            if fault is not None:
                skip("%s could not be installed: %s" % (", ".join(packages), fault))
    os.environ["WEND_TEST_PEERS_STARTED"] = folder
    sys.stdout.flush()
    os.execv(python, [python, *sys.argv])


if __name__ == "__main__":
    # peers.py duckdb pyarrow: prepare the environment and print its interpreter, for shell scripts.
    ensure(sys.argv[1:])
    print(sys.executable)
