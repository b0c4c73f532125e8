#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# No receive handler outlives its device. A link gets another port, which replaces its sockets, and loses its peers,
# which takes some time; it is removed meanwhile, and packets arrive at its former port. The packets are sent to lo,
# on one host.
# vm: smp
# series: 6.12 uml
. "$(dirname "$0")/lib.sh"

rounds=$(sized 75 30 100)

links_left() {
	ns a ip -brief link show type "$KIND"
}

sockets_replaced() {
	ns_create a
	expect ns a python3 "$test_dir/removal.py" replaced "$rounds"
	expect_eq "links left" "$(links_left)" ""
}

# An unprivileged process creates the links in a namespace of its own.
sockets_replaced_unprivileged() {
	command -v unshare >/dev/null || skip "no unshare"
	python3 "$test_dir/port.py" as 65534 unshare --user --map-root-user --net true || skip "no user namespaces here"
	expect python3 "$test_dir/port.py" as 65534 unshare --user --map-root-user --net \
		sh -c "ip link set lo up && exec python3 $test_dir/removal.py replaced $rounds"
}

skip_unless_weft
run_case "sockets are replaced while the link is removed, $rounds times" sockets_replaced
run_case "sockets are replaced while the link is removed, in a user namespace" sockets_replaced_unprivileged
