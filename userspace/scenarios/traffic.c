// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "traffic.h"

#define STEPS_BYTES (TRAFFIC_PARTS * sizeof(unsigned int))

static void player(struct stage *stage, void *arg)
{
	struct traffic_part *part = arg;

	/* leave the processors to who reads */
	setpriority(PRIO_PROCESS, 0, 5);
	load_run(stage, part->load, part->family, part->steps);
}

static void add(struct play *play, struct traffic *traffic,
		const struct load *load, sa_family_t family)
{
	if (!loopback_works(family, load->protocol)) {
		ktap_remark(play->ktap, "the kernel cannot do %s over IPv%d",
			    load->name, family == AF_INET ? 4 : 6);
		return;
	}
	traffic->parts[traffic->count] = (struct traffic_part){
		.load = load, .family = family,
		.steps = &traffic->steps[traffic->count],
	};
	traffic->count++;
}

bool traffic_start(struct play *play, struct traffic *traffic,
		   const struct load *list)
{
	long long value;
	bool ok = true;

	*traffic = (struct traffic){ 0 };
	traffic->steps = mmap(NULL, STEPS_BYTES, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (traffic->steps == MAP_FAILED)
		return play_fail(play, "mmap: %s", strerror(errno));
	for (const struct load *load = list; load->name; load++) {
		add(play, traffic, load, AF_INET);
		add(play, traffic, load, AF_INET6);
	}
	for (unsigned int i = 0; ok && i < traffic->count; i++)
		ok = play_start(play, &traffic->parts[i].actor,
				traffic->parts[i].load->name, player,
				&traffic->parts[i]) &&
		     play_await(play, &traffic->parts[i].actor, &value);
	for (unsigned int i = 0; ok && i < traffic->count; i++)
		ok = play_cue(play, &traffic->parts[i].actor);
	return ok;
}

static unsigned int steps_of(const struct traffic_part *part)
{
	return __atomic_load_n(part->steps, __ATOMIC_RELAXED);
}

static bool all_moved(const struct traffic *traffic)
{
	for (unsigned int i = 0; i < traffic->count; i++)
		if (steps_of(&traffic->parts[i]) == traffic->parts[i].before)
			return false;
	return true;
}

/* A load that stands still has failed, and tells why. */
static bool look(struct play *play, struct traffic *traffic,
		 unsigned int *moving, unsigned int *steps)
{
	long long deadline = play_clock_ms() + PLAY_PATIENCE_MS, value;

	while (!all_moved(traffic) && play_clock_ms() < deadline)
		play_pause();
	*moving = 0;
	*steps = 0;
	for (unsigned int i = 0; i < traffic->count; i++) {
		struct traffic_part *part = &traffic->parts[i];

		if (steps_of(part) == part->before) {
			kill(part->actor.pid, SIGKILL);
			return play_await(play, &part->actor, &value);
		}
		*moving += steps_of(part) != part->before;
		*steps += steps_of(part) - part->before;
		part->before = steps_of(part);
	}
	return true;
}

bool traffic_expect_movement(struct play *play, const char *phase,
			     struct traffic *traffic)
{
	unsigned int moving, steps;

	if (!look(play, traffic, &moving, &steps))
		return false;
	ktap_remark(play->ktap, "%s: %u steps of the loads", phase, steps);
	return play_expect(play, phase, "loads that did something",
			   traffic->count, moving);
}

bool traffic_await_movement(struct play *play, struct traffic *traffic)
{
	unsigned int moving, steps;

	return look(play, traffic, &moving, &steps);
}

void traffic_stop(struct traffic *traffic)
{
	for (unsigned int i = 0; i < traffic->count; i++)
		actor_kill(&traffic->parts[i].actor);
	if (traffic->steps != MAP_FAILED)
		munmap(traffic->steps, STEPS_BYTES);
}
