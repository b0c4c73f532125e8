# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Sourced by ansible.sh and the demo, in the guest: ansible-core of the folder that programs.sh has filled.
#
#   play_machine=(...)     the words before a command that is to run in the file system of the controller and the nodes
#   playing=(...)          ansible-playbook
#   play_prepare           makes both usable, once
#   play_version           that of ansible-core, such as 2.19
#   play_make_login, play_meet    the controller's key for SSH, and the keys of the machines that node.sh makes

play_programs=/weft/programs
play_root=$play_programs/trixie
play_directories=(dev proc sys run tmp root weft)
export ANSIBLE_COLLECTIONS_PATH=$play_programs/collections
# shellcheck disable=SC2034 # for the scripts that source this one
if [ -d "$play_root" ]; then
	play_machine=(chroot "$play_root")
	playing=(chroot "$play_root" env LC_ALL=C.UTF-8 /usr/bin/ansible-playbook)
	play_version=2.19
else
	play_machine=()
	playing=(env "LOCPATH=$play_programs/locale" LC_ALL=C.UTF-8 "PYTHONPATH=$play_programs/ansible-2.14" python3 -m ansible.cli.playbook)
	play_version=2.14
fi

# That root has the guest's users, devices and files of the test.
play_prepare() {
	local directory

	[ -d "$play_root" ] || return 0
	cp /etc/{passwd,group,hosts,nsswitch.conf,protocols,services} "$play_root/etc/"
	for directory in "${play_directories[@]}"; do
		mount --bind "/$directory" "$play_root/$directory"
	done
}

# The controller's key, which the machines of that folder let in.
play_make_login() { # play_make_login FOLDER
	mkdir -p "$1" /root/.ssh
	ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
	cp /root/.ssh/id_ed25519.pub "$1/login.pub"
}

# The controller knows the key of a machine.
play_meet() { # play_meet FOLDER NODE ADDRESS
	awk -v host="$3" '{ print host, $1, $2 }' "$1/$2.pub" >>/root/.ssh/known_hosts
}
