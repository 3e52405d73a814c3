/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SKBALANCE_SCENARIOS_H
#define SKBALANCE_SCENARIOS_H

#include "../scenario.h"

extern const struct scenario linger0_frozen_peer;
extern const struct scenario linger1_frozen_peer;
extern const struct scenario linger_off_frozen_peer;
extern const struct scenario linger0_empty_write_queue;
extern const struct scenario accept_queue_close_wait;
extern const struct scenario persistent_server;
extern const struct scenario persistent_server_linger1;
extern const struct scenario shared_descriptors;
extern const struct scenario zerocopy_frozen_peer;
extern const struct scenario error_queue_unread;
extern const struct scenario udp_full_receive_buffer;
extern const struct scenario udp_error_queue;
extern const struct scenario udp_close_with_data;
extern const struct scenario udp_bad_checksum;
extern const struct scenario udp_multicast;
extern const struct scenario udp_other_ends;
extern const struct scenario udp_segments;
extern const struct scenario udp_huge_buffer;
extern const struct scenario udp_slow_device;
extern const struct scenario udp_memory_limit;
extern const struct scenario udplite_full_receive_buffer;
extern const struct scenario udplite_error_queue;
extern const struct scenario udplite_close_with_data;
extern const struct scenario udplite_huge_buffer;
extern const struct scenario udplite_slow_device;
extern const struct scenario sctp_load;
extern const struct scenario sctp_frozen_peer;
extern const struct scenario sctp_moved_data;
extern const struct scenario sctp_large_messages;
extern const struct scenario sctp_partial_delivery_event;
extern const struct scenario mptcp_frozen_peer;
extern const struct scenario mptcp_accept_queue;
extern const struct scenario mptcp_closed_subflows;
extern const struct scenario mptcp_two_subflows;
extern const struct scenario mixed_load;
extern const struct scenario tcp_io_uring_zerocopy;
extern const struct scenario tcp_splice_sendfile;
extern const struct scenario tcp_out_of_order;
extern const struct scenario tcp_urgent_data;
extern const struct scenario tcp_ways_to_read;
extern const struct scenario tcp_ipv6_options;
extern const struct scenario tcp_address_form;
extern const struct scenario udp_address_form;
extern const struct scenario tcp_lossy_link;
extern const struct scenario tcp_many_closes;
extern const struct scenario tcp_closing_listener;
extern const struct scenario tcp_stopped_listener;
extern const struct scenario tcp_migrated_children;
extern const struct scenario bulk_transfer;
extern const struct scenario tcp_mtu_probe;
extern const struct scenario tcp_other_ends;
extern const struct scenario tcp_timers;
extern const struct scenario tcp_icmp_errors;
extern const struct scenario tcp_self_connected;
extern const struct scenario tcp_memory_limit;
extern const struct scenario tcp_memory_pressure;
extern const struct scenario namespaces;
extern const struct scenario tcp_orphan_states;
extern const struct scenario tcp_orphan_timeout;
extern const struct scenario cgroups;
extern const struct scenario limited_cgroups;
extern const struct scenario tcp_fastopen;
extern const struct scenario tcp_syn_cookies;
extern const struct scenario tcp_pending_requests;
extern const struct scenario tcp_reserved_memory;
extern const struct scenario tcp_ktls;
extern const struct scenario tcp_ktls_receive;
extern const struct scenario tcp_sockmap;
extern const struct scenario tcp_sockmap_verdicts;
extern const struct scenario tcp_sockmap_ingress;
extern const struct scenario tcp_sockmap_race;
extern const struct scenario scm_rights;
extern const struct scenario io_uring_registered;
extern const struct scenario mmapped_socket;
extern const struct scenario blocked_syscall;
extern const struct scenario bypassed_sockets;
extern const struct scenario kernel_sockets;
extern const struct scenario udp_kernel_sockets;
extern const struct scenario kernel_connections;

#endif
