#!/bin/bash
set -u -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/tunnels.sh"
work=$(mktemp -d)
mkdir -p $work/folder
mount -t hostfs -o "$FOLDER" none $work/folder || exit 1
T=/sys/kernel/tracing
[ -d $T/events ] || mount -t tracefs none $T
sysctl -qw net.ipv4.tcp_no_metrics_save=1
settle
for kind in $KINDS; do
pair_create $kind 2>$work/errors && pair_topology offloads || cat $work/errors
$programs/traffic stream a b $far $FLOWS 20000000 30000000
echo 0 >$T/tracing_on
echo 20000 >$T/buffer_size_kb
echo >$T/trace
echo mono >$T/trace_clock
for e in sched/sched_switch sched/sched_waking irq/softirq_entry irq/softirq_exit napi/napi_poll net/net_dev_start_xmit net/netif_receive_skb tcp/tcp_rcv_space_adjust workqueue/workqueue_execute_start workqueue/workqueue_execute_end workqueue/workqueue_queue_work timer/hrtimer_expire_entry tcp/tcp_probe; do [ -e $T/events/$e/enable ] && echo 1 >$T/events/$e/enable; done
$programs/traffic stream a b $far $FLOWS 20000000 100000000 >$work/line &
sleep 0.6
echo 1 >$T/tracing_on
sleep 0.15
echo 0 >$T/tracing_on
wait
cat $work/line
cat $T/trace >$work/folder/$kind.$FLOWS.trace
pair_delete
done
umount $work/folder
