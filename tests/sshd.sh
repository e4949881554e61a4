#!/bin/sh
# An sshd on the loopback for the user who runs this, and below the directory named,
# which has a key for it. DIR/ssh, a program, is an ssh that knows the sshd by any
# name.
#
# usage: tests/alone.sh tests/sshd.sh DIR PORT
#
# Commands run in HOME, with PATH, as they are here.

cd "$1" || exit 1
if [ "$(id -u)" -eq 0 ]; then
	# Of our namespace only: an sshd of root wants to be safe in an empty directory.
	mount -t tmpfs none /run && mkdir -m 755 /run/sshd || exit 1
fi
ssh-keygen -q -t ed25519 -N '' -f key && ssh-keygen -q -t ed25519 -N '' -f host || exit 1
cat >sshd.conf <<END
ListenAddress 127.0.0.1
Port $2
HostKey $PWD/host
AuthorizedKeysFile $PWD/key.pub
PasswordAuthentication no
StrictModes no
PidFile none
StreamLocalBindUnlink yes
MaxStartups 100
SetEnv "PATH=$PATH" "HOME=$HOME"
ForceCommand cd "$HOME" && exec sh -c "\$SSH_ORIGINAL_COMMAND"
END
cat >ssh.conf <<END
HostName 127.0.0.1
Port $2
IdentityFile $PWD/key
IdentitiesOnly yes
BatchMode yes
StrictHostKeyChecking no
UserKnownHostsFile $PWD/known
LogLevel ERROR
END
printf '#!/bin/sh\nexec /usr/bin/ssh -F "%s/ssh.conf" "$@"\n' "$PWD" >ssh
chmod +x ssh
PATH=$PATH:/usr/sbin:/sbin
exec "$(command -v sshd)" -D -e -f sshd.conf
