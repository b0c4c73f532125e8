#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What kbuild runs on each source of the module beside the compiler, when told CHECK=<this>: sparse, and then clang for
# all that it warns of. The kernel being gcc's, clang has to do without flags that only gcc has, and what headers of the
# kernel have to say is no concern of ours; -Wno-gnu is how the kernel itself is built with clang.
#
#   checker.sh FLAGS... FILE
set -u
sparse "$@" || exit

# Where the headers came with a root of their own there is no clang, nor bash.
command -v clang >/dev/null || exit 0

for flag; do
	shift
	case $flag in
	-Wp,-M*|--arch=*|-mlittle-endian|-Werror=designated-init|-ftrivial-auto-var-init=*|-fconserve-stack|-fno-allow-store-data-races|\
	-fno-stack-check|-falign-jumps=*|-falign-loops=*|-mrecord-mcount|-mpreferred-stack-boundary=*|-mskip-rax-setup|-mindirect-branch*|\
	-mfunction-return=*|-mharden-sls=*|-mno-fp-ret-in-387|-fno-var-tracking-assignments|-femit-struct-debug-baseonly|-fplugin*)
		;;
	-Wimplicit-fallthrough=*)
		set -- "$@" -Wimplicit-fallthrough
		;;
	-I*compat-include|-I*/kmod)
		set -- "$@" "$flag"
		;;
	-I*)
		set -- "$@" -isystem "${flag#-I}"
		;;
	*)
		set -- "$@" "$flag"
		;;
	esac
done
exec clang -mstack-alignment=8 -Wno-unknown-warning-option -Wno-builtin-macro-redefined -Wno-gnu -fsyntax-only "$@"
