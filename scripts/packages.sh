# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# Debian packages that are unpacked in the cache and never installed; the scripts source this.

# alone_in DIRECTORY: below the cache, and until this shell ends
alone_in() {
	local lock
	{ mkdir -p "$1" && exec {lock}>"$1/.lock"; } 2>/dev/null ||
		die "cannot write to the cache folder $cache"
	flock "$lock"
}

# all_suites FLAVOUR: what is wanted may be in another suite than this machine's. From
# here on apt has them all, also of the other architecture, with lists of its own: the machine's apt
# stays as it is, and this needs no root.
all_suites() {
	local apt=$cache/apt mirror=http://deb.debian.org suite architectures=amd64
	[[ $1 != arm64* ]] || architectures+=,arm64
	export APT_CONFIG=$apt/apt.conf

	alone_in "$apt"
	mkdir -p "$apt"/{lists,archives}/partial
	cat >"$APT_CONFIG" <<-EOF
	Dir::State::lists "$apt/lists";
	Dir::State::status "/dev/null";
	Dir::Cache "$apt";
	Dir::Etc::sourcelist "$apt/sources.list";
	Dir::Etc::sourceparts "-";
	APT::Sandbox::User "root";
	APT::Architectures "$architectures";
	APT::Get::List-Cleanup "false";
	Acquire::Languages "none";
	EOF
	for suite in debian/{bullseye,bookworm,trixie,trixie-backports,forky} \
		debian-security/{bullseye,bookworm,trixie}-security; do
		echo "deb [arch=$architectures signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
			"$mirror/${suite%/*} ${suite#*/} main"
	done >"$apt/sources.list"

	say 'reading the package lists of all suites'
	apt-get -qq update 2>"$apt/log" ||
		say "not all of them could be read: $(grep -m 1 '^[EW]:' "$apt/log")"
}

check_space() {
	local need have
	need=$(apt-cache show --no-all-versions "$@" | awk '
		/^Size:/ { kb += $2 / 1024 }
		/^Installed-Size:/ { kb += $2 }
		END { printf "%d", kb / 1024 + 1 }')
	have=$(df --output=avail -BM "$cache" | tr -dc '[:digit:]')
	((have >= need)) || die "no space in $cache: $need MiB needed, $have MiB there"
}

download() {
	apt-get -qq -o APT::Sandbox::User=root download "$@" 2>&1
}

# Everything but documentation and the drivers that no guest has the hardware for; /lib is
# /usr/lib, for the packages of old as well.
unpack() {
	dpkg-deb --fsys-tarfile "$1" | tar -x -C root --keep-directory-symlink \
		--exclude=./usr/share/{doc,info,locale,man} --exclude='kernel/sound' --exclude='kernel/drivers/gpu' \
		--exclude='kernel/drivers/media' --exclude='kernel/drivers/net/ethernet' \
		--exclude='kernel/drivers/net/wireless' && rm "$1"
}

# unpack_aside DIRECTORY NAME PACKAGE...: makes DIRECTORY/.new.*/root of the packages and goes
# there; what is complete is renamed. Whatever was cut short before goes first.
unpack_aside() {
	local deb why packages=("${@:3}")
	check_space "${packages[@]}"

	rm -rf "$1"/.new.*
	work=$(mktemp -d "$1/.new.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	cd "$work" || exit

	say "downloading $2 (${#packages[@]} packages)"
	why=$(download "${packages[@]}") || { ((EUID == 0)) && apt-get -qq update &&
		why=$(download "${packages[@]}"); } || die "download failed: $(grep -m 1 '^E:' <<<"$why")"
	say "unpacking $2"
	mkdir -p root/usr/lib
	ln -s usr/lib root/lib
	for deb in *.deb; do
		why=$(unpack "$deb" 2>&1) || {
			# somebody else may have filled the disk meanwhile
			check_space "${packages[@]}"
			die "cannot unpack $deb: $(head -n 1 <<<"$why")"
		}
	done
}

# unpack_aside_with_all DIRECTORY NAME ARCHITECTURE PACKAGE...: likewise with all that they depend
# on, of any suite: for another architecture, none of this machine's
unpack_aside_with_all() {
	local packages
	all_suites "$3"
	mapfile -t packages < <(apt-get -s --no-install-recommends install "${@:4}" 2>"$cache/apt/log" |
		awk -v architecture="$3" '$1 == "Inst" &&
			(architecture == "amd64" || $2 ~ /:/ || /\[all\]/) { print $2 }')
	((${#packages[@]})) || die "no $2: $(grep -m 1 '^E:' "$cache/apt/log")"
	unpack_aside "$1" "$2" "${packages[@]}"
}
