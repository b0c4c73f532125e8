#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A machine of the fleet, in the network namespace in which this script is started: file systems, host name and SSH server
# of its own.
#
#   unshare --mount --uts node.sh NAME FOLDER     the folder has login.pub, the key that may log in, and gets NAME.pub, the
#                                                 host's key
set -eu
name=$1 folder=$2

hostname "$name"
mkdir -p /var/lib/weft /run/weft /etc/weft
for directory in /var/lib/weft /run/weft /etc/weft /etc/ssh /root /tmp; do
	mount -t tmpfs -o mode=0700 tmpfs $directory
done
# The interfaces of this network namespace.
mount -t sysfs sys /sys
ssh-keygen -q -t ed25519 -N '' -C "$name" -f /etc/ssh/host
cat >/etc/ssh/config <<-END
	HostKey /etc/ssh/host
	PidFile none
	AuthorizedKeysFile $folder/login.pub
	PasswordAuthentication no
	StrictModes no
	UseDNS no
	KexAlgorithms curve25519-sha256
	MaxStartups 100
	Subsystem sftp /usr/lib/openssh/sftp-server
END
cp /etc/ssh/host.pub "$folder/$name.pub"
exec /usr/sbin/sshd -D -e -f /etc/ssh/config
