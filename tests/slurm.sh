#!/bin/sh
# A Slurm of one node of 2 processors, with its munge, for the user who runs this and
# below the directory named. Its jobs end with it if it is run by alone.sh.
#
# usage: tests/alone.sh tests/slurm.sh DIR PORT PORT
#
# DIR/slurm.conf is for SLURM_CONF; DIR/*.log and DIR/out tell what went wrong.

cd "$1" || exit 1
node=$(hostname -s)
mkdir state spool
# cred_expire is what a task that is requeued waits for, at least 5.
cat >slurm.conf <<END
ClusterName=test
SlurmctldHost=$node(127.0.0.1)
SlurmctldPort=$2
SlurmdPort=$3
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
AuthInfo=socket=$PWD/munge.sock,cred_expire=5
StateSaveLocation=$PWD/state
SlurmdSpoolDir=$PWD/spool
SlurmctldPidFile=$PWD/slurmctld.pid
SlurmdPidFile=$PWD/slurmd.pid
SlurmctldLogFile=$PWD/slurmctld.log
SlurmdLogFile=$PWD/slurmd.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/builtin
SchedulerParameters=batch_sched_delay=0,sched_interval=1
MpiDefault=none
KillWait=2
NodeName=$node NodeAddr=127.0.0.1 CPUs=2
PartitionName=all Nodes=ALL Default=YES
END
(umask 077 && head -c 128 /dev/urandom >munge.key)
PATH=$PATH:/usr/sbin:/sbin
exec >out 2>&1
die='setpriv --pdeathsig KILL'
$die munged -F --force --key-file="$PWD/munge.key" --socket="$PWD/munge.sock" \
    --pid-file="$PWD/munged.pid" --log-file="$PWD/munged.log" \
    --seed-file="$PWD/munge.seed" &
while [ ! -S munge.sock ]; do sleep 0.1; done
$die slurmctld -D -f "$PWD/slurm.conf" &
$die slurmd -D -f "$PWD/slurm.conf" &
wait
