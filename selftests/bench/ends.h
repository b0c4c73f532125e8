/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The two ends of traffic: namespaces, processes, addresses and sockets. All end the program with a message at an error.
 */
#ifndef BENCH_ENDS_H
#define BENCH_ENDS_H

#include <netinet/in.h>
#include <stdint.h>
#include <sys/types.h>

/* TEXT as a number; WHAT names it in the message. */
uint64_t number(const char *what, const char *text, uint64_t low, uint64_t high);

/* TRAFFIC_PORT, or the default. */
uint16_t ends_port(void);

/* A network namespace, by its name in /run/netns. */
void enter(const char *name);

/* As fork(); the child is in that namespace, and is killed when this process ends. */
pid_t fork_into(const char *name);
void end_child(pid_t pid);

/* TEXT is ADDRESS, or FIRST+STRIDE for one of many. */
struct sockaddr_in target(const char *text, unsigned int which);

int make_socket(int type);
void set_option(int fd, int level, int option, int value);

/* UDP, at the port, with a large buffer; recv() fails after two seconds without a datagram. */
int receiver_socket(void);

uint64_t *times_for(uint64_t count);
void sort_times(uint64_t *times, uint64_t count);

#endif
