// SPDX-License-Identifier: GPL-2.0-only
#include <netinet/in.h>
#include <string.h>

#include "blindspot.h"
#include "tests/helper.h"
#include "tests/sight.h"

#define CLOSED_HELD "closed-held/skbalance/tcp/sockets"
#define LEDGER_TCP "ledger/skbalance/tcp/sockets"
#define LEDGER_UDP "ledger/skbalance/udp/sockets"

static void assert_unseen(const struct books *books, int protocol,
			  const struct sockdiag *diag, long long sockets,
			  long long bytes)
{
	struct blindspot spot = { 0 };

	assert_int_equal(blindspot_add(&spot, books, transport_of(protocol),
				       diag), 0);
	assert_int_equal(spot.sockets, sockets);
	assert_int_equal(spot.bytes, bytes);
}

static void closed_sockets_are_not_seen(void **state)
{
	struct sockdiag diag;
	struct books books;

	(void)state;
	helper_parse(&books, helper_data(CLOSED_HELD));
	sight_of_books(&diag, &books);
	assert_unseen(&books, IPPROTO_TCP, &diag, 10, 81920);
	sockdiag_free(&diag);
	books_free(&books);
}

/* Those in the other namespace, and the one that nothing leads to. */
static void only_what_is_dumped_is_seen(void **state)
{
	struct sockdiag diag;
	struct books books;

	(void)state;
	helper_parse(&books, helper_data(LEDGER_TCP));
	sight_of_books(&diag, &books);
	assert_unseen(&books, IPPROTO_TCP, &diag, 3, 16384);
	sockdiag_free(&diag);
	books_free(&books);
}

/* By inode number if it has one, otherwise by its addresses. */
static void assert_mptcp(const char *inode)
{
	struct sockdiag diag, nothing = { 0 };
	struct books books;
	char *text;

	text = helper_replace(helper_data(LEDGER_TCP),
			      "protocol=TCP class=open state=ESTABLISHED",
			      "protocol=MPTCP class=open state=ESTABLISHED");
	helper_parse(&books, helper_replace(text, "inode=801", inode));
	sight_of_books(&diag, &books);
	assert_unseen(&books, IPPROTO_MPTCP, &diag, 0, 0);
	assert_unseen(&books, IPPROTO_MPTCP, &nothing, 1, 12288);
	assert_unseen(&books, IPPROTO_TCP, &diag, 3, 16384);
	sockdiag_free(&diag);
	books_free(&books);
}

static void mptcp_is_seen_in_its_own_dump(void **state)
{
	(void)state;
	assert_mptcp("inode=801");
	assert_mptcp("inode=0");
}

/* But for one of the kernel that holds nothing. */
static void datagram_sockets_are_seen(void **state)
{
	struct sockdiag diag = { 0 };
	struct books books;

	(void)state;
	helper_parse(&books, helper_data(LEDGER_UDP));
	sight_add(&diag, "0.0.0.0:53", "0.0.0.0:0", 901, 12288);
	assert_unseen(&books, IPPROTO_UDP, &diag, 1, 4096);
	sight_add(&diag, "[::]:53", "[::]:0", 902, 4096);
	assert_unseen(&books, IPPROTO_UDP, &diag, 0, 0);
	assert_unseen(&books, IPPROTO_UDPLITE, &diag, 0, 0);
	sockdiag_free(&diag);
	books_free(&books);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(closed_sockets_are_not_seen),
		cmocka_unit_test(only_what_is_dumped_is_seen),
		cmocka_unit_test(mptcp_is_seen_in_its_own_dump),
		cmocka_unit_test(datagram_sockets_are_seen),
	};

	return cmocka_run_group_tests_name("blindspot", tests, NULL, NULL);
}
