#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The package's removal deletes the file of the metrics unit, and no other file in its folder.
set -u

packages=../../tools/debian
unit=../../tools/systemd/weft-metrics.service
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
count=0
bad=0

ok() { # ok NAME COMMAND...: one result line
	local name=$1

	count=$((count + 1))
	shift
	if "$@"; then
		echo "ok $count - $name"
	else
		echo "not ok $count - $name"
		bad=1
	fi
}

# The script with its paths below $work, and without systemctl.
postrm() { # postrm ACTION
	sed -e "s| /var/| $work/var/|g; s| /etc/| $work/etc/|g; s|/run/systemd|$work/run/systemd|" \
		"$packages/weft-tools.postrm" >"$work/postrm"
	sh "$work/postrm" "$1"
}

has() { # has FILE...: the folder's files are these
	[ "$(ls -A "$folder" | LC_ALL=C sort)" = "$(printf '%s\n' "$@")" ]
}

fill() {
	mkdir -p "$folder" "$work/etc/weft" "$work/var/lib/weft/prod" "$wants"
	touch "$folder/weft.prom" "$folder/.weft.prom.weft-7-00000001" "$folder/weft.prom.old" "$folder/apt.prom" \
		"$work/etc/weft/x.conf" "$work/var/lib/weft/prod/self" "$wants/weft-fleet-apply@prod.service" "$wants/weft@x.service" \
		"$wants/weft-fleet@prod.service" "$wants/ssh.service"
}

path=$(sed -n 's/^ExecStart=.* metrics write //p' "$unit")
folder=$work$(dirname "$path")
wants=$work/etc/systemd/system/multi-user.target.wants
ok "the unit writes a file" test -n "$path"
fill
postrm upgrade
ok "upgrade: all stays" has .weft.prom.weft-7-00000001 apt.prom weft.prom weft.prom.old
postrm remove
ok "remove: the file of metrics is gone" has apt.prom weft.prom.old
ok "remove: configurations stay" test -e "$work/etc/weft/x.conf"
ok "remove: the state of fleets stays" test -e "$work/var/lib/weft/prod/self"
ok "remove: enabled units stay" test -e "$wants/weft-fleet-apply@prod.service" -a -e "$wants/weft@x.service"
fill
postrm purge
ok "purge: the file of metrics is gone" has apt.prom weft.prom.old
ok "purge: configurations are gone" test ! -e "$work/etc/weft"
ok "purge: the state of fleets is gone" test ! -e "$work/var/lib/weft"
ok "purge: the units that were enabled are those of other packages" [ "$(ls "$wants")" = ssh.service ]
echo "1..$count"
exit "$bad"
