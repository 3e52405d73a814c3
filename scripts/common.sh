# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034
# What the scripts share; they source it.

# The embedded default: what is built for, booted and tested when nothing else is asked for.
default_kernel=6.12
# What the sources are for; beyond, nobody has looked.
oldest_kernel=5.10
newest_kernel=7.3

top=$(realpath "${BASH_SOURCE[0]%/*}/..")
build=$(realpath -m "${O:-$top/build}")
cache=${XDG_CACHE_HOME:-${HOME:?}/.cache}/skbalance

# depmod, modprobe and the like are not on the PATH of an ordinary user
PATH=$PATH:/usr/sbin:/sbin

# How a kernel log shows that the kernel is in trouble, whatever its version (extended regex).
kernel_trouble='WARNING: |BUG: |kernel BUG at |Oops|general protection fault|Kernel panic|'
kernel_trouble+='UBSAN: |refcount_t: |DEBUG_LOCKS_WARN_ON|unreferenced object|'
kernel_trouble+='INFO: task .* blocked for more than|detected (expedited )?stalls?'

# What of a log, on standard input, tells of that trouble, if any; a warning's text comes before
# it. All is read, or who writes the log would fail.
trouble() {
	grep -aE -B 2 -A 30 "$kernel_trouble" | sed -n 1,40p
}

# release_of IMAGE: the release of a kernel image, which is architecture_of IMAGE
release_of() {
	local version
	case $(architecture_of "$1") in
	amd64)
		read -r version < <(od -An -tu2 -j $((0x20e)) -N 2 "$1")
		head -c $((0x200 + version + 80)) "$1" | tail -c 80 | grep -aom 1 '^[^ ]*' ;;
	arm64)
		grep -aom 1 'Linux version [0-9][^ ]* (' "$1" | cut -d ' ' -f 3 ;;
	*)
		return 1 ;;
	esac
}

# architecture_of IMAGE: told by its header (Documentation/arch/x86/boot.rst: header,
# XLF_KERNEL_64 of xloadflags; arch/arm64/booting.rst: magic)
architecture_of() {
	local x86 flags arm
	read -r x86 < <(od -An -tx4 -j $((0x202)) -N 4 "$1" 2>/dev/null)
	read -r flags < <(od -An -tu2 -j $((0x236)) -N 2 "$1" 2>/dev/null)
	read -r arm < <(od -An -tx4 -j $((0x38)) -N 4 "$1" 2>/dev/null)
	if [[ $x86 == 53726448 ]] && ((flags & 1)); then
		echo amd64
	elif [[ $arm == 644d5241 ]]; then
		echo arm64
	fi
}

# foreign ARCHITECTURE: whether this machine is of another
foreign() {
	[[ $1 == arm64 && $(uname -m) != aarch64 ]]
}

# headers_release KDIR: the release that a kernel's headers, or its build tree, are of.
headers_release() {
	cut -d '"' -f 2 "$1/include/generated/utsrelease.h" 2>/dev/null
}

# ordered VERSION...: whether none is older than the one before it
ordered() {
	printf '%s\n' "$@" | sort -VC
}

# scenarios_of COMMAND: the names of its scenarios, a line each
scenarios_of() {
	"$1" list --json | jq -r '.scenarios[].scenario'
}

# played_of COMMAND: those of them that are played if none is named
played_of() {
	"$1" list --json | jq -r '.scenarios[] | select(.only_named | not).scenario'
}

# unless_lost LOG COMMAND...: once more, twice at most, where the VM was lost, which LOG says
unless_lost() {
	local status _
	for _ in 1 2 3; do
		status=0
		"${@:2}" || status=$?
		((status == 125)) || break
		grep -q 'the VM was lost' "$1" || break
	done
	return "$status"
}

say() {
	echo "${0##*/}: $*" >&2
}

die() {
	say "$@"
	exit 2
}

# A fresh machine, above all a container, has no package lists yet.
update_package_lists() {
	compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null || apt-get -qq update
}
