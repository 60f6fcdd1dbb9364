"""The real sidecar: the one that run_tests.py started, or none."""

import os
import unittest

from prenoise import Sidecar

VARIABLE = "PRENOISE_TEST_TARGET"


def running():
    """The sidecar to test against. Raises SkipTest where there is none."""
    target = os.environ.get(VARIABLE, "")
    if not target:
        raise unittest.SkipTest(f"{VARIABLE} names no running sidecar; run_tests.py starts one")
    return Sidecar(target)
