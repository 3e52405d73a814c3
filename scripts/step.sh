# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# One step of a bisection: a kernel is booted and played on, and gets a verdict. scripts/bisect
# sources this. What a step leaves is in one folder: verdict (good, bad or skip, and why), log
# (what skbalance run and scripts/vm said), balance.json, seconds, and where something went
# wrong console.log; of a kernel that was built here also config and build.log.

# How make says that it was not the kernel's fault.
our_fault='No space left on device|Cannot allocate memory|source tree is not clean'
our_fault+='|signal terminated program|\*\*\* .*(Killed|Terminated|Interrupt|Error 1(30|37|43))$'

# What the guest does; its standard output is balance.json.
# shellcheck disable=SC2016
guest='skbalance run "$@" >&2
echo "{\"run\": $?}"
skbalance balance --json
exit 0'

# phase TEXT: what goes on, on a terminal, until the next line overwrites it
phase() {
	[[ ! -t 2 ]] || printf '\r\e[K%s: %s ...\r' "${0##*/}" "$*" >&2
}

# no_verdict WHY...: a commit to be skipped
no_verdict() {
	echo "skip $*"
}

# cut_short LOG: dies if that make did not come to its own end
cut_short() {
	local line
	line=$(grep -E "$our_fault" "$1" | tail -n 1) || return 0
	die "not the kernel's fault: $line (see $1)"
}

# What another clone has made of its sources is nothing to make of ours, though it may be newer.
forget_others() {
	[[ -e $work/vm/clone && $(<"$work/vm/clone") == "$top" ]] && return
	rm -rf "$work/vm"
	mkdir -p "$work/vm"
	echo "$top" >"$work/vm/clone"
}

# build_command: $work/vm/skbalance
build_command() {
	forget_others
	env -u MAKEFLAGS -u MAKELEVEL make -s -C "$top" command O="$work/vm" >&2 ||
		die 'skbalance does not build'
}

# build_skbalance KDIR LOG: in $work/vm; fails if there can be no module
build_skbalance() {
	local status=0 make=(env -u MAKEFLAGS -u MAKELEVEL setpriv --pdeathsig TERM
		make -s -j"$(nproc)" -C "$top" "O=$work/vm" "KDIR=$1")
	"${make[@]}" command >>"$2" 2>&1 || die "skbalance does not build: see $2"
	"${make[@]}" module >>"$2" 2>&1 || status=$?
	((status)) || return 0
	cut_short "$2"
	((status < 128)) || die "make was killed: see $2"
	return 1
}

# wrong_number FOLDER: what the books, or a check at a peak, say against the kernel; nothing if
# they do not. That the kernel warned is no wrong number.
wrong_number() {
	{
		jq -r '(.pools[]? | select(.verdict == "imbalanced") |
				"\(.pool): imbalanced, \(.unaccounted_pages) pages unaccounted"),
			(.counters[]? | select(.verdict == "imbalanced") |
				"\(.counter): imbalanced, kernel \(.kernel), census \(.census)")' \
			"$1/balance.json" 2>/dev/null || true
		sed -nE 's/^ +not ok [0-9]+ (.*: expected .*, actual .*)$/\1/p' "$1/log" |
			grep -v '^kernel log:' || true
	} | sed -n 1p
}

# unplayed FOLDER: a scenario that was asked for, but could be played over no family
unplayed() {
	local scenario
	for scenario in "${scenarios[@]}"; do
		grep -qE "^(not )?ok [0-9]+ $scenario ipv[46]\$" "$1/log" || echo "$scenario"
	done | sed -n 1p
}

# no_result STATUS-OF-VM LOG: why it was cut short
no_result() {
	case $1 in
	124)
		no_verdict "no result after $timeout s" ;;
	125)
		no_verdict "$(sed -nE 's/^vm: (the VM .*|skbalance.ko .*); its console.*/\1/p' "$2")" ;;
	126)
		no_verdict "the kernel warned: $(grep -aoEm 1 "($kernel_trouble).*" "$2")" ;;
	esac
}

