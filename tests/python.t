#!/bin/sh
# q2.py, ray2q2 and the example producer: one line of TAP for each pytest test.

. tests/lib.sh

if ! "$PYTHON" -c 'import pytest, numpy, h5py' 2>"$T/err"; then
	echo "1..0 # SKIP $(tail -n 1 "$T/err")"
	exit 0
fi
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$PWD/lib/python" TAP_FD=3
"$PYTHON" -m pytest -q -p no:cacheprovider --basetemp="$T/pytest" tests/python \
    3>&1 >"$T/said" 2>&1
r=$?
[ $r -eq 0 ] || sed 's/^/# /' "$T/said"
exit $r
