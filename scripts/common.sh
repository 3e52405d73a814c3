# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034
# What the scripts share; they source it.

# The embedded default: what is built for, booted and tested when nothing else is asked for.
default_kernel=6.12
# What the sources are for; beyond, nobody has looked.
oldest_kernel=5.10
newest_kernel=7.2

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
