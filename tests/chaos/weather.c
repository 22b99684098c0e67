/* See weather.h. */
#include "weather.h"

#include <stdio.h>
#include <string.h>

enum { CALM_PERCENT = 35, SECOND_PERCENT = 30, OUTAGE_PERCENT = 12, PROCESSED_PERCENT = 50 };

/* Every endpoint, those more often where there is more to lose. */
static const char *const endpoints[] = {"success", "success", "success", "validate",  "validate", "download",
                                        "upload",  "upload",  "token",   "discovery", "all"};

static const char *const kinds[] = {
    "\"kind\":\"latency\"",
    "\"kind\":\"status\",\"status\":503",
    "\"kind\":\"status\",\"status\":429,\"retryAfter\":1",
    "\"kind\":\"cut\"",
    "\"kind\":\"reset\"",
    "\"kind\":\"truncate\"",
    "\"kind\":\"html\"",
};

#define COUNT(array) ((int32_t)(sizeof(array) / sizeof((array)[0])))

/* For a moment; now and then for longer than a caller waits. */
static int32_t duration_ms(chance *random)
{
    return chance_has(random, OUTAGE_PERCENT) ? chance_between(random, 1500, 3000)
                                              : chance_between(random, 50, 500);
}

static iscep_status plant(char forecast[CHAOS_FORECAST_SIZE], const chaos_intune *intune, chance *random,
                          iscep_error *err)
{
    const char *endpoint = endpoints[chance_between(random, 0, COUNT(endpoints) - 1)];
    int32_t kind = chance_between(random, 0, COUNT(kinds) - 1);
    int32_t latency_ms = chance_between(random, 0, 150);
    int32_t for_ms = duration_ms(random);
    bool is_processed = chance_has(random, PROCESSED_PERCENT);
    ISCEP_AUTO_BUF fault;
    ISCEP_AUTO_JSON *reply = NULL;
    iscep_buf_init(&fault, 512);
    iscep_buf_printf(&fault, "{\"endpoint\":\"%s\",%s,\"latencyMs\":%d,\"forMs\":%d,\"processed\":%s}",
                     endpoint, kinds[kind], latency_ms, for_ms, is_processed ? "true" : "false");
    snprintf(forecast, CHAOS_FORECAST_SIZE, "%s", iscep_buf_text(&fault));
    return chaos_intune_ask(&reply, intune, "POST", "/faults", iscep_buf_text(&fault), err);
}

iscep_status chaos_weather_change(char forecast[CHAOS_FORECAST_SIZE], const chaos_intune *intune,
                                  chance *random, iscep_error *err)
{
    forecast[0] = '\0';
    if (chance_has(random, CALM_PERCENT))
        return ISCEP_OK;
    iscep_status status = plant(forecast, intune, random, err);
    if (status == ISCEP_OK && chance_has(random, SECOND_PERCENT))
        status = plant(forecast, intune, random, err);
    return status;
}

iscep_status chaos_weather_calm(const chaos_intune *intune, iscep_error *err)
{
    ISCEP_AUTO_JSON *reply = NULL;
    return chaos_intune_ask(&reply, intune, "DELETE", "/faults", NULL, err);
}
