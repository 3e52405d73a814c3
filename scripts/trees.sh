# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# Kernel trees that are built here, with objects apart from sources; the scripts source this,
# after common.sh and packages.sh.

# source_tree VERSION: prints the directory of Debian's sources of a series, unpacked once.
# They are shared: nothing may change them.
source_tree() {
	local version=$1
	local package=linux-source-$version dir=$cache/source/$version

	[[ -d $dir ]] || (
		alone_in "$cache/source"
		[[ ! -d $dir ]] || exit 0
		((EUID)) || update_package_lists
		apt-cache show "$package" >/dev/null 2>&1 || all_suites amd64
		unpack_aside "$cache/source" "$package" "$package"
		mkdir source
		tar -xf "root/usr/src/$package.tar.xz" -C source --strip-components 1
		sync -f .
		mv -T source "$dir"
	) || exit
	echo "$dir"
}

# link_tree TREE FOLDER: makes a copy of links, which takes next to no space. Where objects are
# built beside it, in a folder of that name, ccache finds what another such pair has built.
link_tree() {
	mkdir -p "$2"
	rsync -a --delete --exclude=/.git --link-dest="$1" "$1/" "$2/"
}

# make_tree SOURCE OBJECTS ARG...: make in a kernel tree; what it says goes to OBJECTS.log. CC
# and HOSTCC are those of the environment, or what ccache keeps results of; so is -j in MAKEFLAGS.
# For ccache, trees differ by what is in them, not by where in our cache they are.
make_tree() {
	local ccache='' jobs
	local -x CCACHE_BASEDIR=${CCACHE_BASEDIR-$cache}
	! type -P ccache >/dev/null || ccache='ccache '
	[[ ${MAKEFLAGS:-} == *-j* ]] || jobs=-j$(nproc)
	setpriv --pdeathsig TERM make -s -C "$1" O="$2" ${jobs:+"$jobs"} "${@:3}" \
		CC="${CC:-$ccache${CROSS_COMPILE:-}gcc}" HOSTCC="${HOSTCC:-${ccache}gcc}" >>"$2.log" 2>&1
}

# build_tree SOURCE OBJECTS ARG...: make_tree, which must succeed.
build_tree() {
	make_tree "$@" && return
	tail -n 20 "$2.log" >&2
	die "the kernel does not build; all that make said: $2.log"
}

# configured_by SOURCE CONFIG: all that a configuration is made of; of files, when they were changed
configured_by() {
	echo "ARCH=${ARCH:-} LLVM=${LLVM:-} CC=${CC:-} CROSS_COMPILE=${CROSS_COMPILE:-}"
	cat "$2"
	find "$1" \( -name 'Kconfig*' -o -path "$1/Makefile" \) -printf '%p %T@\n'
}

# configure_tree SOURCE OBJECTS FRAGMENT...: nothing but what the fragments ask for, anew only if
# it would not be the same: that takes ten seconds. Prints what of it this kernel cannot have.
configure_tree() {
	local config=$2.config inputs
	mkdir -p "$2"
	cat "${@:3}" >"$config"
	inputs=$(configured_by "$1" "$config")
	if [[ ! -e $2/.config || ! -e $2.configured || $inputs != "$(<"$2.configured")" ]]; then
		rm -f "$2.configured"
		build_tree "$1" "$2" KCONFIG_ALLCONFIG="$config" allnoconfig
		echo "$inputs" >"$2.configured"
	fi
	# what has an unmet dependency goes without a word
	comm -23 <(grep '^CONFIG_' "$config" | sort -u) <(sort "$2/.config") | xargs
}
