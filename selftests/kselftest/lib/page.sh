#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# To be sourced by tests that run the commands of a page of reStructuredText as they stand.
#
#   page_commands PAGE      each command: section, machine of the prompt, and the command with its continuation lines,
#                           each ended by a zero byte
#   page_sections PAGE      the sections that have commands, one a line, in their order
#   page_run PAGE SECTION   calls run_command MACHINE COMMAND, which the test defines, for each command of the section

page_commands() { # page_commands PAGE
	awk '
		function flush() {
			if (machine != "")
				printf "%s%c%s%c%s%c", section, 0, machine, 0, command, 0
			machine = ""
		}
		/^[=-]+$/ && before != "" { section = before }
		/^    [a-z]+[#$] / {
			flush()
			machine = $1
			sub(/[#$]$/, "", machine)
			command = substr($0, 5)
			sub(/^[a-z]+[#$] /, "", command)
			inside = 1
			next
		}
		/^    / && inside { command = command "\n" substr($0, 5); next }
		/^$/ && inside { command = command "\n"; next }
		!/^$/ { flush(); inside = 0 }
		{ before = $0 }
		END { flush() }
	' "$1"
}

page_sections() { # page_sections PAGE
	page_commands "$1" | tr '\n\0' '\1\n' | awk 'NR % 3 == 1 && !seen[$0]++'
}

page_run() { # page_run PAGE SECTION
	local section machine command count=0

	while read -rd '' section && read -rd '' machine && read -rd '' command; do
		[ "$section" = "$2" ] || continue
		run_command "$machine" "$command" </dev/null
		count=$((count + 1))
	done < <(page_commands "$1")
	expect_gt "commands of this section" $count 0
}
