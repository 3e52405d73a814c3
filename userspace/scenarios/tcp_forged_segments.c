// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ---- connection 1..N ---- itself
 *
 * What one end of a connection says is forged, and it does not hear what the
 * other one answers: data come in any order, twice, in part, after FIN, where
 * there is no room; acknowledgements end within a packet, take back what was
 * acknowledged selectively, close the window and open it a little.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../array.h"
#include "../connections.h"
#include "../forgery.h"
#include "../nstat.h"
#include "../segment.h"
#include "keeper.h"

/* Of data. Packets are larger, but of segments smaller than that. */
#define UNIT 1000
#define MSS 536
/* What is sent at once at first, as one packet, or more than that. */
#define PACKET 4000
#define MUCH 40000
/* Farther than any window goes. */
#define BEYOND (1 << 24)
/* Of a buffer; the kernel makes it the least that it allows. */
#define LEAST 1
/* An eighth of it, doubled, is a little more than a packet takes. */
#define SOME 10000
/* Doubled, it is what four packets take. */
#define HALF 5000
/* A window of many bytes, of few, in units of 64 or 128. */
#define WIDE 1000
#define NARROW 2

struct step {
	/* First the other end sends so much, */
	unsigned int sent;
	/* its receive buffer gets that size, if any, which is too small, */
	int room;
	/* then it hears that. */
	struct forged forged;
};

/* Where data begin, and end. */
#define DATA(from, to) \
	.forged = { .begin = (from), .length = (to) - (from) }
#define ACK(until, opened) \
	.forged = { .acknowledged = (until), .window = (opened) }
#define SACK(until, from, to) \
	.forged = { .acknowledged = (until), .window = WIDE, \
		    .sacked_begin = (from), .sacked_end = (to) }

static const struct step covering[] = {
	{ DATA(3000, 3500) }, { DATA(4000, 4500) }, { DATA(2000, 5500) },
	{ DATA(7000, 7500) }, { DATA(6000, 8000) }, { DATA(1000, 5000) },
};

static const struct step overlapping[] = {
	{ DATA(2000, 4000) }, { DATA(3000, 5000) }, { DATA(1000, 2500) },
	{ DATA(2200, 2800) }, { DATA(4500, 5000) },
};

static const struct step replacing[] = {
	{ DATA(2000, 3000) }, { DATA(5000, 6000) }, { DATA(2000, 4000) },
	{ DATA(5000, 7000) },
};

static const struct step filling[] = {
	{ DATA(1000, 2000) }, { DATA(4000, 5000) }, { DATA(6000, 7000) },
	{ DATA(0, 3000) }, { DATA(2500, 5500) },
};

static const struct step repeating[] = {
	{ DATA(-1000, 0) }, { DATA(-500, 500) }, { DATA(1000, 2000) },
	{ DATA(-500, 1500) }, { DATA(BEYOND, BEYOND + UNIT) },
};

static const struct step ending[] = {
	{ .forged = { .begin = 1000, .length = 1000, .flags = TH_FIN } },
	{ DATA(3000, 4000) }, { DATA(5000, 6000) }, { DATA(0, 1500) },
	{ DATA(2500, 3000) },
};

/* The last one comes between two that wait. */
static const struct step pruning[] = {
	{ DATA(2000, 3000) }, { DATA(4000, 5000) }, { DATA(6000, 7000) },
	{ DATA(10000, 11000) }, { DATA(12000, 13000) }, { DATA(14000, 15000) },
	{ .room = LEAST, DATA(8000, 9000) },
};

/* Likewise; an eighth of the buffer is pruned at a time, here of three packets. */
static const struct step pruning_eighths[] = {
	{ DATA(2000, 3000) }, { DATA(4000, 5000) }, { DATA(6000, 7000) },
	{ DATA(8000, 9000) }, { DATA(10000, 11000) }, { DATA(12000, 13000) },
	{ DATA(14000, 15000) }, { DATA(16000, 17000) }, { DATA(18000, 19000) },
	{ DATA(22000, 23000) }, { DATA(24000, 25000) }, { DATA(26000, 27000) },
	{ .room = SOME, DATA(20000, 21000) },
};

