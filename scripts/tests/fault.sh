# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154
# Sourced after ktap.sh by the tests that break the books with kunit/fault.c.

fault() {
	make -s -C "$top" module O="$build" SKBALANCE_TEST=1 >&2
	echo "$build/$(basename "$("$scripts/kernels" get)")/skbalance_fault.ko"
}

# pool POOL JQ-FILTER: what the guest has printed of it
pool() {
	jq -se ".[].pools[]? | select(.pool == \"$1\") | $2" "$scratch/out" >/dev/null ||
		fail "expected $2 of $1, got $(<"$scratch/out")"
}

# judged_among_load FAULT POOL JQ-FILTER [CROWD]: what the first reading with the fault says,
# among the mixed load (and that crowd: see userspace/bench/crowd_bench.c), with which alone
# the books balance
judged_among_load() {
	cat >"$scratch/script" <<-EOF
		skbalance run --family 4 --readings 100000 mixed-load >/dev/null &
		until [ "\$(grep -hs '^load-' /proc/[0-9]*/comm | wc -l)" -eq 12 ]; do :; done
		skbalance balance >&2 || exit 101
		insmod ./skbalance_fault.ko $1 || exit 100
		skbalance balance --json
	EOF
	make -s -C "$top" command O="$build" >&2
	expect 1 "$scripts/vm" --memory 3G --copy "$(fault)" --copy "$scratch/script" \
		--copy "$build/skbalance-crowd" -- ./skbalance-crowd "${4:-threads=1}" -- sh script
	pool "$2" "$3"
}

byte_lost='.verdict == "imbalanced" and .fractional_sockets == 1 and .unaccounted_bytes == 1 and
	any(.fractional[]; .charged_bytes == -1)'
