# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# bisect git: git bisect run in a worktree of its own. scripts/bisect sources this. Every verdict
# is kept (see step.sh), and git asks for the same commits in the same order again: so what was
# cut short, wherever, is begun anew, and comes to the same end.

# What a worktree and the objects of a small kernel take, in MiB.
space_needed=4000

# source: git in the worktree
source_git() {
	git -C "$work/source" "$@"
}

# subject COMMIT: one line
subject() {
	source_git log -1 --format='%h %s' --abbrev=12 "$1"
}

# revision: the name of a step; what is not in a commit has none that would last
revision() {
	git -C "$tree" describe --always --abbrev=12 --exclude='*' --dirty 2>/dev/null ||
		echo tree-dirty
}

check_tree() {
	[[ $tree && $good && $bad ]] || die 'git needs --tree, --good and --bad (see --help)'
	git -C "$tree" rev-parse --git-dir >/dev/null 2>&1 || die "--tree $tree: no git repository"
	[[ $(git -C "$tree" rev-parse --is-shallow-repository) == false ]] ||
		die "--tree $tree is shallow, commits are missing: git -C $tree fetch --unshallow"
	[[ $(git -C "$tree" rev-parse --is-inside-work-tree) == false ]] ||
		git -C "$tree" diff --quiet HEAD ||
		say "$tree has changes that are in no commit: they are left out"
}

# commit_of OPTION REVISION
commit_of() {
	git -C "$tree" rev-parse --verify -q --end-of-options "$2^{commit}" ||
		die "$1 $2: no such revision in $tree"
}

# check_kernel OPTION REVISION: old kernels have too much elsewhere
check_kernel() {
	local version
	version=$(git -C "$tree" show "$2:Makefile" 2>/dev/null |
		awk -F ' = ' '$1 == "VERSION" { v = $2 } $1 == "PATCHLEVEL" { print v "." $2 }')
	[[ $version ]] || die "$1 $2 is no kernel"
	ordered "$oldest_kernel" "$version" ||
		die "$1 $2 is Linux $version: skbalance knows $oldest_kernel and later"
}

# Sets older and newer, and what git calls them.
check_range() {
	good=$(commit_of --good "$good")
	bad=$(commit_of --bad "$bad")
	older=$good newer=$bad old_term=good new_term=bad
	((!fixed)) || older=$bad newer=$good old_term=broken new_term=fixed

	[[ $good != "$bad" ]] || die '--good and --bad are the same commit'
	git -C "$tree" merge-base "$older" "$newer" >/dev/null ||
		die '--good and --bad have no commit in common'
	! git -C "$tree" merge-base --is-ancestor "$newer" "$older" ||
		die "--good and --bad are swapped, or $( ((fixed)) && echo 'without' || echo 'with') --fixed"
	check_kernel --good "$good"
	check_kernel --bad "$bad"
}

check_room() {
	local have
	[[ ! -e $work/source ]] || return 0
	have=$(df --output=avail -BM "$work" | tr -dc '[:digit:]')
	((have >= space_needed)) || die "no space in $work: $space_needed MiB needed, $have MiB there"
}

# A checkout that was cut short is done over; what is as it should be keeps its time.
prepare_worktree() {
	local top_level lock
	top_level=$(source_git rev-parse --show-toplevel 2>/dev/null) || true
	if [[ $top_level != "$work/source" ]]; then
		rm -rf "$work/source"
		git -C "$tree" worktree prune
		git -C "$tree" worktree add -q --no-checkout --detach "$work/source" "$older"
	fi
	lock=$(source_git rev-parse --path-format=absolute --git-path index.lock)
	rm -f "$lock"
	phase 'checking out'
	source_git bisect reset HEAD >/dev/null 2>&1 || true
	check_out "$older"
	source_git clean -fdxq
}

check_out() {
	source_git checkout -q -f --detach "$1"
}

# The step as git runs it: older is what it knows as good.
step_command() {
	local step=("$top/scripts/bisect" step --tree "$work/source" --keep "$results"
		"${step_options[@]}")
	# shellcheck disable=SC2016
	((!fixed)) || step=(bash -c '"$@"; s=$?; case $s in 0) exit 1;; 1) exit 0;; *) exit $s;; esac'
		bash "${step[@]}")
	# what git itself says on standard error is for the log
	echo "bisect_driver=$$ ${step[*]@Q} 2>&3"
}

# bisecting: whether git bisect run has asked for this step, and leaves the checkout to it
bisecting() {
	[[ ${bisect_driver:-} ]] && git -C "$tree" rev-parse -q --verify BISECT_HEAD >/dev/null
}

# Checks out what git asks for.
asked_for() {
	! bisecting || git -C "$tree" checkout -q -f --detach BISECT_HEAD
}

# candidates OPTION: git rev-list of what may be the culprit, as far as git has verdicts
candidates() {
	local new old
	new=$(git -C "$tree" bisect terms --term-new) old=$(git -C "$tree" bisect terms --term-old)
	git -C "$tree" rev-list "$1" "refs/bisect/$new" --not --glob="refs/bisect/$old-*"
}

