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

# configure_tree SOURCE OBJECTS FRAGMENT...: nothing but what the fragments ask for. Prints
# what of it this kernel cannot have.
configure_tree() {
	local config=$2.config
	mkdir -p "$2"
	cat "${@:3}" >"$config"
	build_tree "$1" "$2" KCONFIG_ALLCONFIG="$config" allnoconfig
	# what has an unmet dependency goes without a word
	comm -23 <(grep '^CONFIG_' "$config" | sort -u) <(sort "$2/.config") | xargs
}
