#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# In the booted machine: runs the tests listed in /weft/queue, one a line, each a script beside this file. A test that
# ends with status 75 needs a reboot, and is then called again, with the number of the call as argument. The disk
# keeps the remaining tests. The output, on the second serial port, is for check.sh:
#
#   start TEST NUMBER
#   | <a line of the test's output>
#   end TEST STATUS
#   done
cd /weft || exit 1

run_one() { # run_one TEST NUMBER
	local status

	echo "start $1 $2"
	bash "guest/$1.sh" "$2" </dev/null 2>&1 | sed -u 's/^/| /'
	status=${PIPESTATUS[0]}
	echo "end $1 $status"
	if [ "$status" = 75 ]; then
		printf '%s %s\n' "$1" $(($2 + 1)) >current
		rm -f running
		sync
		systemctl reboot
		exit 0
	fi
	rm -f current
}

next() { # sets test and number; fails when nothing is left
	if [ -e current ]; then
		read -r test number <current
		return
	fi
	read -r test rest <<<"$(tr '\n' ' ' <queue)"
	echo "$rest" >queue
	number=1
	[ -n "$test" ]
}

stty -F /dev/ttyS1 raw -echo
exec >/dev/ttyS1 2>&1
# A machine that boots in the middle of a test has crashed.
if [ -e running ]; then
	echo "died $(cat running)"
	rm -f running current
fi
while next; do
	echo "$test" >running
	sync
	run_one "$test" "$number"
	rm -f running
done
echo "done"
sync
systemctl poweroff