# judge FOLDER STATUS-OF-VM: the verdict on one boot
judge() {
	local dir=$1 wrong unplayed run
	wrong=$(wrong_number "$dir")
	if [[ $wrong ]]; then
		echo "bad $wrong"
		return
	fi

	case $2 in
	0) ;;
	124 | 125 | 126)
		no_result "$2" "$dir/log" ;;
	*)
		die "scripts/vm: $(tail -n 1 "$dir/log")" ;;
	esac
	(($2 == 0)) || return 0

	run=$(jq -r '.run // empty' "$dir/balance.json")
	case $run in
	2)
		die "skbalance run: $(grep '^skbalance: ' "$dir/log" | tail -n 1)" ;;
	0 | 4)
		unplayed=$(unplayed "$dir")
		if [[ $run == 0 && ! $unplayed ]]; then
			echo 'good balanced'
		else
			no_verdict "not supported there: ${unplayed:-any scenario}"
		fi ;;
	*)
		no_verdict "no number is wrong, but: $(grep -m 1 '^ *not ok' "$dir/log")" ;;
	esac
}

# in_vm FOLDER ARGUMENT...: scripts/vm; its log is left in FOLDER, and a console.log that it kept
in_vm() {
	local status=0 console
	rm -f "$work"/vm/console.*.log "$1/console.log"
	O=$work/vm setpriv --pdeathsig TERM "$top/scripts/vm" --timeout "$timeout" "${@:2}" \
		2>"$1/log" || status=$?
	for console in "$work"/vm/console.*.log; do
		[[ ! -e $console ]] || mv "$console" "$1/console.log"
	done
	return "$status"
}

# judge_suites FOLDER STATUS-OF-KUNIT: likewise
judge_suites() {
	local log=$1/kunit.log failed
	failed=$(grep -m 1 '^failed: ' "$log") || true
	if [[ $failed ]]; then
		echo "bad KUnit: ${failed#failed: }"
		return
	fi
	case $2 in
	0)
		echo 'good all cases passed' ;;
	1)
		no_verdict "no case failed, but: $(grep -m 1 -E '^(not run|error): ' "$log")" ;;
	4)
		no_verdict "no case of $suites ran" ;;
	124 | 125 | 126)
		no_result "$2" "$log" ;;
	*)
		die "scripts/kunit: $(tail -n 1 "$log")" ;;
	esac
}

# run_suites KERNEL FOLDER: the KUnit suites, in a VM; prints the verdict
run_suites() {
	local status=0
	O=$work/vm KDIR=$1 setpriv --pdeathsig TERM "$top/scripts/kunit" --timeout "$timeout" \
		"$suites" >"$2/kunit.log" 2>&1 || status=$?
	judge_suites "$2" "$status"
}

# run_scenarios KERNEL FOLDER: likewise
run_scenarios() {
	local status=0
	# shellcheck disable=SC2086
	in_vm "$2" --kernel "$1" --memory "$memory" -- \
		sh -c "$guest" sh $run_options "${scenarios[@]}" >"$2/balance.json" || status=$?
	judge "$2" "$status"
}

# boot KERNEL FOLDER: what was asked for, once, all of it in FOLDER; prints the verdict
boot() {
	local verdict=good
	if [[ ! $suites ]] || ((${#scenarios[@]})); then
		verdict=$(run_scenarios "$@") || exit
	fi
	if [[ $suites && $verdict == good* ]]; then
		verdict=$(run_suites "$@") || exit
	fi
	echo "$verdict"
}

# A VM that ends in the middle without a word from its kernel was killed from outside. What hangs
# runs into a time-out, and is not tried again.
lost() {
	local seconds=$2
	[[ $1 == 'skip the VM '* ]] && ((seconds < 100)) &&
		! grep -sqaE "$kernel_trouble" "$3/console.log"
}

# boot_surely KERNEL FOLDER: likewise, and again if the VM was lost
boot_surely() {
	local verdict start _
	mkdir -p "$2"
	for _ in 1 2 3; do
		start=$SECONDS
		verdict=$(boot "$1" "$2") || exit
		lost "$verdict" $((SECONDS - start)) "$2" || break
	done
	echo "$verdict"
}

# judge_runs KERNEL FOLDER: as many boots as it takes to decide
judge_runs() {
	local dir=$2 run verdict good=0 bad=0 needed=1 last_bad='' last=''
	((majority)) && needed=$((repeat / 2 + 1))
	for ((run = 1; run <= repeat; run++)); do
		phase "booting${3:+ $3}$( ((repeat == 1)) || echo ", run $run of $repeat")"
		((repeat == 1)) || dir=$2/run-$run
		verdict=$(boot_surely "$1" "$dir") || exit
		case $verdict in
		good*)
			((++good)) ;;
		bad*)
			((++bad))
			last_bad=$verdict ;;
		*)
			last=$verdict ;;
		esac
		((bad < needed)) || break
		((!majority || 2 * good < repeat)) || break
	done

	if ((bad && (!majority || bad > good))); then
		echo "$last_bad$( ((repeat == 1)) || echo " (in $bad of $((good + bad)) runs)")"
	elif ((good)); then
		echo "good balanced$( ((repeat == 1)) || echo " (in $good of $((good + bad)) runs)")"
	else
		echo "$last"
	fi
}

