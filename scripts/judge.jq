# SPDX-License-Identifier: GPL-2.0-only
# What the books say after a scenario ($books), and what failed on the way ($fails; $before: the
# last phase in balance, $at_failure: what was found then). A scenario may fail
# without them: it ran into a time-out, the kernel has warned. That is no accusation.

def fails: $fails / "\n" | map(select(. != ""));

# By the pools, at any moment; some scenarios expect "incomplete", and get it.
def accusations: [fails[] | select(
	test(": (unaccounted (pages|bytes)|fractional sockets): expected 0,") or
	test(": sockets found of those allocated: expected ") or
	test(": other counters (im)?balanced: expected ") or
	test(": readings that were imbalanced: expected 0,") or
	test(": verdict: expected balanced, actual (imbalanced|incomplete)"))];

def on_the_way:
	if any(accusations[]; test("actual incomplete|found of those allocated"))
	then "incomplete"
	elif accusations == [] then null
	else "imbalanced" end;

def first_number($what):
	[fails[] | capture($what + ": expected \\S+, actual (?<n>-?[0-9]+)").n | tonumber][0];

($books[0] // {}) as $now
# a cgroup's is incomplete where one was removed with sockets charged to it
| ([$now.pools[]?, $now.counters[]? | select(.verdict == "imbalanced" or
	(.verdict == "incomplete" and (.cgroup | not)))]) as $wrong
| {
	play: $play,
	seconds: $seconds,
	status: $status,
	verdict: ($wrong[0].verdict // on_the_way // "balanced"),
	pages: ($wrong[0].unaccounted_pages // first_number("unaccounted pages")),
	books: $wrong,
	fails: fails[:8],
	balanced_until: (if $before == "" then null else $before end),
	at_failure: ($at_failure / "\n" | map(select(. != "")))[:30],
	warnings: ($warnings / "\n" | map(select(. != ""))),
}
