// SPDX-License-Identifier: GPL-2.0-only
#include <net/sock.h>
#include <net/tcp.h>

#include "connection.h"
#include "scene.h"

void skbal_connection_hurry(struct skbal_endpoint *end)
{
	lock_sock(end->sk);
	inet_csk(end->sk)->icsk_rto_min = HZ / 50;
	inet_csk(end->sk)->icsk_rto = HZ / 50;
	/* in FIN_WAIT2, for at least some retransmission timeouts */
	tcp_sk(end->sk)->linger2 = HZ / 50;
	release_sock(end->sk);
}

int skbal_connection_listen(struct skbal_scene *scene, int backlog, int window)
{
	int err = skbal_scene_make(scene, SOCK_STREAM, &scene->listener);

	if (err)
		return err;
	if (window)
		sock_set_rcvbuf(scene->listener->sk, window);
	return skbal_scene_step(scene, skbal_endpoint_listen(scene->listener,
							     backlog));
}

static int connect_subject(struct skbal_scene *scene)
{
	int err = skbal_scene_make(scene, SOCK_STREAM, &scene->subject) ?:
		  skbal_scene_step(scene,
				   skbal_endpoint_connect(scene->subject,
							  scene->listener, 0));

	if (err)
		return err;
	skbal_wire_watch(&scene->wire, scene->subject->sk);
	skbal_connection_hurry(scene->subject);
	return 0;
}

static int accept_peer(struct skbal_scene *scene)
{
	struct skbal_endpoint *peer = skbal_scene_add(scene);
	int err;

	if (!peer)
		return -ENOSPC;
	err = skbal_scene_step(scene, skbal_endpoint_accept(peer,
							    scene->listener));
	if (err)
		return err;
	scene->peer = peer;
	skbal_connection_hurry(peer);
	return 0;
}

int skbal_connection_make(struct skbal_scene *scene, int window)
{
	return skbal_connection_listen(scene, 8, window) ?:
	       connect_subject(scene) ?:
	       accept_peer(scene);
}
