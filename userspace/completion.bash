# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What bash completes after skbalance; the command's own help says what there is.

_skbalance() {
	local current=$2 previous=$3 command='' words
	((COMP_CWORD < 2)) || command=${COMP_WORDS[1]}

	case $command:$previous in
	*:--by)
		words='process class state netns cgroup listener uid' ;;
	*:--class)
		words='open listen accept-queue closed-held orphan kernel fd-in-flight unreachable abandoned' ;;
	*:--family)
		words='4 6' ;;
	*:--pool)
		words='tcp udp sctp' ;;
	*:--pid)
		words=$(cd /proc && printf '%s\n' [0-9]*) ;;
	*:--max-pause | *:--protocol | *:--state | *:--port | *:--uid | *:--cgroup | \
		*:--connections | *:--max-connections | *:--readings)
		return ;;
	:*)
		words=$(skbalance --help 2>/dev/null | sed -nE 's/^  (-?-?[a-z]+)  .*/\1/p') ;;
	*)
		words=$(skbalance "$command" --help 2>/dev/null | sed -nE 's/^  (--[a-z-]+).*/\1/p')
		[[ $command != run || $current == -* ]] ||
			words=$(skbalance list 2>/dev/null | awk 'NR > 1 { print $1 }') ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}

complete -F _skbalance skbalance
