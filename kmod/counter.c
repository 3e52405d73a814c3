// SPDX-License-Identifier: GPL-2.0-only
#include <linux/mm.h>
#include <linux/percpu_counter.h>
#include <linux/rcupdate.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "counter.h"
#include "packets.h"
#include "snapshot.h"

struct skbal_expected skbal_counter_expect(void)
{
	struct skbal_expected expected = {
		.sockets = percpu_counter_sum_positive(tcp_prot.sockets_allocated),
	};
	size_t used = 0;
	struct net *net;

	rcu_read_lock();
	for_each_net_rcu(net) {
		used += max(sock_inuse_get(net), 0);
		expected.nets++;
	}
	rcu_read_unlock();
	/* the first without unfinished business, the second without kernel's */
	expected.sockets = max(expected.sockets, used);
	return expected;
}

static void net_read(const struct skbal_snapshot *snap, struct skbal_net *entry)
{
	struct net *net = (struct net *)entry->net;
	unsigned int i;

	entry->used = sock_inuse_get(net);
	for (i = 0; i < snap->nr_protocols; i++)
		entry->inuse[i] =
			sock_prot_inuse_get(net, (struct proto *)
						 snap->protocols[i].prot);
}

void skbal_counter_read(struct skbal_snapshot *snap)
{
	size_t i;

	for (i = 0; i < snap->nets.used; i++)
		net_read(snap, skbal_snapshot_net(snap, i));
	snap->orphans = skbal_orphans();
}

/* What the census has met in one namespace. */
struct met {
	u64 used;
	u64 inuse[SKBAL_PROTOCOLS];
	u64 all[SKBAL_PROTOCOLS];
};

static bool is_sctp(const struct skbal_protocol *protocol)
{
	return protocol->pool == SKBAL_POOL_SCTP;
}

/*
 * Most protocols count the sockets in their table, SCTP those that are not
 * closed (sctp_init_sock(), sctp_destroy_sock()), MPTCP those with a token
 * (mptcp_token_accept(), mptcp_token_destroy()), and what listens.
 */
static bool is_inuse(const struct skbal_protocol *protocol,
		     const struct skbal_socket *socket)
{
	if (is_sctp(protocol))
		return !(socket->flags & SKBAL_DEAD);
	return socket->flags & (protocol->mptcp ? SKBAL_TOKEN : SKBAL_HASHED);
}

