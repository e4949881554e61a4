#!/bin/sh
# Runs a command that starts daemons, in a namespace of processes of its own: when this
# is killed, or its parent ends, all of them end. The command sees nobody else in /proc.
# Where there are no namespaces the command ends with its parent, but what it started
# must see to that itself.
#
# usage: tests/alone.sh COMMAND...

own='--pid --fork --kill-child --mount-proc'
[ "$(id -u)" -eq 0 ] || own="--user --map-current-user $own"
# shellcheck disable=SC2086 # words
unshare $own true || exec setpriv --pdeathsig KILL "$@"
# shellcheck disable=SC2086
exec setpriv --pdeathsig KILL unshare $own "$@"
