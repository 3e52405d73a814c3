# SPDX-License-Identifier: GPL-2.0-only
# The result of one mutant, from what the guest has said ($lines: see judge), and another one
# that had the same scenario to play, smaller ($smallest).

($lines | map(select(has("play")))) as $plays
| ($lines | map(select(has("kmemleak")))[0] // {}) as $kernel
| ([$kernel.kmemleak, ($smallest[] | .kmemleak)] | max) as $leaks
| ($plays | map(select(.verdict != "balanced"))[0]) as $caught
| ([$smallest[] | select(.play and .verdict != "balanced")][0] // $caught) as $shown
# a catch stands, whatever became of the guest then
| (if $caught then "judged" else $status end) as $status
| (if $caught then $caught.verdict
   elif $status != "judged" then null
   elif any($plays[]; .status == 0) then "balanced"
   else "unplayed" end) as $verdict
| {
	mutant: $mutant,
	about: $about,
	expect: $expect,
	status: $status,
	why: (if $why == "" then null else $why end),
	verdict: $verdict,
	met: (if $expect == "broken" then $caught != null else $verdict == "balanced" end),
	scenario: $caught.play,
	pages: $caught.pages,
	smallest: $shown.play,
	smallest_pages: $shown.pages,
	balanced_until: $shown.balanced_until,
	at_failure: ($shown.at_failure // []),
	books: ($shown.books // []),
	fails: ($shown.fails // []),
	failed: [$plays[] | select(.status == 1 and .verdict == "balanced")
		| { scenario: .play, fails }],
	plays: ($plays | length),
	seconds: $seconds,
	build_seconds: $build,
	scenario_seconds: ([$plays[].seconds] | add),
	warnings: ($kernel.warnings // $plays[-1].warnings // []),
	kmemleak: $leaks,
}
