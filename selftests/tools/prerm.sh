#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The module package's removal unloads the module if no network namespace has a tunnel, and keeps it otherwise.
set -u

packages=../../tools/debian
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
count=0
bad=0
parameter=/sys/module/weft/parameters/interfaces

ok() { # ok NAME COMMAND...: one result line
	local name=$1

	count=$((count + 1))
	shift
	if "$@"; then
		echo "ok $count - $name"
	else
		echo "not ok $count - $name"
		[ ! -s "$work/ran" ] || sed 's/^/# ran: /' "$work/ran"
		bad=1
	fi
}

# The script with the kernel's reply below $work, and a modprobe that records its arguments. INTERFACES is the number of
# interfaces in all namespaces; "-" stands for a module without a count, or for no module.
prerm() { # prerm ACTION INTERFACES [MODPROBE_STATUS]
	rm -rf "${work:?}/sys" "${work:?}/bin" "$work/ran"
	mkdir -p "$work$(dirname "$parameter")" "$work/bin"
	[ "$2" = - ] || echo "$2" >"$work$parameter"
	printf '#!/bin/sh\necho "modprobe $*" >>%s/ran\nexit %s\n' "$work" "${3:-0}" >"$work/bin/modprobe"
	chmod +x "$work/bin/modprobe"
	sed "s|$parameter|$work&|" "$packages/weft-dkms.prerm" >"$work/prerm"
	PATH=$work/bin:$PATH sh "$work/prerm" "$1"
}

unloads() { # unloads ACTION INTERFACES [MODPROBE_STATUS]
	prerm "$@" && [ "$(cat "$work/ran" 2>/dev/null)" = "modprobe -q -r weft" ]
}

leaves() { # leaves ACTION INTERFACES
	prerm "$@" && [ ! -e "$work/ran" ]
}

ok "the script asks the kernel for its tunnels" grep -q " $parameter " "$packages/weft-dkms.prerm"
ok "the module has that parameter" grep -q '^module_param_cb(interfaces,' ../../kmod/main.c
ok "remove, no tunnel: unloaded" unloads remove 0
ok "remove, one tunnel in some namespace: it stays" leaves remove 1
ok "remove, ten tunnels: it stays" leaves remove 10
ok "remove, a module that does not count: it stays" leaves remove -
ok "remove, a module that cannot be unloaded: the removal goes on" unloads remove 0 1
ok "upgrade: it stays" leaves upgrade 0
ok "deconfigure: it stays" leaves deconfigure 0
echo "1..$count"
exit "$bad"
