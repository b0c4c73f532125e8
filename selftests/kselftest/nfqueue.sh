#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Packets that a program holds for a verdict (NFQUEUE), as an intrusion prevention system does, are not the tunnel's:
# they are reinjected unchanged, even if a tunnel of the same namespace is set down or removed meanwhile.
# series: 6.12
#
#	 namespace a                           namespace b
#	 wt0 10.9.0.1, nfqueue.py                nc
#	 va 192.0.2.1 --------- veth --------- vb 192.0.2.2
. "$(dirname "$0")/lib.sh"

port=9 queue=7 count=5

said() { # said NAME WORDS
	grep -qx "$2" "$(ns_output "$1")"
}

holder_start() {
	printf 'table inet held {\n\tchain input {\n\t\ttype filter hook input priority 0;\n\t\tudp dport %d queue num %d\n\t}\n}\n' \
		$port $queue | ns a nft -f -
	defer ns a nft delete table inet held
	ns_run holder a sh -c "python3 $test_dir/nfqueue.py hold $queue $count <$lib_work/input"
}

arrived() {
	[ "$(wc -l <"$(ns_output listener)")" = $count ]
}

held_while() { # held_while COMMAND...
	local i input

	pair_tunnels_create
	holder_start
	exec {input}>"$lib_work/input"
	wait_for 10 said holder listens
	ns_run listener a socat -u UDP-RECV:$port STDOUT
	wait_for 10 listens
	for ((i = 0; i < count; i++)); do
		echo "datagram $i" | ns b socat -u STDIN UDP-SENDTO:192.0.2.1:$port
	done
	wait_for 10 said holder holds
	"$@"
	echo go >&"$input"
	exec {input}>&-
	expect ns_wait holder
	wait_for 5 arrived
	ns_stop listener TERM
}

listens() {
	[ "$(ns a ss -Huln "sport = :$port" | wc -l)" = 1 ]
}

skip_unless_weft
pair_underlay_create
mkfifo "$lib_work/input"
run_case "packets in a queue, and the tunnel goes down" held_while ns_ip a link set wt0 down
run_case "packets in a queue, and the tunnel is removed" held_while ns_ip a link del wt0
