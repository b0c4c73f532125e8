# SPDX-License-Identifier: GPL-2.0
#
# For people; kbuild reads Kbuild. `make help` lists the targets.

# The running kernel's headers, or else the newest that are installed.
INSTALLED := $(shell ls -d /lib/modules/*/build/Makefile 2>/dev/null | sed 's,/Makefile$$,,' | sort -V | tail -n 1)
RUNNING := $(wildcard /lib/modules/$(shell uname -r)/build)
KDIR ?= $(or $(RUNNING),$(INSTALLED))

SELFTESTS := selftests

# Tests install Debian's programs and modules of Python. Another python3 in front of Debian's has none of these, or is a
# script that takes ten times as long to start.
export PATH := /usr/sbin:/usr/bin:/sbin:/bin:$(PATH)

## make   kmod/weft.ko and tools/weft
all: modules tools

## make modules  kmod/weft.ko; KDIR=<built kernel tree>
modules:
	@test -n '$(KDIR)' || { \
		echo 'make: no kernel headers here: install linux-headers-amd64 or that of your architecture, or give KDIR=<built kernel tree>' >&2; exit 1; }
	@test -e '$(KDIR)/Makefile' || { echo "make: KDIR '$(KDIR)' is no built kernel tree" >&2; exit 1; }
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules

## make tools  tools/weft
tools:
	$(MAKE) -C tools

# As a packager expects: DESTDIR is put before each path, PREFIX is where the command goes. The units call it there. systemd
# looks for units below /usr and /usr/local; UNITDIR is for other prefixes.
PREFIX ?= /usr/local
UNITDIR ?= $(PREFIX)/lib/systemd/system
# Ansible searches /usr/share/ansible/collections by itself; for another PREFIX, ANSIBLE_COLLECTIONS_PATH names it.
COLLECTION = share/ansible/collections/ansible_collections/weft/fleet
COLLECTION_FILES = $(shell cd tools/ansible 2>/dev/null && find . -type f ! -path './tests/*' ! -path '*/.*' -printf '%P ')
MONITORING := tools/monitoring/weft.rules.yml tools/monitoring/weft-dashboard.json
MANUAL_PAGES = $(notdir $(wildcard Documentation/man/*.[1-9]))
INSTALLED_FILES = $(addprefix $(PREFIX)/,bin/weft share/bash-completion/completions/weft share/zsh/site-functions/_weft \
	$(foreach page,$(MANUAL_PAGES),share/man/man$(subst .,,$(suffix $(page)))/$(page)) \
	$(addprefix $(COLLECTION)/,$(COLLECTION_FILES)) $(addprefix share/weft/,$(notdir $(MONITORING)))) \
	$(addprefix $(PREFIX)/lib/weft/,$(notdir $(wildcard tools/stores/*))) \
	$(addprefix $(UNITDIR)/,$(notdir $(wildcard tools/systemd/*)))

# The path of the command goes into units and into sed.
check-prefix:
	@case '$(PREFIX)' in \
	/*[!A-Za-z0-9/._+-]*|[!/]*|'') \
		echo "make: PREFIX '$(PREFIX)' has to be an absolute path of letters, digits, and / . _ + -" >&2; exit 1;; \
	esac

## make install  the command, manual pages, completion, units, stores, alert rules, dashboard, and the Ansible collection weft.fleet
##   DESTDIR= PREFIX=/usr/local
install: check-prefix tools
	install -D -m 0755 tools/weft '$(DESTDIR)$(PREFIX)/bin/weft'
	for page in $(MANUAL_PAGES); do \
		install -D -m 0644 "Documentation/man/$$page" '$(DESTDIR)$(PREFIX)'"/share/man/man$${page##*.}/$$page" || exit; \
	done
	install -D -m 0644 tools/completion/weft.bash '$(DESTDIR)$(PREFIX)/share/bash-completion/completions/weft'
	install -D -m 0644 tools/completion/weft.zsh '$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_weft'
	install -D -m 0644 -t '$(DESTDIR)$(PREFIX)/share/weft' $(MONITORING)
	install -D -m 0755 -t '$(DESTDIR)$(PREFIX)/lib/weft' tools/stores/*
	for unit in tools/systemd/*; do \
		install -D -m 0644 "$$unit" '$(DESTDIR)$(UNITDIR)'/"$${unit##*/}" && \
		sed -i 's,/usr/bin/weft,$(PREFIX)/bin/weft,' '$(DESTDIR)$(UNITDIR)'/"$${unit##*/}" || exit; \
	done
	for file in $(COLLECTION_FILES); do \
		install -D -m 0644 "tools/ansible/$$file" '$(DESTDIR)$(PREFIX)/$(COLLECTION)'"/$$file" || exit; \
	done
	test -d '$(DESTDIR)/etc/weft' || install -d -m 0700 '$(DESTDIR)/etc/weft'

## make uninstall  removes what make install has installed; /etc/weft, the module and enabled units stay
uninstall: check-prefix
	rm -f $(foreach file,$(INSTALLED_FILES),'$(DESTDIR)$(file)')

# Headers without a System.map keep kbuild from calling depmod.
## make modules_install  weft.ko into /lib/modules of KDIR; DESTDIR=
modules_install: modules
	$(MAKE) -C $(KDIR) M=$(CURDIR) INSTALL_MOD_DIR=updates $(if $(DESTDIR),INSTALL_MOD_PATH='$(abspath $(DESTDIR))') modules_install
	$(if $(DESTDIR),,depmod "$$(cat '$(KDIR)/include/config/kernel.release')")

.PHONY: install uninstall modules_install check-prefix

## make check  every test; boots its own kernels in QEMU, installs from Debian what it lacks
##   TESTS="roaming fsm"  only these     KERNELS="6.1 newest"  only on these
##   KERNELS=uml          on Linux as a program, at the speed of this machine
##   KIND=wireguard       the VM tests against the in-tree module
##   KIND=weft-compat     the same tests, with wg, against weft in its place
check:
	@bash $(SELFTESTS)/run/setup.sh check
	@TESTS='$(TESTS)' KIND='$(KIND)' KERNELS='$(KERNELS)' bash $(SELFTESTS)/run/check.sh

## make check-all  every test on each of 6.1, 6.12 and uml, which make check divides among them
# Every test on every series.
check-all:
	@bash $(SELFTESTS)/run/setup.sh check
	@TESTS='$(TESTS)' KIND='$(KIND)' KERNELS='6.1 6.12 uml' bash $(SELFTESTS)/run/check.sh

.PHONY: check-all

# What WireGuard's interface promises, with wg, of a weft in the in-tree module's place.
COMPAT_TESTS := command dump keys lifecycle link nesting netlink netns packets routing uapi

## make check-compat  what WireGuard promises, of a weft that stands in for it; TESTS="uapi" only these
check-compat:
	@bash $(SELFTESTS)/run/setup.sh check
	@TESTS='$(or $(TESTS),$(COMPAT_TESTS))' KIND=weft-compat KERNELS='$(KERNELS)' bash $(SELFTESTS)/run/check.sh

# What runs the command, with one that was built with sanitizers.
ASAN_TESTS := tools setconf command updown names events doctor rotate endpoints dump keys

## make check-asan  what runs the command, with one that was built with sanitizers; TESTS="updown" only these
check-asan:
	@bash $(SELFTESTS)/run/setup.sh check
	@SANITIZE=1 TESTS='$(or $(TESTS),$(ASAN_TESTS))' KERNELS='$(or $(KERNELS),6.12)' bash $(SELFTESTS)/run/check.sh

.PHONY: check-asan

## make check-newest  the VM tests and the build on the newest kernel in Debian unstable; TESTS="roaming fsm" only these
# What of make check and make lint depends on the kernel.
check-newest:
	@bash $(SELFTESTS)/run/setup.sh lint
	@LINTS=build KERNELS=newest bash $(SELFTESTS)/lint/lint.sh
	@bash $(SELFTESTS)/run/setup.sh check
	@TESTS='$(or $(TESTS),vm)' KERNELS=newest bash $(SELFTESTS)/run/check.sh

## make check-arch  the core of the tests on arm64, s390x and armhf, emulated; ARCH="i386 riscv64" only on these
##   TESTS="unit basic"   only these
check-arch:
	@bash $(SELFTESTS)/run/setup.sh check-arch
	@ARCH='$(ARCH)' TESTS='$(TESTS)' bash $(SELFTESTS)/arch/check.sh

.PHONY: check-arch

# A, KASAN with lockdep and the rest, B, KCSAN, and C, uml-kasan, the same as A where Linux is a program. What of
# selftests/debug/ is named here takes minutes; what takes longer has a target of its own.
DEBUG ?= kasan kcsan
DEBUG_SERIES = $(foreach kernel,$(DEBUG),$(if $(filter uml-%,$(kernel)),$(kernel),6.12-$(kernel)))
DEBUG_TESTS := debug-kernels kunit vm memcg suspend noipv6 churn hotplug clock failslab

## make check-debug  the VM tests under KASAN with lockdep, and under KCSAN; builds these kernels. TESTS="roaming" only these
##   DEBUG=kasan          only under this     DEBUG=uml-kasan  in minutes, on Linux as a program
check-debug:
	@bash $(SELFTESTS)/run/setup.sh $(if $(filter-out uml-%,$(DEBUG)),check-debug,check)
	@TESTS='$(or $(TESTS),$(DEBUG_TESTS))' KERNELS='$(DEBUG_SERIES)' bash $(SELFTESTS)/run/check.sh

.PHONY: check-debug

## make soak  an hour of 50 tunnels on bad lines; SOAK_MINUTES=5 SOAK_PEERS=10 KERNELS=6.12 for less
## make flood  a tunnel that is flooded, and the in-tree one beside it; FLOODS="strays replays" only these
## make hundred  a fleet of a hundred nodes, made of one bundle, whose keys are rotated under traffic; NODES=10 of fewer nodes
## make agents  a hundred agents with an etcd of three members, whose keys are rotated under traffic; NODES=10 of fewer, WATCHERS=100
## make spokes  a thousand spokes at one hub, which replaces its key; SPOKES=100 of fewer
# What takes longer than make check has time for. A soak's own kernel has to be built.
flood soak hundred agents spokes:
	@bash $(SELFTESTS)/run/setup.sh $(if $(filter 6.12-%,$(or $(KERNELS),$(if $(filter soak,$@),6.12-kasan))),check-debug,check)
	@KIND='$(KIND)' KERNELS='$(KERNELS)' FLOODS='$(FLOODS)' SOAK_MINUTES='$(SOAK_MINUTES)' \
		SOAK_PEERS='$(SOAK_PEERS)' NODES='$(NODES)' WATCHERS='$(WATCHERS)' SPOKES='$(SPOKES)' bash $(SELFTESTS)/run/long.sh $@

.PHONY: flood soak hundred agents spokes

## make fleet-sim  a fleet in simulated time, 25 days with crashes, cuts and a store that lies; SIM_NODES=1000
fleet-sim:
	@bash $(SELFTESTS)/run/setup.sh check
	SIM_NODES='$(or $(SIM_NODES),1000)' SIM_ROUNDS='$(or $(SIM_ROUNDS),1000)' \
		$(MAKE) -s -C $(SELFTESTS)/tools check TESTS='fleet_schedule fleet_rotation'

.PHONY: fleet-sim

## make coverage  lines and branches of the module that tests reach, by gcov; TESTS="uapi" these, MISSED=1 the others too
# Which lines of the module the tests reach.
coverage:
	@bash $(SELFTESTS)/run/setup.sh check-debug
	@TESTS='$(TESTS)' KEEP='$(KEEP)' MISSED='$(MISSED)' bash $(SELFTESTS)/run/coverage.sh

.PHONY: coverage

## make kernel  Linux as a program, built for KERNELS=uml; KERNELS=uml-kasan that with KASAN
# What the tests boot, made before they are run.
kernel:
	@bash $(SELFTESTS)/run/setup.sh check
	@for series in $(or $(KERNELS),uml); do bash $(SELFTESTS)/run/vm/kernels.sh image $$series || exit; done

.PHONY: kernel

## make demo  a fleet at work: made, extended, rotated under traffic; by Ansible after make kernel
demo:
	@bash $(SELFTESTS)/run/setup.sh demo
	@bash $(SELFTESTS)/demo/run.sh

## make bench  weft measured beside its peers; QUICK=1 in five minutes, FULL=1 with what takes in-tree long
bench:
	@bash $(SELFTESTS)/run/setup.sh bench
	@QUICK='$(QUICK)' FULL='$(FULL)' bash $(SELFTESTS)/bench/run.sh all

## make bench-document  the last figures and plots, into Documentation/networking/weft-bench.rst
bench-document:
	@QUICK='$(QUICK)' bash $(SELFTESTS)/bench/run.sh document

## make bench-native  the same at the speed of this machine, in Linux as a program; QUICK=1 for less of it
# The same at this machine's own speed, in Linux as a program.
bench-native:
	@bash $(SELFTESTS)/run/setup.sh bench-native
	@QUICK='$(QUICK)' bash $(SELFTESTS)/bench/native.sh all

## make bench-native-document  its last figures and plots, into the same file
bench-native-document:
	@QUICK='$(QUICK)' bash $(SELFTESTS)/bench/native.sh document

.PHONY: bench bench-document bench-native bench-native-document

## make interop  weft with in-tree wireguard of each kernel and with wireguard-go; Wireshark reads along
# Weft with the kernel's own WireGuard and with wireguard-go, and what Wireshark makes of it.
interop:
	@bash $(SELFTESTS)/run/setup.sh interop
	@KERNELS='$(KERNELS)' bash $(SELFTESTS)/interop/run.sh run

## make interop-document  the last results, into Documentation/networking/weft-test-results.rst
interop-document:
	@bash $(SELFTESTS)/interop/run.sh document

.PHONY: interop interop-document

## make lint  static checks; LINTS="build checkpatch" only these
lint:
	@bash $(SELFTESTS)/run/setup.sh lint
	@LINTS='$(LINTS)' KERNELS='$(KERNELS)' bash $(SELFTESTS)/lint/lint.sh

## make fuzz  the fuzzers, in five minutes; FUZZ_SECONDS= and FUZZ_RUNS= set other bounds
##   TESTS="fsm config"   only these
##   TESTS="packets netlink both"  those in a VM with KASAN; FUZZ_COUNT= and FUZZ_SEED=
fuzz:
	@bash $(SELFTESTS)/run/setup.sh fuzz
	@TESTS='$(TESTS)' FUZZ_SECONDS='$(FUZZ_SECONDS)' FUZZ_RUNS='$(FUZZ_RUNS)' FUZZ_COUNT='$(FUZZ_COUNT)' \
		FUZZ_SEED='$(FUZZ_SEED)' KERNELS='$(KERNELS)' bash $(SELFTESTS)/fuzz/run.sh

.PHONY: fuzz

## make mutate  how many changes of the pure files the unit tests see; FILES="fsm.c" these, SAMPLE=10 about a tenth
##   TARGET=tools         the command, by its tests
##   TARGET=kmod SAMPLE=60  the rest of the module, in machines; BUDGET=60 seconds for each, GO_ON=<output> goes on
# Which changes of the code the tests see.
mutate:
	@[ '$(TARGET)' != kmod ] || bash $(SELFTESTS)/run/setup.sh check
	@[ '$(TARGET)' != kmod ] || $(MAKE) tools
	@python3 $(SELFTESTS)/prove/mutants.py $(if $(SAMPLE),-s $(SAMPLE)) $(if $(BUDGET),-b $(BUDGET)) \
		$(if $(GO_ON),-g '$(GO_ON)') $(or $(TARGET),pure) $(FILES)

.PHONY: mutate

## make generate  the uapi header and the netlink policy from Documentation/netlink/specs/weft.yaml
generate:
	@bash $(SELFTESTS)/run/setup.sh lint
	@bash $(SELFTESTS)/lint/ynl.sh "$$(bash $(SELFTESTS)/run/vm/kernels.sh source)" generate

## make check-distro  the packages, installed and booted in Debian 12 and 13, with what drives WireGuard there
##   TESTS="install up"   only these     DISTROS="bookworm trixie"  only in these
check-distro:
	@bash $(SELFTESTS)/run/setup.sh check-distro
	@TESTS='$(TESTS)' DISTROS='$(DISTROS)' bash $(SELFTESTS)/distro/check.sh

## make check-fleet  the Ansible collection, with ansible-core 2.14 and 2.19 over SSH to five machines; TESTS="hostile 2.14" only these
##   CASES="first_run rotation"  only these cases
check-fleet:
	@bash $(SELFTESTS)/run/setup.sh check
	@TESTS='$(TESTS)' KERNELS='$(KERNELS)' CASES='$(CASES)' bash $(SELFTESTS)/fleet/check.sh

.PHONY: check-fleet

## make deb  the packages weft-dkms, weft-tools and weft-fleet, in tools/build; OUT=<folder>
##   ARCH=arm64           weft-tools for that architecture, by Debian's cross compiler
deb:
	@[ -z '$(ARCH)' ] || bash $(SELFTESTS)/run/setup.sh check-arch
	@OUT='$(OUT)' ARCH='$(ARCH)' bash tools/deb.sh

.PHONY: check-distro deb

## make clean  removes what was built here
# kbuild's own way to clean needs headers; without them what it would remove is named here.
clean:
	rm -rf .tmp_versions kmod/.tmp_versions
	rm -f Module.symvers modules.order .*.cmd .module-common.o kmod/modules.order kmod/Module.symvers kmod/.*.cmd
	rm -f kmod/*.o kmod/*/*.o kmod/*/.*.cmd kmod/*.ko kmod/*.mod kmod/*.mod.c
	$(MAKE) -C tools clean
	rm -rf tools/build
	$(MAKE) -C $(SELFTESTS)/unit clean
	$(MAKE) -C $(SELFTESTS)/fuzz clean
	$(MAKE) -C $(SELFTESTS)/debug clean
	$(MAKE) -C $(SELFTESTS)/bench clean

## make help  this list
help:
	@awk '/^## make/ { name = "make" ($$3 == "" || $$0 ~ /^## make   / ? "" : " " $$3); text = substr($$0, 4 + length(name)); \
		sub(/^ */, "", text); printf "%-28s%s\n", name, text } \
		/^##   / { sub(/^## */, ""); printf "%-30s%s\n", "", $$0 }' $(firstword $(MAKEFILE_LIST))

.PHONY: all modules tools check check-compat check-newest demo lint generate clean help