/* The last one comes before all, and some of these have room then. */
static const struct step pruning_some[] = {
	{ DATA(2000, 3000) }, { DATA(4000, 5000) }, { DATA(6000, 7000) },
	{ DATA(8000, 9000) }, { DATA(10000, 11000) }, { DATA(12000, 13000) },
	{ DATA(14000, 15000) }, { DATA(16000, 17000) }, { DATA(18000, 19000) },
	{ .room = HALF, DATA(500, 1500) },
};

static const struct step overrunning[] = {
	{ DATA(2000, 3000) }, { .room = LEAST, DATA(0, 1000) },
	{ DATA(0, 2000) }, { DATA(4000, 5000) }, { DATA(0, 4000) },
};

static const struct step resetting[] = {
	{ DATA(1000, 2000) },
	{ .forged = { .begin = 100, .flags = TH_RST } },
	{ .forged = { .begin = 100, .flags = TH_SYN } },
	{ .forged = { .length = 500, .acknowledged = BEYOND } },
	{ .forged = { .length = 500, .flags = TH_RST } },
	{ DATA(0, 1000) },
};

static const struct step acknowledging_in_part[] = {
	{ .sent = PACKET, ACK(1500, WIDE) }, { ACK(2222, WIDE) },
	{ ACK(BEYOND, WIDE) }, { SACK(2500, 1000, 1500) },
};

static const struct step acknowledging_selectively[] = {
	{ .sent = PACKET, SACK(0, 2000, 3000) }, { SACK(0, 1500, 2000) },
	{ SACK(0, 3000, 3500) }, { SACK(0, 1500, 3600) },
	{ SACK(1000, 1500, 3600) }, { ACK(2500, WIDE) },
};

/* What has come is moved from one packet to the one before it, and again. */
static const struct step shifting[] = {
	{ .sent = PACKET, SACK(0, 1000, 1600) }, { SACK(0, 1000, 2100) },
	{ SACK(0, 1000, 2700) }, { SACK(0, 1000, 4000) }, { ACK(1300, WIDE) },
};

static const struct step reneging[] = {
	{ .sent = PACKET, SACK(0, 1000, 4000) }, { ACK(1000, WIDE) },
	{ ACK(1000, WIDE) }, { SACK(1000, 2000, 3000) }, { ACK(4000, WIDE) },
};

/* Small segments; the first ones are missing, and sent again as one. */
static const struct step collapsing[] = {
	{ .sent = 10, ACK(0, WIDE) }, { .sent = 10, ACK(0, WIDE) },
	{ .sent = 10, ACK(0, WIDE) }, { .sent = 10, SACK(0, 30, 40) },
	{ .sent = 10, SACK(0, 30, 50) }, { .sent = 10, SACK(0, 30, 60) },
	{ ACK(20, WIDE) }, { ACK(45, WIDE) },
};

static const struct step closing_window[] = {
	{ .sent = PACKET, ACK(PACKET, 0) }, { .sent = MUCH, ACK(PACKET, 0) },
	{ ACK(PACKET, NARROW) }, { ACK(PACKET, WIDE) },
	{ ACK(PACKET + 100, NARROW) }, { ACK(PACKET + 150, 0) },
};

static const struct kind {
	/* What is forged is what the other end has received. */
	bool acknowledges;
	const struct step *steps;
	unsigned int count;
} kinds[] = {
	{ false, covering, ARRAY_SIZE(covering) },
	{ false, overlapping, ARRAY_SIZE(overlapping) },
	{ false, replacing, ARRAY_SIZE(replacing) },
	{ false, filling, ARRAY_SIZE(filling) },
	{ false, repeating, ARRAY_SIZE(repeating) },
	{ false, ending, ARRAY_SIZE(ending) },
	{ false, pruning, ARRAY_SIZE(pruning) },
	{ false, pruning_eighths, ARRAY_SIZE(pruning_eighths) },
	{ false, pruning_some, ARRAY_SIZE(pruning_some) },
	{ false, overrunning, ARRAY_SIZE(overrunning) },
	{ false, resetting, ARRAY_SIZE(resetting) },
	{ true, acknowledging_in_part, ARRAY_SIZE(acknowledging_in_part) },
	{ true, acknowledging_selectively,
	  ARRAY_SIZE(acknowledging_selectively) },
	{ true, shifting, ARRAY_SIZE(shifting) },
	{ true, reneging, ARRAY_SIZE(reneging) },
	{ true, collapsing, ARRAY_SIZE(collapsing) },
	{ true, closing_window, ARRAY_SIZE(closing_window) },
};

