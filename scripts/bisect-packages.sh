# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# bisect packages: the same over Debian's prebuilt kernels, of which only those that are asked
# for are fetched. scripts/bisect sources this.

# find_version OPTION VERSION: the number of a kernel among releases
find_version() {
	local number found=''
	for number in "${!releases[@]}"; do
		case $2 in
		"${releases[number]}" | "${versions[number]}" | "${versions[number]%%-*}")
			echo "$number"
			return ;;
		esac
		# a series is its newest kernel
		[[ ${versions[number]} != "$2".* ]] || found=$number
	done
	[[ $found ]] || die "$1 $2: Debian has no such kernel now (see: ${0##*/} packages --list)"
	echo "$found"
}

# Sets releases and versions: what there is from one end to the other, oldest first. What
# differs by the suite that it was built for only is there once.
choose_range() {
	local ends number first last key seen
	mapfile -t ends < <({ find_version --good "$good"; find_version --bad "$bad"; } | sort -n)
	((${#ends[@]} == 2)) || exit 2
	first=${ends[0]} last=${ends[1]}
	((first < last)) || die '--good and --bad are the same kernel'
	older=good newer=bad
	[[ $(find_version --good "$good") == "$first" ]] || older=bad newer=good

	seen=" ${versions[first]%%~*} ${versions[last]%%~*} "
	for number in "${!releases[@]}"; do
		((number != first && number != last)) || continue
		key=" ${versions[number]%%~*} "
		if ((number < first || number > last)) || [[ $seen == *"$key"* ]]; then
			unset "releases[number]" "versions[number]"
		fi
		seen+=$key
	done
	releases=("${releases[@]}") versions=("${versions[@]}")
}

# judge_package RELEASE FOLDER
judge_package() {
	local dir
	phase "fetching $1"
	dir=$("$top/scripts/kernels" get "$1") || exit
	begin_build
	if build_skbalance "$dir/build" "$2/build.log"; then
		end_build
		judge_runs "$1" "$2" "$1"
	else
		end_build
		no_verdict 'skbalance.ko does not build for it'
	fi
}

# bits NUMBER: how often it can be halved until nothing is left
bits() {
	local number=$1 bits=0
	for ((; number; number /= 2)); do
		((++bits))
	done
	echo "$bits"
}

# try NUMBER LEFT: sets verdict; how many may come after it
try() {
	local dir=$results/${releases[$1]}
	order+=("$1")
	say "step ${#order[@]} of about $((${#order[@]} + $2))$(remaining $(($2 + 1))):" \
		"${releases[$1]} (${versions[$1]})"
	store "$dir" judge_package "${releases[$1]}" "$dir"
	verdict=$(<"$dir/verdict")
	say "$verdict"
}

# try_end EXPECTED NUMBER LEFT
try_end() {
	try "$2" "$3"
	[[ ${verdict%% *} == "$1" ]] || {
		say "--$1 ${releases[$2]} is $verdict: take another one"
		exit 1
	}
}

# Sets low and high, between which no kernel has a verdict.
search() {
	local untried left middle
	low=0 high=$((${#releases[@]} - 1)) skipped=()
	left=$(bits $((high - 1)))
	try_end "$older" "$low" $((left + 1))
	try_end "$newer" "$high" "$left"
	while
		mapfile -t untried < <(comm -23 <(seq $((low + 1)) $((high - 1)) | sort) \
			<(printf '%s\n' "${skipped[@]}" | sort) | sort -n)
		((${#untried[@]}))
	do
		middle=${untried[${#untried[@]} / 2]}
		try "$middle" $(($(bits ${#untried[@]}) - 1))
		case ${verdict%% *} in
		"$older")
			low=$middle ;;
		"$newer")
			high=$middle ;;
		*)
			skipped+=("$middle") ;;
		esac
	done
}

# tag NUMBER: in the stable repository
tag() {
	local upstream=${versions[$1]%-*}
	echo "v${upstream/\~rc/-rc}"
}

report_packages() {
	local number verdict from to ends
	printf '%-24s  %-24s  %-4s  %7s  %s\n' KERNEL PACKAGE IS SECONDS WHY
	for number in "${order[@]}"; do
		verdict=$(<"$results/${releases[number]}/verdict")
		printf '%-24s  %-24s  %-4s  %7s  %s\n' "${releases[number]}" "${versions[number]}" \
			"${verdict%% *}" "$(<"$results/${releases[number]}/seconds")" "${verdict#* }"
	done
	echo
	from=$(tag "$low") to=$(tag "$high")
	echo "last $older: ${releases[low]} (${versions[low]})"
	echo "first $newer: ${releases[high]} (${versions[high]})"
	if ((high - low > 1)); then
		echo "without a verdict between them: ${releases[*]:low+1:high-low-1}"
	fi
	if [[ $from == "$to" ]]; then
		echo "upstream both are $from: it is one of Debian's own patches"
	else
		echo "upstream: $from..$to of the stable repository; to go on there:"
		if [[ $older == good ]]; then
			ends="--good $from --bad $to"
		else
			ends="--fixed --good $to --bad $from"
		fi
		echo "$top/scripts/bisect git --tree LINUX-STABLE $ends ${step_options[*]}"
	fi
	echo "kept in $results: each kernel's log, verdict and balance"
}

bisect_packages() {
	local releases versions low high older newer verdict order=() skipped list_of
	((list)) || [[ $good && $bad ]] || die 'packages needs --good and --bad, or --list (see --help)'
	[[ ! $suites ]] || die "Debian's kernels have no KUnit: --kunit is for git and step"
	((${#configs[@]} == 2)) || die 'packages builds no kernel: --config is for git and step'
	list_of=$("$top/scripts/kernels" versions)
	if ((list)); then
		echo "$list_of"
		return
	fi
	mapfile -t releases < <(cut -d ' ' -f 1 <<<"$list_of")
	mapfile -t versions < <(cut -d ' ' -f 2 <<<"$list_of")
	choose_range
	prepare
	alone_at "$work"
	check_scenarios
	search
	report_packages
}
