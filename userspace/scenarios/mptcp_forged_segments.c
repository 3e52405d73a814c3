// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ---- MPTCP connection 1..N ---- itself
 *
 * What one end of a connection sends is forged: TCP gets all of it in order, but
 * MPTCP is told that it belongs elsewhere, comes again, in part, or nowhere; or
 * that its checksum is another one.
 */
#include <linux/mptcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../array.h"
#include "../connections.h"
#include "../forgery.h"
#include "../link.h"
#include "../nstat.h"
#include "../raw.h"
#include "keeper.h"

#define UNIT 1000
/* Farther than any window goes. */
#define BEYOND (1 << 24)

#define CHECKSUMS "/proc/sys/net/mptcp/checksum_enabled"

/* The option that maps data of a subflow to those of MPTCP, both as they are sent. */
#define MPTCP_OPTION 30
#define DSS (2 << 4)
#define DSS_HAS_MAP 0x04
#define DSS_LONG 0x08
#define NOP 1

struct dss {
	unsigned char kind, length, subtype, flags;
	unsigned int sequence[2], subflow_sequence;
	unsigned short data_length;
	unsigned short checksum; /* or padding */
};

/* Its length, of which the padding is no part. The checksum is of all but that: */
#define WITHOUT_CHECKSUM 18
#define WITH_CHECKSUM 20
#define SKIPPED offsetof(struct dss, sequence)

_Static_assert(sizeof(struct dss) == FORGERY_OPTIONS, "size of the option");

/* Where data begin, and end. */
struct step {
	int from, to;
	enum { IS_RIGHT, HAS_BAD_CHECKSUM, IS_NOT_MAPPED } how;
};

#define DATA(begin, end) .from = (begin), .to = (end)
#define DAMAGED(begin, end) DATA(begin, end), .how = HAS_BAD_CHECKSUM
#define UNMAPPED(begin, end) DATA(begin, end), .how = IS_NOT_MAPPED

static const struct step covering[] = {
	{ DATA(3000, 3500) }, { DATA(4000, 4500) }, { DATA(2000, 5500) },
	{ DATA(7000, 7500) }, { DATA(6000, 8000) }, { DATA(1000, 5000) },
};

static const struct step overlapping[] = {
	{ DATA(2000, 4000) }, { DATA(3000, 5000) }, { DATA(1000, 2500) },
	{ DATA(2200, 2800) }, { DATA(4500, 5000) }, { DATA(0, 500) },
	{ DATA(400, 1200) },
};

static const struct step replacing[] = {
	{ DATA(2000, 3000) }, { DATA(5000, 6000) }, { DATA(2000, 4000) },
	{ DATA(5000, 7000) }, { DATA(8000, 9000) }, { DATA(2000, 8500) },
};

/* Little enough to be copied behind what is there. */
static const struct step merging[] = {
	{ DATA(3000, 3020) }, { DATA(3020, 3025) }, { DATA(6000, 6020) },
	{ DATA(3025, 3030) }, { DATA(4000, 4020) }, { DATA(0, 3000) },
};

static const struct step filling[] = {
	{ DATA(1000, 2000) }, { DATA(4000, 5000) }, { DATA(6000, 7000) },
	{ DATA(0, 3000) }, { DATA(2500, 5500) }, { DATA(8000, 8100) },
};

static const struct step repeating[] = {
	{ DATA(-1000, 0) }, { DATA(-500, 500) }, { DATA(1000, 2000) },
	{ DATA(-500, 1500) }, { DATA(BEYOND, BEYOND + UNIT) },
	{ DATA(3000, 4000) },
};

static const struct step damaged[] = {
	{ DATA(0, 1000) }, { DAMAGED(1000, 1500) }, { DATA(2000, 3000) },
};

static const struct step damaged_behind[] = {
	{ DATA(0, 1000) }, { DATA(2000, 3000) }, { DAMAGED(1000, 1500) },
	{ DATA(4000, 5000) },
};

