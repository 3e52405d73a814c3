# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034
# Sourced by the tests: each of their functions test_... is a case, reported in KTAP.

scripts=$(realpath "${BASH_SOURCE[0]%/*}/..")
scratch=$(mktemp -d -t skbalance-test.XXXXXX)

fail() {
	echo "$*"
	exit 1
}

skip() {
	echo "$*"
	exit 4
}

# expect STATUS COMMAND...: its output is in $scratch/out and $scratch/err afterwards
expect() {
	local status=0
	("${@:2}") >"$scratch/out" 2>"$scratch/err" </dev/null || status=$?
	((status == $1)) && return
	tail -n 20 "$scratch/err"
	fail "${*:2}: exit status $status, expected $1"
}

# says PATTERN: whether the last command's standard error has such a line
says() {
	grep -qE "$1" "$scratch/err" && return
	tail -n 20 "$scratch/err"
	fail "expected on standard error: $1"
}

# refuses PATTERN COMMAND...: status 2, and one line that says why
refuses() {
	local lines
	expect 2 "${@:2}"
	says "$1"
	lines=$(wc -l <"$scratch/err")
	((lines == 1)) || fail "$lines lines on standard error, expected 1: $(<"$scratch/err")"
}

# eventually COMMAND...: waits until it succeeds, for half a minute
eventually() {
	local tries=300
	until "$@"; do
		((tries--)) || fail "never: $*"
		sleep 0.1
	done
}

run_tests() {
	local names name output status number=0 failed=0
	mapfile -t names < <(sed -n 's/^test_\(.*\)() {$/\1/p' "$0")
	printf 'KTAP version 1\n1..%d\n' ${#names[@]}
	for name in "${names[@]}"; do
		output=$(set -e; "test_$name" 2>&1)
		status=$?
		((++number))
		case $status in
		0)
			echo "ok $number $name" ;;
		4)
			echo "ok $number $name # SKIP $output" ;;
		*)
			[[ -z $output ]] || echo "# ${output//$'\n'/$'\n# '}"
			echo "not ok $number $name"
			failed=1 ;;
		esac
	done
	rm -rf "$scratch"
	exit $failed
}
