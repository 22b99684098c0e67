/* Faults of the cloud that come and go. Each passes by itself; calm ends all. */
#ifndef CHAOS_WEATHER_H
#define CHAOS_WEATHER_H

#include "intune.h"
#include "tests/support/chance.h"

enum { CHAOS_FORECAST_SIZE = 128 };

/* Perhaps plants a fault or two. forecast: what was planted, for a person; empty if nothing. */
iscep_status chaos_weather_change(char forecast[CHAOS_FORECAST_SIZE], const chaos_intune *intune,
                                  chance *random, iscep_error *err) ISCEP_CHECKED;
iscep_status chaos_weather_calm(const chaos_intune *intune, iscep_error *err) ISCEP_CHECKED;

#endif