/* Families of which every socket is in a table, a message or a descriptor. */
static bool is_well_known(const char *protocol)
{
	static const char *const names[] = {
		"UNIX", "NETLINK", "PACKET", "RAW", "PING",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (str_has_prefix(protocol, names[i]))
			return true;
	return false;
}

/* What was closed and is still kept by a reference has no business there. */
static bool is_used(const struct skbal_socket *socket)
{
	return socket->flags & SKBAL_USED &&
	       !(socket->flags & SKBAL_DEAD &&
		 skbal_snapshot_is_unreachable(socket));
}

static void count_met(const struct skbal_snapshot *snap, struct met *met)
{
	size_t i, n;

	for (i = 0; i < snap->sockets.used; i += n) {
		const struct skbal_socket *socket =
			skbal_snapshot_socket(snap, i);
		const struct skbal_protocol *protocol =
			&snap->protocols[socket->protocol];
		struct met *net = &met[socket->net];

		n = skbal_snapshot_alike(snap, i);
		net->used += is_used(socket) ? n : 0;
		net->all[socket->protocol] += n;
		net->inuse[socket->protocol] +=
			is_inuse(protocol, socket) ? n : 0;
	}
}

/* Of families that may hide sockets: see row_doubt(). */
static u64 count_strange(const struct skbal_snapshot *snap,
			 const struct met *met)
{
	u64 strange = 0;
	unsigned int i;

	for (i = 0; i < snap->nr_protocols; i++)
		if (snap->protocols[i].pool == SKBAL_POOL_NONE &&
		    !is_well_known(snap->protocols[i].name))
			strange += met->all[i];
	return strange;
}

static bool is_compared(const struct skbal_protocol *protocol)
{
	return protocol->pool != SKBAL_POOL_NONE &&
	       (!protocol->mptcp || SKBAL_MPTCP_INUSE);
}

/* Sockets that are counted as in use by protocols without a pool, but not met. */
static s64 foreign_missing(const struct skbal_snapshot *snap,
			   const struct skbal_net *net, const struct met *met)
{
	s64 missing = 0;
	unsigned int i;

	for (i = 0; i < snap->nr_protocols; i++)
		if (snap->protocols[i].pool == SKBAL_POOL_NONE)
			missing += max_t(s64, net->inuse[i] - met->all[i], 0);
	return missing;
}

/*
 * Why "used" may be larger than the census although nothing is wrong. Empty if
 * there is no reason.
 */
static void row_doubt(struct skbal_counter *row,
		      const struct skbal_snapshot *snap,
		      const struct skbal_net *net, const struct met *met,
		      s64 missing)
{
	s64 unmet = missing + foreign_missing(snap, net, met);
	u64 strange;

	*row->reason = 0;
	if (row->kernel - row->census <= 0)
		return;
	strange = count_strange(snap, met);
	if (row->kernel - row->census <= unmet)
		scnprintf(row->reason, sizeof(row->reason),
			  "%lld allocated sockets were not found", unmet);
	else if (snap->packets_waiting)
		scnprintf(row->reason, sizeof(row->reason),
			  SKBAL_PACKETS_REASON, snap->packets_waiting);
	else if (strange)
		scnprintf(row->reason, sizeof(row->reason),
			  "%llu sockets of other families may have ones that wait",
			  strange);
}

static const struct skbal_counter *
row_before(const struct skbal_counters *counters,
	   const struct skbal_counter *row, size_t hint)
{
	size_t i;

	for (i = 0; i < counters->count; i++) {
		const struct skbal_counter *old =
			&counters->rows[(hint + i) % counters->count];

		if (old->netns == row->netns && !strcmp(old->name, row->name) &&
		    !strcmp(old->protocol, row->protocol))
			return old;
	}
	return NULL;
}

/* A suspect was one in every snapshot before, too. */
static void row_remember(struct skbal_counter *row,
			 const struct skbal_counters *before, size_t hint)
{
	const struct skbal_counter *old;

	row->suspect = row->kernel != row->census;
	row->steady = true;
	if (!row->suspect || !before->snapshots)
		return;
	old = row_before(before, row, hint);
	row->suspect = old && old->suspect;
	row->steady = row->suspect && old->steady &&
		      old->kernel - old->census == row->kernel - row->census;
}

static void row_add(struct skbal_counters *counters,
		    const struct skbal_counters *before,
		    struct skbal_counter *row)
{
	row_remember(row, before, counters->count);
	counters->suspects += row->suspect;
	counters->rows[counters->count++] = *row;
}

static void net_compare(struct skbal_counters *counters,
			const struct skbal_counters *before,
			const struct skbal_snapshot *snap,
			const struct skbal_net *net, const struct met *met,
			s64 missing)
{
	struct skbal_counter row = { .netns = net->inum };
	unsigned int i;

	row.name = "sockets_used";
	row.kernel = net->used;
	row.census = met->used;
	row_doubt(&row, snap, net, met, missing);
	row_add(counters, before, &row);
	row.name = "inuse";
	for (i = 0; i < snap->nr_protocols; i++) {
		if (!is_compared(&snap->protocols[i]))
			continue;
		strscpy(row.protocol, snap->protocols[i].name,
			sizeof(row.protocol));
		row.kernel = net->inuse[i];
		row.census = met->inuse[i];
		*row.reason = 0;
		/* others are in a table that was walked */
		if (snap->protocols[i].mptcp)
			row_doubt(&row, snap, net, met, missing);
		row_add(counters, before, &row);
	}
}

static void orphans_compare(struct skbal_counters *counters,
			    const struct skbal_counters *before,
			    const struct skbal_snapshot *snap)
{
	struct skbal_counter counted = {
		.name = "orphans",
		.kernel = snap->orphans,
		.census = snap->orphans_met,
	};
	/* who has no timer may stay for ever */
	struct skbal_counter ending = {
		.name = "orphan_timers",
		.kernel = snap->orphans_ending,
		.census = snap->orphans_timed,
	};

	if (snap->orphans != SKBAL_NOT_COUNTED)
		row_add(counters, before, &counted);
	row_add(counters, before, &ending);
}

int skbal_counters_compare(struct skbal_counters *counters,
			   const struct skbal_snapshot *snap, s64 missing)
{
	struct skbal_counters before = *counters;
	struct met *met;
	size_t i;

	met = kvcalloc(snap->nets.used, sizeof(*met), GFP_KERNEL);
	counters->rows = kvcalloc(snap->nets.used * (snap->nr_protocols + 1) + 2,
				  sizeof(*counters->rows), GFP_KERNEL);
	counters->count = 0;
	counters->suspects = 0;
	if (met && counters->rows) {
		count_met(snap, met);
		for (i = 0; i < snap->nets.used; i++)
			net_compare(counters, &before, snap,
				    skbal_snapshot_net(snap, i), &met[i],
				    missing);
		orphans_compare(counters, &before, snap);
		counters->snapshots++;
	}
	kvfree(before.rows);
	kvfree(met);
	return met && counters->rows ? 0 : -ENOMEM;
}

static void row_judge(struct skbal_counter *row)
{
	if (!row->suspect) {
		row->verdict = SKBAL_BALANCED;
		*row->reason = 0;
	} else if (!row->steady) {
		row->verdict = SKBAL_IN_FLUX;
		strscpy(row->reason, "the difference changes",
			sizeof(row->reason));
	} else if (*row->reason) {
		row->verdict = SKBAL_INCOMPLETE;
	} else {
		row->verdict = SKBAL_IMBALANCED;
		scnprintf(row->reason, sizeof(row->reason),
			  "counted %lld %s than there are",
			  abs(row->kernel - row->census),
			  row->kernel > row->census ? "more" : "fewer");
	}
}

void skbal_counters_judge(struct skbal_counters *counters)
{
	size_t i;

	for (i = 0; i < counters->count; i++)
		row_judge(&counters->rows[i]);
}

void skbal_counters_free(struct skbal_counters *counters)
{
	kvfree(counters->rows);
}
