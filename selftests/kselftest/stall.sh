#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A task of higher priority occupies the only CPU of the workers: received batches are decrypted and delivered
# nevertheless, burst by burst.
# vm: smp
# series: 6.1
#
#	 namespace a                               namespace b
#	 wt0 10.9.0.1                              wt0 10.9.0.2
#	 va 192.0.2.1 --------------- veth --------------- vb 192.0.2.2
#   all processes on CPU 0; the workers on CPU 1, with a real-time task that does not end
. "$(dirname "$0")/lib.sh"

cpumask=/sys/devices/virtual/workqueue/weft-batch/cpumask
runtime=/proc/sys/kernel/sched_rt_runtime_us
fair_server=/sys/kernel/debug/sched/fair_server/cpu1/runtime

workers_on_cpu1() {
	defer sh -c "echo $(cat $cpumask) >$cpumask"
	echo 2 >$cpumask
}

real_time_unlimited() {
	defer sh -c "echo $(cat $runtime) >$runtime"
	echo -1 >$runtime
	# Since Linux 6.12 ordinary tasks get 50 ms of each second beside it, and a worker would run.
	[ ! -e $fair_server ] || set_fair_server
}

set_fair_server() {
	defer sh -c "echo $(cat $fair_server) >$fair_server"
	echo 0 >$fair_server
}

# One burst at a time, so that no later packet processes its work.
bursts() { # bursts COUNT [hogged]: while CPU 1 has a real-time task that does not end
	ns_run "receiver" b taskset -c 0 /usr/bin/python3 "$test_dir/stall.py" receive 9000 "$1"
	wait_for 20 receiver_listens
	ns a taskset -c 0 /usr/bin/python3 "$test_dir/stall.py" send 10.9.0.2 9000 "$@" ||
		fail "$(cat "$(ns_output receiver)")"
	ns_wait receiver 20 || fail "$(cat "$(ns_output receiver)")"
}

receiver_listens() {
	[ -n "$(ns b ss -Huln 'sport = :9000')" ]
}

workers_do_not_run() {
	workers_on_cpu1
	real_time_unlimited
	bursts 20
	bursts 50 hogged
}

# Workers process batches again once they run.
workers_run_again() {
	bursts 20
	transfer a b 10.9.0.2 3000000
}

skip_unless_weft
[ "$(nproc)" -ge 2 ] || skip "needs two CPUs"
[ -w $cpumask ] || skip "the workers' CPUs cannot be set here"
taskset -pc 0 $$ >/dev/null
# shellcheck disable=SC2119 # without arguments
pair_create
session_up a wt0 b wt0 10.9.0.2
run_case "blocked workers delay no burst" workers_do_not_run
run_case "workers that run again" workers_run_again
