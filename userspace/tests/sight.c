// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "array.h"
#include "tests/helper.h"
#include "tests/sight.h"

#define NETNS 4026531840u

void sight_add(struct sockdiag *diag, const char *local, const char *remote,
	       uint32_t inode, long long bytes)
{
	struct sockdiag_socket *socket = array_append(&diag->sockets,
						      &diag->n_sockets,
						      sizeof(*socket));

	assert_non_null(socket);
	*socket = (struct sockdiag_socket){
		.cookie = diag->n_sockets,
		.netns = NETNS,
		.inode = inode,
		.forward_alloc_bytes = bytes,
	};
	assert_true(endpoint_parse(&socket->local, local));
	assert_true(endpoint_parse(&socket->remote, remote));
}

void sight_of_books(struct sockdiag *diag, const struct books *books)
{
	unsigned int *netns;

	*diag = (struct sockdiag){ 0 };
	netns = array_append(&diag->namespaces, &diag->n_namespaces,
			     sizeof(*netns));
	assert_non_null(netns);
	*netns = NETNS;
	for (size_t i = 0; i < books->n_sockets; i++) {
		const struct books_socket *socket = &books->sockets[i];

		if (strcmp(socket->state, "CLOSE") != 0 &&
		    socket->netns == NETNS)
			sight_add(diag, socket->local, socket->remote,
				  (uint32_t)socket->inode,
				  socket->charged_bytes);
	}
}
