#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The checker that kbuild runs on each source of the module with CHECK=<this>: sparse, and then clang for its warnings. The
# kernel is built with gcc, so flags that clang lacks are removed, and warnings in the kernel's headers are ignored; the
# kernel's own builds with clang use -Wno-gnu, too.
#
#   cc-check.sh FLAGS... FILE
set -u
sparse "$@" || exit

# A root of its own for the headers contains neither clang nor bash.
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
