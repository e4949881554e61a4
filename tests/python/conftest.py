"""One line of TAP for each test, on the descriptor TAP_FD; its name is the test's
docstring, with the parameters put in."""
import os

import pytest

FD = int(os.environ.get("TAP_FD", "-1"))
count = 0


def say(text):
    if FD != -1:
        os.write(FD, (text + "\n").encode())


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    values = item.callspec.params if hasattr(item, "callspec") else {}
    report.said = (item.function.__doc__ or item.name).format(**values)


def pytest_runtest_logreport(report):
    global count
    if report.when != "call" and report.passed:
        return
    count += 1
    if report.skipped:
        say("ok %d - %s # SKIP %s" % (count, report.said, report.longrepr[2]))
    else:
        say("%sok %d - %s" % ("" if report.passed else "not ", count,
                              report.said))


def pytest_sessionfinish():
    say("1..%d" % count)
