#!/bin/sh
# Runs a command in a namespace of processes of its own: when this is killed, or its
# parent ends, all of them end, daemons too. The command sees nobody else in /proc.
#
# usage: tests/alone.sh COMMAND...

own='--pid --fork --kill-child --mount-proc'
[ "$(id -u)" -eq 0 ] || own="--user --map-current-user $own"
# shellcheck disable=SC2086 # words
exec setpriv --pdeathsig KILL unshare $own "$@"
