# SPDX-License-Identifier: GPL-2.0
# Prints, from the output of gcov -t, the share of reached lines of one source file (-v name=), and the other lines.

BEGIN { FS = ":" }
$3 == "Source" { mine = $4 ~ "/" name "$"; next }
!mine || $1 ~ /-$/ { next }
{ all++ }
$1 ~ /#$/ { missed++; print name ":" $2 + 0 ": not reached: " substr($0, index($0, $3)) }
END {
	if (!all) {
		print name ": no data from gcov"
		exit 1
	}
	printf "%-14s %d of %d lines, %.1f %%\n", name, all - missed, all, 100 * (all - missed) / all
}
