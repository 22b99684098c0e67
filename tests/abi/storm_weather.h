/*
 * A process that keeps the storm's connector running, and in bad weather kills it every now and then, with its socket left
 * behind or taken away, and starts it anew after a while.
 */
#ifndef TESTS_ABI_STORM_WEATHER_H
#define TESTS_ABI_STORM_WEATHER_H

#include <stdbool.h>
#include <sys/types.h>

#include "storm_connector.h"

typedef struct storm_weather {
    pid_t keeper;
    int command;                      /* a pipe to the keeper; it ends with us */
    storm_connector_state *connector; /* shared */
} storm_weather;

/* Calm, with the connector listening. Before any thread is started: the keeper is forked. */
void storm_weather_begin(storm_weather *out, const char *socket_path);
/* From now on the connector is restarted. */
void storm_weather_turn_bad(storm_weather *weather);
/* Kills both. */
void storm_weather_end(storm_weather *weather);

#endif
