#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Draws the bench's figures.
#
#   plots.sh bench|native FIGURES DIRECTORY     FIGURES has cost.json and so on, or native.json; weft-bench-*.svg go into
#                                               DIRECTORY
set -eu -o pipefail
here=$(cd "$(dirname "$0")" && pwd)

style='set terminal svg size 860,420 font "sans,13" background "white"
set style fill solid 0.9 border -1
set style data histograms
set boxwidth 0.9
set key outside top center horizontal
set grid ytics
set yrange [0:*]
set xtics scale 0
set datafile missing "?"
set bmargin 5
colours = "#9e9e9e #1f77b4 #d62728 #aec7e8 #ff9896 #2ca02c #98df8a #9467bd #c5b0d5 #e6a532 #8c564b #17becf #7f7f7f #bcbd22"
do for [i=1:14] { set linetype i linecolor rgb word(colours, i) pointtype i }
set datafile separator "\t"
'

data() { # data MODULE NAME: rows of a table; plots refer to columns by number
	PYTHONPATH=$here python3 -c 'import sys, importlib; importlib.import_module(sys.argv[1]).plot_data(*sys.argv[2:])' \
		"$1" "$2" "$figures" >"$work/$2"
}

draw() { # draw NAME COMMANDS
	{
		printf '%s' "$style"
		printf 'set output "%s"\n' "$work/$1.svg"
		printf '%s\n' "$2"
	} | gnuplot
	mv "$work/$1.svg" "$directory/weft-bench-$1.svg"
}

# A histogram of all columns; the first line names them.
columns() { # columns NAME
	local count

	count=$(head -n 1 "$work/$1" | awk -F '\t' '{ print NF }')
	echo "plot for [i=2:$count] '$work/$1' using i:xtic(1) title columnheader"
}

draw_bench() {
	local name

	for name in bytes packets profile scale; do
		data document $name
	done
	draw bytes "set ylabel 'instructions per byte'; $(columns bytes)"
	draw packets "set ylabel 'instructions per packet or round trip'; set format y '%.0s %c'; $(columns packets)"
	draw profile "set ylabel 'instructions per byte'; set style histogram rowstacked; set boxwidth 0.6
		set key outside right vertical; $(columns profile)"
	draw scale "set style data linespoints; set logscale xy; set yrange [*:*]; set xlabel 'peers'
		set ylabel 'instructions per peer'; set format '%.0s%c'; set pointsize 0.7
		plot for [i=2:7] '$work/scale' using 1:i title columnheader linewidth 2"
}

# Without a tunnel some rates are tens of times higher: the axis is logarithmic.
draw_native() {
	data native native-rates
	draw native-rates "set ylabel 'Mbit for a CPU second of the kernel'; set logscale y; set yrange [100:*]
		set format y '%.0f'; set key maxrows 2
		do for [i=1:6] { set linetype i linecolor rgb word('#616161 #bdbdbd #1f77b4 #aec7e8 #d62728 #ff9896', i) }
		$(columns native-rates)"
	data native native-profile
	[ "$(wc -l <"$work/native-profile")" -lt 2 ] ||
		draw native-profile "set ylabel 'ns of kernel CPU time per KB'; set style histogram rowstacked; set boxwidth 0.6
			set key outside right vertical invert; $(columns native-profile)"
}

main() {
	[ $# = 3 ] && [[ $1 == bench || $1 == native ]] && [ -d "$2" ] && [ -d "$3" ] ||
		{ echo "plots.sh: expected bench or native, and two directories" >&2; exit 2; }
	figures=$2 directory=$3
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	"draw_$1"
}

main "$@"
