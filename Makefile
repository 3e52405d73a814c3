# SPDX-License-Identifier: GPL-2.0-only
# How things are built; Kbuild and userspace/Makefile say what they are made of.

O ?= build
PREFIX ?= /usr/local
INSTALL_MOD_PATH ?= $(DESTDIR)
# what the targets that boot a kernel boot: anything that scripts/vm --kernel takes
KERNEL ?= $(KDIR)
KERNELS ?= 6.1 7.2
DEMO ?= linger0-frozen-peer accept-queue-close-wait

VERSION := $(or $(if $(wildcard .git),$(shell git describe --tags --always --dirty)),0.1.0)
# what dkms and Debian take for a version
PACKAGE_VERSION = $(shell echo '$(VERSION)' | \
	sed -E 's/^v([0-9]+\.)/\1/; /^[0-9]+\./!s/^/0.1.0+/; s/-/+/g')
Q := $(if $(V),,@)
SILENT := $(if $(V),,-s)
DKMS_DIR = $(DESTDIR)/usr/src/skbalance-$(PACKAGE_VERSION)
VM = scripts/vm $(addprefix --kernel=,$(KERNEL))

# The kernel's make would take an O or a VERSION of our command line for its own.
MAKEOVERRIDES =
export O

.PHONY: all module command run test test-unit test-scripts test-scenarios test-kunit \
	test-debug test-all test-boots matrix matrix-ends bench check install install-module \
	install-command dkms deb test-bisect bisect-test mutants mutants-few \
	coverage clean help

all: module command	## build the module (for KDIR, or the default kernel) and the command

ifdef KDIR

RELEASE := $(shell cut -d '"' -f 2 $(KDIR)/include/generated/utsrelease.h 2>/dev/null)
MODULE_DIR := $(abspath $(O))/$(RELEASE)
# a kernel's own compiler, unless LLVM= says which
CLANG := $(if $(LLVM),,$(shell sed -n 's/^CONFIG_CC_IS_CLANG=y/CC=clang/p' \
	$(KDIR)/include/config/auto.conf 2>/dev/null))
$(if $(RELEASE),,$(error KDIR=$(KDIR) is neither a built kernel tree nor kernel headers))

# Debian's headers of 7.x lack the script that looks for sparse, without which it is not run:
# hence KBUILD_CHECKSRC.
# A kernel before 6.13 can only build a module where its sources are. So each kernel
# has links to ours: sources stay clean, and kernels do not disturb each other.
module:			## build build/RELEASE/skbalance.ko
	$(Q)mkdir -p $(MODULE_DIR)
	$(Q)cp -rsf $(CURDIR)/Kbuild $(CURDIR)/kmod $(wildcard $(CURDIR)/kunit) $(MODULE_DIR)
	$(Q)scripts/toolchain $(KDIR) \
		$(MAKE) $(SILENT) -C $(KDIR) M=$(MODULE_DIR) $(CLANG) SKBALANCE_VERSION=$(VERSION) \
		SKBALANCE_TEST=$(SKBALANCE_TEST) $(if $(W),W=$(W)) $(if $(C),C=$(C) KBUILD_CHECKSRC=$(C)) \
		CONFIG_DEBUG_INFO_BTF_MODULES= modules

install-module: module
	install -D -m 644 $(MODULE_DIR)/skbalance.ko \
		$(INSTALL_MOD_PATH)/lib/modules/$(RELEASE)/extra/skbalance.ko
	$(if $(INSTALL_MOD_PATH),,depmod $(RELEASE))

else

module install-module:
	$(Q)scripts/deps build
	$(Q)kernel=$$(scripts/kernels get) && $(MAKE) $(SILENT) $@ KDIR=$$kernel/build

endif

command:		## build build/skbalance
	$(Q)scripts/deps build
	$(Q)$(MAKE) $(SILENT) -C userspace O=$(abspath $(O)) VERSION=$(VERSION)

run:			## boot a kernel and balance the books of the two best-known cases
	$(Q)scripts/deps build vm
	@echo 'Building for $(or $(KERNEL),the default kernel), then booting it in QEMU' >&2
	$(Q)$(VM) -- skbalance run --explain $(DEMO)

test: test-unit test-scripts test-scenarios test-kunit	## all tests, on one kernel

test-unit:		## tests of the command, on this machine
	$(Q)scripts/deps build test
	$(Q)$(MAKE) $(SILENT) -C userspace O=$(abspath $(O)) VERSION=$(VERSION) test

test-scripts:		## tests of the scripts
	$(Q)scripts/deps build deb kernel kunit matrix mutants packaging vm
	$(Q)scripts/tests/kernels
	$(Q)scripts/tests/packaging
	$(Q)scripts/tests/matrix
	$(Q)scripts/tests/kunit
	$(Q)scripts/tests/toolchain
	$(Q)scripts/tests/vm
	$(Q)scripts/tests/verdicts
	$(Q)scripts/tests/robust
	$(Q)scripts/tests/mutants

test-scenarios:		## every scenario, in a VM
	$(Q)scripts/deps build vm
	$(Q)$(VM) --timeout 1800 -- skbalance run

test-kunit:		## the KUnit suites, as a program (UML) and in a VM (kernels built once: ten minutes)
	$(Q)env -u KDIR scripts/kunit --arch um
	$(Q)env -u KDIR scripts/kunit