/* TCP goes on alone, */
static const struct step not_mapped[] = {
	{ DATA(0, 1000) }, { UNMAPPED(1000, 1500) }, { UNMAPPED(1500, 2000) },
};

/* or cannot, as something waits. */
static const struct step not_mapped_behind[] = {
	{ DATA(0, 1000) }, { DATA(2000, 3000) }, { UNMAPPED(1000, 1500) },
	{ UNMAPPED(1500, 2000) },
};

static const struct kind {
	const struct step *steps;
	unsigned int count;
} kinds[] = {
	{ covering, ARRAY_SIZE(covering) },
	{ overlapping, ARRAY_SIZE(overlapping) },
	{ replacing, ARRAY_SIZE(replacing) },
	{ merging, ARRAY_SIZE(merging) },
	{ filling, ARRAY_SIZE(filling) },
	{ repeating, ARRAY_SIZE(repeating) },
	{ damaged, ARRAY_SIZE(damaged) },
	{ damaged_behind, ARRAY_SIZE(damaged_behind) },
	{ not_mapped, ARRAY_SIZE(not_mapped) },
	{ not_mapped_behind, ARRAY_SIZE(not_mapped_behind) },
};

#define KINDS ((unsigned int)ARRAY_SIZE(kinds))

/* What shows that the kernel has done what it is led to, at least once. */
static const char *const counters[] = {
	"OFOQueue", "OFOQueueTail", "OFOMerge", "DuplicateData",
	"NoDSSInWindow", "DataCsumErr",
};

/* Who forges, and where MPTCP is then. */
struct liar {
	struct forgery forgery;
	unsigned long long sequence;
	unsigned int subflow_sequence;
	int sent;		/* since then */
	bool checksums;
};

/* Every other round of the kinds. */
static bool has_checksums(unsigned int i)
{
	return i / KINDS % 2;
}

static unsigned long long received_by(struct stage *stage, int fd)
{
	struct mptcp_info info;
	socklen_t length = sizeof(info);

	if (getsockopt(fd, SOL_MPTCP, MPTCP_INFO, &info, &length))
		stage_fail(stage, "MPTCP_INFO");
	return info.mptcpi_rcv_nxt;
}

static struct liar become_liar(struct stage *stage,
			       const struct keeper_ends *ends, bool checksums)
{
	struct liar liar = { .checksums = checksums };

	connection_exchange(stage, ends->connected, ends->accepted);
	liar.forgery = forgery_overhear(stage, ends->connected, UNIT);
	connection_receive(stage, ends->accepted, UNIT);
	liar.sequence = received_by(stage, ends->accepted);
	/* the first byte has number 1 */
	liar.subflow_sequence = 1 + 2 + UNIT;
	return liar;
}

static struct dss map(const struct liar *liar, const struct step *step)
{
	unsigned long long sequence = liar->sequence +
				      (unsigned long long)(long long)step->from;
	struct dss dss = {
		.kind = MPTCP_OPTION,
		.length = liar->checksums ? WITH_CHECKSUM : WITHOUT_CHECKSUM,
		.subtype = DSS,
		.flags = DSS_HAS_MAP | DSS_LONG,
		.sequence = { htonl((unsigned int)(sequence >> 32)),
			      htonl((unsigned int)sequence) },
		.subflow_sequence = htonl(liar->subflow_sequence +
					  (unsigned int)liar->sent),
		.data_length = htons((unsigned short)(step->to - step->from)),
		.checksum = htons(NOP << 8 | NOP),
	};

	/* the data are 0 */
	if (liar->checksums) {
		dss.checksum = 0;
		dss.checksum = raw_checksum(raw_sum(0, (char *)&dss + SKIPPED,
						    sizeof(dss) - SKIPPED));
		if (step->how == HAS_BAD_CHECKSUM)
			dss.checksum ^= 1;
	}
	return dss;
}

