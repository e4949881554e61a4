"""TAP for tests in Python."""
import sys

count = failures = 0


def check(name, passed, *details):
    """One test; details are printed where it fails."""
    global count, failures
    count += 1
    print("%sok %d - %s" % ("" if passed else "not ", count, name), flush=True)
    if not passed:
        failures += 1
        for detail in details:
            for line in str(detail).splitlines():
                print("# " + line)


def skip(name, why):
    global count
    count += 1
    print("ok %d - %s # SKIP %s" % (count, name, why))


def done():
    print("1..%d" % count)
    sys.exit(failures != 0)
