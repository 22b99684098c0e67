/*
 * The storm's askers: threads that share two instances, and each of them in turn asks blocking and not, asks several at a time,
 * cancels, forks, opens and closes instances of its own. Every question is asked until it has its answer, so that the tallies
 * are exact.
 */
#ifndef TESTS_ABI_STORM_CROWD_H
#define TESTS_ABI_STORM_CROWD_H

#include <stdatomic.h>

#include "storm_question.h"
#include "storm_weather.h"

#define STORM_INSTANCES 2

/* Shared with the children that the threads fork. */
typedef struct storm_tally {
    atomic_ulong asked;   /* questions begun */
    atomic_ulong right;   /* questions that were answered as they had to be */
    atomic_ulong allowed; /* of these with ALLOW */
    atomic_ulong cancelled;
    atomic_ulong wrong;
    atomic_ulong asked_again; /* because of the weather */
    atomic_ulong forks;
    atomic_ulong lost_children; /* did not end by themselves with 0 */
    atomic_ulong revocations;   /* that an instance had us carry out */
} storm_tally;

typedef struct storm_crowd {
    const scep_plugin *plugin;
    const char *socket_path;
    scep_instance *instances[STORM_INSTANCES];
    const storm_weather *weather;
    unsigned threads;
    unsigned rounds;   /* each thread does each thing so often */
    unsigned restarts; /* and goes on until the connector was started so often; 0: the weather is calm */
    storm_tally *tally;
} storm_crowd;

void storm_crowd_open(storm_crowd *crowd);
/* Starts the threads and waits for all of them. */
void storm_crowd_run(const storm_crowd *crowd);
void storm_crowd_close(storm_crowd *crowd);

#endif
