"""Run oracle scripts in the simulator: the same scripts, prelude, directory and environment, through ``podwire sh``."""

import os
import pathlib
import subprocess
import sys

from tests.oracle import namespaces, real

SOURCES = {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
"""Where podwire is, if not where it is installed: ``mutations`` judges copies."""


def run(script, timeout=120.0, frames=None):
    """As ``real.run``."""
    script = pathlib.Path(script).resolve()
    with real.workplace() as work:
        process = subprocess.Popen(
            [sys.executable, "-m", "podwire", "sh", str(real.RUN), str(script)],
            cwd=work,
            env=namespaces.ENVIRONMENT | real.settings(frames) | SOURCES,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        return real.collect(process, script, timeout)
