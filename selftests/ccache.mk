# SPDX-License-Identifier: GPL-2.0
#
# COMPILE is the compiler, by way of ccache where that is installed and has a folder to write to: what another checkout has
# compiled is not compiled again.
CCACHE	:= $(shell work=$$(mktemp -d) && echo 'int unused;' >$$work/probe.c && \
	ccache $(CC) -c $$work/probe.c -o $$work/probe.o >/dev/null 2>&1 && echo ccache; rm -rf "$$work")
COMPILE	= CCACHE_NOHASHDIR=1 $(CCACHE) $(CC)