static void tell(struct stage *stage, struct liar *liar,
		 const struct step *step)
{
	struct dss dss = map(liar, step);
	struct forged forged = {
		.begin = liar->sent,
		.length = (unsigned int)(step->to - step->from),
		.window = UNIT,
		.options = step->how == IS_NOT_MAPPED ? NULL : &dss,
	};

	forgery_send(stage, &liar->forgery, &forged);
	liar->sent += step->to - step->from;
}

static void tell_all(struct stage *stage, const struct keeper_ends *ends,
		     unsigned int i)
{
	struct liar liar = become_liar(stage, ends, has_checksums(i));
	const struct kind *kind = &kinds[i % KINDS];

	for (unsigned int k = 0; k < kind->count; k++)
		tell(stage, &liar, &kind->steps[k]);
}

static void set_checksums(struct stage *stage, bool on)
{
	if (!link_run("echo %d >" CHECKSUMS, on))
		stage_fail(stage, CHECKSUMS);
}

static struct keeper_ends *connect_all(struct stage *stage,
				       const struct keeper_cast *cast)
{
	struct keeper_ends *all = calloc(cast->connections, sizeof(*all));

	if (!all)
		stage_fail(stage, "memory for the descriptors");
	for (unsigned int i = 0; i < cast->connections; i++) {
		if (i % KINDS == 0)
			set_checksums(stage, has_checksums(i));
		connection_make(stage, &cast->server, cast->listener,
				&all[i].connected, &all[i].accepted);
	}
	close(cast->listener);
	return all;
}

static void drain(int fd)
{
	char data[UNIT];

	while (recv(fd, data, sizeof(data), MSG_DONTWAIT) > 0)
		;
}

/* Whoever has been lied to resets the other, which hears nothing else. */
static void keeper(struct stage *stage, void *arg)
{
	struct keeper_cast *cast = arg;
	long long before[ARRAY_SIZE(counters)];
	const struct keeper_ends *all;

	/* however few there are, all is forged */
	if (cast->connections < 2 * KINDS)
		cast->connections = 2 * KINDS;
	keeper_enter_namespace(stage, cast, 4096);
	all = connect_all(stage, cast);
	for (unsigned int i = 0; i < ARRAY_SIZE(counters); i++)
		before[i] = nstat_mptcp(stage, counters[i]);
	for (unsigned int i = 0; i < cast->connections; i++)
		tell_all(stage, &all[i], i);
	for (unsigned int i = 0; i < ARRAY_SIZE(counters); i++)
		nstat_await_mptcp(stage, counters[i], before[i] + 1);
	stage_report(stage, 0);
	for (unsigned int i = 0; i < cast->connections; i++)
		drain(all[i].accepted);
	stage_report(stage, 0);
	for (unsigned int i = 0; i < cast->connections; i++)
		connection_reset(stage, all[i].accepted);
	stage_report(stage, 0);
}

static bool go_through(struct play *play, struct actor *keeper)
{
	static const char *const phases[] = { "read", "closed", NULL };
	long long value;

	return play_await(play, keeper, &value) &&
	       play_expect_settled(play, "peak") &&
	       keeper_settle(play, keeper, phases);
}

/* With a socket that is not connected it has nothing to tell, but can. */
static bool kernel_tells(sa_family_t family)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP);
	struct mptcp_info info;
	socklen_t length = sizeof(info);
	bool tells = !getsockopt(fd, SOL_MPTCP, MPTCP_INFO, &info, &length);

	close(fd);
	return tells;
}

static void play(struct play *play)
{
	static const struct keeper how = { keeper, go_through };
	struct keeper_cast cast;

	if (!kernel_tells(play->family))
		play_skip(play, "the kernel has no MPTCP_INFO");
	else
		keeper_play(play, &how, &cast);
}

const struct scenario mptcp_forged_segments = {
	.name = "mptcp-forged-segments",
	.summary = "data of MPTCP that no Linux would send: overlapping, again, with a bad checksum",
	.protocol = IPPROTO_MPTCP,
	.connections = 40,
	.pages = 32,
	.play = play,
};