# second_best: the commit that tells as much as the one without a verdict, if there is one. Git
# would go far away from that, because others around it might have none either, and so take one
# or two steps more. Mostly it is alone: so one neighbour is tried first, of two that tell as
# much the newer one: git would leave that to their hashes.
second_best() {
	local new
	bisecting || return
	new=$(git -C "$tree" bisect terms --term-new)
	awk 'NR == FNR { distance[$1] = substr($0, index($0, "dist=") + 5) + 0; next }
		distance[$1] > most { most = distance[$1]; commit = $1 }
		END { if (!commit) exit 1; print commit }' \
		<(candidates --bisect-all) <(candidates --topo-order |
			grep -vxFf <(git -C "$tree" for-each-ref --format='%(objectname)' \
				"refs/bisect/$new" 'refs/bisect/skip-*'
				git -C "$tree" rev-parse BISECT_HEAD))
}

# go_to COMMIT: instead of the one that git asks for, which is skipped
go_to() {
	git -C "$tree" bisect skip >/dev/null
	git -C "$tree" update-ref --no-deref BISECT_HEAD "$1"
	asked_for
}

# verdict_of COMMIT [FILE]
verdict_of() {
	cat "$results/$(source_git rev-parse --short=12 "$1")/${2:-verdict}"
}

# check_end EXPECTED REVISION: whether an end of the range is what it is said to be
check_end() {
	local status=0 verdict
	check_out "$2"
	bash -c "$(step_command)" 3>&2 || status=$?
	((status < 128)) || exit 2
	verdict=$(verdict_of "$2")
	case $verdict in
	"$1"*)
		return ;;
	skip*)
		say "--$1 $(subject "$2"): no verdict (${verdict#skip }): take one of its neighbours" ;;
	good*)
		say "--bad $(subject "$2"): is good: take a newer one, another --scenario, or --repeat" ;;
	bad*)
		say "--good $(subject "$2"): is bad (${verdict#bad }): take an older one" ;;
	esac
	exit 1
}

# How many steps git means to take, with this one.
steps_left() {
	candidates --bisect-vars | sed -n 's/^bisect_steps=//p' | awk '{ print $1 + 1 }'
}

# progress: which commit this is, and for a step that git runs, which of how many
progress() {
	local steps count=''
	if git -C "$tree" bisect terms >/dev/null 2>&1; then
		steps=$(steps_left)
		# the ends of the range come before git's own
		count=$(git -C "$tree" bisect log | grep -cE '^git bisect (good|bad|skip|broken|fixed)') ||
			true
		count="step $((count + 3)) of about $((count + 2 + steps))$(remaining "$steps"): "
	fi
	say "$count$(git -C "$tree" log -1 --format='%h %s' --abbrev=12 2>/dev/null || echo "$tree")"
}

# table: the steps, in their order
table() {
	local line commit verdict
	printf '%-12s  %-4s  %7s  %-40s  %s\n' COMMIT IS SECONDS SUBJECT WHY
	while read -r commit; do
		verdict=$(verdict_of "$commit")
		line=$(source_git log -1 --format=%s "$commit")
		printf '%-12.12s  %-4s  %7s  %-40.40s  %s\n' "$commit" "${verdict%% *}" \
			"$(verdict_of "$commit" seconds)" "$line" "${verdict#* }"
	done < <(sed -nE 's/^# (good|bad|skip|broken|fixed): \[([0-9a-f]+)\].*/\2/p' "$results/bisect.log")
}

# again COMMIT: the command that repeats a step
again() {
	local step=("$top/scripts/bisect" step --tree "$work/source" "${step_options[@]}")
	echo "git -C $work/source checkout -q --detach ${1:0:12} && ${step[*]}"
}

report() {
	local culprit
	source_git bisect log >"$results/bisect.log"
	culprit=$(sed -nE "s/^# first $new_term commit: \[([0-9a-f]+)\].*/\1/p" "$results/bisect.log")
	table
	echo
	if [[ $culprit ]]; then
		echo "first $new_term commit: $(subject "$culprit")"
		source_git log -1 --format='%aN <%aE>, %ad' "$culprit"
		echo "$(again "$culprit") # or ${culprit:0:12}^"
	else
		echo "no verdict tells these apart; the first $new_term commit is one of:"
		sed -nE "s/^# possible first $new_term commit: \[([0-9a-f]{12})[0-9a-f]*\] /\t\1 /p" \
			"$results/bisect.log"
	fi
	echo "kept in $results: bisect.log, each step's log, config, verdict and balance"
	[[ $culprit ]] || exit 3
}

bisect_git() {
	check_tree
	check_range
	prepare
	alone_at "$work"
	check_room
	check_scenarios
	prepare_worktree

	if ((fixed)); then
		check_end bad "$older"
		check_end good "$newer"
	else
		check_end good "$older"
		check_end bad "$newer"
	fi

	source_git bisect start --no-checkout --term-old="$old_term" --term-new="$new_term" "$newer" "$older" \
		>"$results/git.log"
	source_git bisect run sh -c "$(step_command)" 3>&2 >>"$results/git.log" 2>&1 || true
	if ! grep -qE "^# (possible )?first $new_term commit" <(source_git bisect log); then
		die "stopped (see $results/git.log); the same command goes on from there"
	fi
	report
}