# What a killed make has left half-written is newer than the mark that it was at work. Kbuild
# writes the .cmd of a file when that is complete; other files but objects it renames.
remove_unfinished() {
	local file command
	find "$work/vm" -newer "$work/building" -type f -delete
	find "$work/objects" -newer "$work/building" -type f ! -name '.*' -print0 |
		while read -rd '' file; do
			command=${file%/*}/.${file##*/}.cmd
			if [[ ! -e $command && $file == *.o || $file -nt $command && -e $command ]]; then
				rm "$file"
			fi
		done
}

begin_build() {
	mkdir -p "$work"/{objects,vm}
	[[ ! -e $work/building ]] || remove_unfinished
	touch "$work/building"
}

end_build() {
	rm "$work/building"
}

# build SOURCE FOLDER: prints why there is no kernel, if so
build() {
	local log=$work/objects.log lost why status=0
	: >"$log"
	begin_build
	phase 'configuring'
	if ! lost=$(configure_tree "$1" "$work/objects" "${configs[@]}" 2>/dev/null); then
		status=1
	else
		[[ ! $lost ]] || echo "this kernel does not have: $lost" >>"$log"
		cp "$work/objects/.config" "$2/config"
		phase 'building'
		# the release must not tell the commits apart: it would be built into each module
		make_tree "$1" "$work/objects" LOCALVERSION= bzImage modules || status=$?
	fi
	cp "$log" "$2/build.log"
	if ((status)); then
		cut_short "$2/build.log"
		# who was killed says nothing
		why=$(grep -m 1 -E 'error:|undefined reference|\*\*\*' "$log" | tail -c 160) ||
			die "make was killed: see $2/build.log"
		echo "does not build: $why"
	elif ! build_skbalance "$work/objects" "$2/build.log"; then
		echo 'skbalance.ko does not build for it'
	fi
	# vm would not notice that a module of the kernel has changed
	rm -rf "$work"/vm/*/root
	end_build
}

# judge_source SOURCE FOLDER
judge_source() {
	local why
	why=$(build "$1" "$2") || exit
	if [[ $why ]]; then
		no_verdict "$why"
	else
		judge_runs "$work/objects" "$2"
	fi
}

# store FOLDER COMMAND...: the verdict that COMMAND prints, unless it is already there. A folder
# without one is what is left of a step that was cut short.
store() {
	local dir=$1 verdict start=$SECONDS
	[[ ! -e $dir/verdict ]] || return 0
	rm -rf "$dir"
	mkdir -p "$dir"
	verdict=$("${@:2}") || exit
	echo $((SECONDS - start)) >"$dir/seconds"
	echo "$verdict" >"$dir/.verdict"
	mv "$dir/.verdict" "$dir/verdict"
}

# alone_at DIRECTORY: alone_in, and says so where it waits for another, or for what a killed
# one has left running
alone_at() {
	mkdir -p "$1"
	[[ ! -e $1/.lock ]] || flock -n "$1/.lock" true || say "waiting for what else runs in $1"
	alone_in "$1"
}

# remaining STEPS: how long they will take, as the median of those that are done
remaining() {
	cat "$results"/*/seconds 2>/dev/null | sort -n | awk -v steps="$1" '
		{ each[NR] = $1 }
		END {
			seconds = each[int((NR + 1) / 2)] * steps
			if (seconds >= 90)
				printf ", %d min left", (seconds + 30) / 60
			else if (NR)
				printf ", %d s left", seconds
		}' || true
}