#define KINDS ((unsigned int)ARRAY_SIZE(kinds))

/* What shows that the kernel has done what it is led to, at least once a round. */
static const char *const counters[] = {
	"TCPOFOMerge", "OfoPruned", "RcvPruned", "TCPDSACKOldSent",
	"TCPSACKReneging", "TCPChallengeACK",
	"TCPSackShifted", "TCPSackMerged",
};

static void send_bytes(struct stage *stage, int fd, unsigned int bytes)
{
	static const char data[MUCH];

	if (send(fd, data, bytes, MSG_NOSIGNAL) != (ssize_t)bytes)
		stage_fail(stage, "send");
}

static void take(struct stage *stage, const struct forgery *forgery, int fd,
		 const struct step *step)
{
	if (step->sent)
		send_bytes(stage, fd, step->sent);
	if (step->room)
		connection_set_buffers(stage, fd, step->room);
	forgery_send(stage, forgery, &step->forged);
}

static int forger_of(const struct keeper_ends *ends, const struct kind *kind)
{
	return kind->acknowledges ? ends->accepted : ends->connected;
}

static void play_kind(struct stage *stage, const struct keeper_ends *ends,
		      const struct kind *kind)
{
	int forger = forger_of(ends, kind);
	int other = kind->acknowledges ? ends->connected : ends->accepted;
	struct forgery forgery;

	connection_send_at_once(stage, other);
	send_bytes(stage, forger, UNIT);
	segment_await_acknowledged(stage, forger);
	segment_ignore(stage, forger);
	forgery = forgery_of(stage, forger);
	for (unsigned int i = 0; i < kind->count; i++)
		take(stage, &forgery, other, &kind->steps[i]);
}

static void expect_counted(struct stage *stage, const long long *before)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(counters); i++)
		nstat_await_tcp(stage, counters[i], before[i] + 1);
}

static void drain(const struct keeper_ends *ends)
{
	char data[UNIT];

	while (recv(ends->accepted, data, sizeof(data), MSG_DONTWAIT) > 0)
		;
	while (recv(ends->connected, data, sizeof(data), MSG_DONTWAIT) > 0)
		;
}

/* As the ends do not agree on what was sent, a reset has to tell them. */
static void end(struct stage *stage, const struct keeper_ends *ends,
		const struct kind *kind)
{
	segment_heed(stage, forger_of(ends, kind));
	if (!loopback_linger(ends->connected, 0))
		stage_fail(stage, "SO_LINGER");
	close(ends->accepted);
}

static void keeper(struct stage *stage, void *arg)
{
	struct keeper_cast *cast = arg;
	long long before[ARRAY_SIZE(counters)];
	const struct keeper_ends *all;

	/* however few there are, all is forged */
	if (cast->connections < KINDS)
		cast->connections = KINDS;
	keeper_enter_namespace(stage, cast, 4096);
	connection_set_mss(stage, cast->listener, MSS);
	all = keeper_connect(stage, cast);
	for (unsigned int i = 0; i < ARRAY_SIZE(counters); i++)
		before[i] = nstat_tcp(stage, counters[i]);
	for (unsigned int i = 0; i < cast->connections; i++)
		play_kind(stage, &all[i], &kinds[i % KINDS]);
	expect_counted(stage, before);
	stage_report(stage, 0);
	for (unsigned int i = 0; i < cast->connections; i++)
		drain(&all[i]);
	stage_report(stage, 0);
	for (unsigned int i = 0; i < cast->connections; i++)
		end(stage, &all[i], &kinds[i % KINDS]);
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

static void play(struct play *play)
{
	static const struct keeper how = { keeper, go_through };
	struct keeper_cast cast;

	keeper_play(play, &how, &cast);
}

const struct scenario tcp_forged_segments = {
	.name = "tcp-forged-segments",
	.summary = "data and acknowledgements that no Linux would send: overlapping, in part, taken back",
	.connections = 34,
	.pages = 32,
	.play = play,
};
