# shellcheck shell=bash disable=SC2154 # lib.sh assigns the variables
# SPDX-License-Identifier: GPL-2.0
#
# To be sourced by tests with very many namespaces.
#
#   lap_start           begins to take time
#   lap WORDS...        notes the time since then, or since the last lap
#   neighbours_allow    makes room for all neighbours

lap_start() {
	lap_ms=$(now_ms)
}

lap() { # lap WORDS...
	note "figure $*: $(($(now_ms) - lap_ms)) ms"
	lap_ms=$(now_ms)
}

# Neighbours are counted over all namespaces.
neighbours_allow() {
	local limit

	for limit in 1 2 3; do
		sysctl -qw "net.ipv4.neigh.default.gc_thresh$limit=$((limit * 65536))"
	done
}
