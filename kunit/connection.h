/* SPDX-License-Identifier: GPL-2.0-only */
/* A connection between the subject of a scene and its peer. */
#ifndef SKBAL_CONNECTION_H
#define SKBAL_CONNECTION_H

struct skbal_endpoint;
struct skbal_scene;

/** skbal_connection_listen() - have somebody listen
 * @window: bytes that will fit into the peer's receive queue; 0: the default
 */
int skbal_connection_listen(struct skbal_scene *scene, int backlog, int window);

/** skbal_connection_make() - connect the subject, which the peer accepts
 * @window: as above
 */
int skbal_connection_make(struct skbal_scene *scene, int window);

/** skbal_connection_hurry() - have a socket's timers run out soon */
void skbal_connection_hurry(struct skbal_endpoint *end);

#endif /* SKBAL_CONNECTION_H */