test-bisect:		## tests of scripts/bisect, with a kernel history of 8 commits
	$(Q)scripts/tests/bisect

bisect-test: test-bisect	## and with 32 commits, for each of scripts/tests/bugs (an hour)
	$(Q)scripts/tests/bisect-bugs

test-debug:		## scenarios and suites on a kernel that checks itself (built once: ten minutes)
	$(Q)scripts/deps build vm
	$(Q)scripts/tests/allocations
	$(Q)env -u KDIR scripts/kunit --debug
	$(Q)env -u KDIR scripts/kunit --debug --arch um
	$(Q)scripts/vm --kernel debug --timeout 7200 -- skbalance run --connections 200

# Three runs in a row, the largest server that fits 4 GiB, a loss among 100,000 sockets, 1,000
# readings under load, and the other kernels.
test-all: test test-debug	## all tests, and longer ones, on each of KERNELS
	$(Q)env -u KDIR scripts/kunit --arch um --prove
	$(Q)env -u KDIR scripts/kunit --arch x86_64
	$(Q)scripts/tests/crowd
	$(Q)$(VM) -- skbalance run linger0-frozen-peer linger0-frozen-peer \
		linger0-frozen-peer
	$(Q)$(VM) --memory 4G -- skbalance run --family 4 --connections 25000 persistent-server
	$(Q)for cpus in 2 4; do \
		$(VM) --cpus $$cpus --timeout 3600 -- skbalance run --family 4 \
			--readings 1000 mixed-load || failed=1; \
	done; test -z "$$failed"
	$(Q)for kernel in $(KERNELS); do \
		scripts/vm --kernel $$kernel -- skbalance run || failed=1; \
	done; test -z "$$failed"

test-boots:		## a healthy kernel, booted 200 times, is not accused once (hours; goes on where it was cut short)
	$(Q)scripts/tests/boots $(BOOTS)

matrix:			## every scenario, on each of scripts/matrix.kernels
	$(Q)scripts/matrix

# The default kernel is the middle, and has its own test-scenarios.
matrix-ends:		## likewise, on the oldest and the newest, each with few connections
	$(Q)scripts/matrix --kernels 5.10,7.3 --max-connections 20 >&2; status=$$?; \
		awk '/# Subtest: / { kernel = $$NF } \
			/^    # [a-z]+: / { print } \
			/^    (not )?ok/ { sub(/^ +/, ""); sub(/ok [0-9]+ /, "&" kernel ":"); print }' \
			$(O)/matrix/matrix.ktap; exit $$status

# In CI: a page, a byte, a socket, IPv6 only, MPTCP.
MUTANTS_FEW := @(rst-once|byte-once|listen-stop-reference|ipv6-accepted|mptcp-sent)

mutants:		## kernels broken on purpose: are they caught, and no healthy one accused?
	$(Q)scripts/mutants --jobs 3 $(MUTANTS)

mutants-few:		## the same with a handful of them
	$(Q)scripts/mutants --only '$(MUTANTS_FEW)' $(MUTANTS)

coverage:		## lines of the kernel's sockets that no scenario reaches, by file
	$(Q)scripts/coverage

bench:			## time and memory that a reading takes, also of a million sockets; the tracker's cost
	$(Q)scripts/deps build vm
	$(Q)$(MAKE) $(SILENT) command
	$(Q)$(VM) --copy $(O)/skbalance-bench -- ./skbalance-bench
	$(Q)$(VM) --copy $(O)/skbalance-track-bench -- ./skbalance-track-bench
	$(Q)if awk '/^MemAvailable:/ { exit $$2 < 8 * 1024 * 1024 }' /proc/meminfo; then \
		$(VM) --memory 8G --timeout 3600 --copy $(O)/skbalance-scale-bench -- \
			./skbalance-scale-bench; \
	else \
		echo 'a million sockets: not measured, this machine has less than 8 GiB available'; \
	fi

check:			## checkpatch, sparse, W=1, shellcheck, codespell
	$(Q)scripts/deps build lint
	$(Q)scripts/tests/lint

install: install-module install-command	## for KDIR, below DESTDIR

install-command: command
	$(Q)$(MAKE) -C userspace O=$(abspath $(O)) VERSION=$(VERSION) \
		DESTDIR=$(DESTDIR) PREFIX=$(PREFIX) install

dkms:			## put the module's sources below DESTDIR, for dkms
	$(Q)mkdir -p $(DKMS_DIR)
	$(Q)cp -r COPYING Kbuild kmod $(DKMS_DIR)
	$(Q)sed 's/#MODULE_VERSION#/$(PACKAGE_VERSION)/' scripts/dkms.conf >$(DKMS_DIR)/dkms.conf

deb:			## Debian packages of the command, and of the module for dkms: build/deb
	$(Q)scripts/deb $(PACKAGE_VERSION)

clean:			## remove what was built; the cache of kernels stays
	$(Q)rm -rf $(O)

help:			## this text
	@sed -n 's/^\([a-z-]*\):.*## /  \1\t/p' Makefile | expand -t 20
	@echo 'Variables: KDIR=kernel tree or headers  O=build directory  V=1 verbose'
	@echo '           KERNEL=what is booted: see scripts/vm --help'
	@echo '           DESTDIR, PREFIX, INSTALL_MOD_PATH of install'
