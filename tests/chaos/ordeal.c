/* See ordeal.h. */
#include "ordeal.h"

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "weather.h"

enum {
    REVOCATION_PERCENT = 70,
    MAX_REVOCATIONS = 3,
    MIN_REVOCATIONS = 3, /* in all */
    MAX_TRIES = 300,
    TRY_EVERY_MS = 100,
    LINE_EVERY = 10,
    HOST_PERCENT = 12,
    MAX_LIFE_MS = 800
};

/* Intune wants a certificate revoked that it knows of; perhaps one for which it has asked before. */
static iscep_status ask_for_revocation(chaos_ordeal *ordeal, iscep_error *err)
{
    char transaction_id[CHAOS_TRANSACTION_SIZE];
    ISCEP_AUTO_BUF wish;
    ISCEP_AUTO_JSON *reply = NULL;
    int64_t queued = 0;
    iscep_buf_init(&wish, 256);
    if (!chaos_fleet_pick(ordeal->fleet, &ordeal->random, transaction_id))
        return ISCEP_OK;
    iscep_buf_printf(&wish, "{\"transactionId\":\"%s\"}", transaction_id);
    iscep_status status =
        chaos_intune_ask(&reply, &ordeal->intune, "POST", "/revocations", iscep_buf_text(&wish), err);
    if (status == ISCEP_OK && iscep_json_int(reply, "queued", &queued))
        ordeal->revocations_asked += queued;
    return status;
}

static iscep_status ask_for_revocations(chaos_ordeal *ordeal, iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    int32_t count = chance_has(&ordeal->random, REVOCATION_PERCENT)
                        ? chance_between(&ordeal->random, 1, MAX_REVOCATIONS)
                        : 0;
    for (int32_t i = 0; i < count && status == ISCEP_OK; i++)
        status = ask_for_revocation(ordeal, err);
    return status;
}

/* One line that is written over, or, where nobody looks, a line now and then. */
static void show_progress(chaos_ordeal *ordeal, uint32_t kill, const char *phase, const char *forecast)
{
    bool is_terminal = isatty(STDOUT_FILENO) == 1;
    if (!is_terminal && kill % LINE_EVERY != 0 && kill != ordeal->kills)
        return;
    chaos_fleet_counts counts = chaos_fleet_count(ordeal->fleet);
    printf("%s%s: kill %u/%u %s; %lld devices, %lld certificates, %lld withheld, %lld revocations; %.60s%s",
           is_terminal ? "\r\033[K" : "", ordeal->title, kill, ordeal->kills, phase, (long long)counts.begun,
           (long long)counts.delivered, (long long)counts.withheld, (long long)ordeal->revocations_asked,
           forecast[0] != '\0' ? forecast : "calm", is_terminal && kill != ordeal->kills ? "" : "\n");
    fflush(stdout);
}

/* It forgets its transactions; what it had issued and reported is the connector's to know. */
static iscep_status kill_host(chaos_ordeal *ordeal, iscep_error *err)
{
    chaos_program_kill(ordeal->host);
    iscep_status status = chaos_program_start(ordeal->host, err);
    return status == ISCEP_OK ? chaos_program_await(ordeal->host, err) : status;
}

/* Until it works, and mostly for a while longer: the next kill must not always be the end of the first request. */
static iscep_status let_live(chaos_ordeal *ordeal, iscep_error *err)
{
    iscep_status status = chaos_program_await(ordeal->connector, err);
    poll(NULL, 0, chance_between(&ordeal->random, 0, MAX_LIFE_MS));
    return status;
}

static iscep_status kill_once(chaos_ordeal *ordeal, uint32_t kill, iscep_error *err)
{
    char forecast[CHAOS_FORECAST_SIZE];
    const char *phase = chaos_aim_choose(ordeal->aim, &ordeal->random);
    iscep_status status = ISCEP_OK;
    if (!chaos_aim_is_start(ordeal->aim))
        status = let_live(ordeal, err);
    if (status == ISCEP_OK)
        status = chaos_weather_change(forecast, &ordeal->intune, &ordeal->random, err);
    if (status == ISCEP_OK)
        status = ask_for_revocations(ordeal, err);
    if (status != ISCEP_OK)
        return status;
    chaos_aim_wait(ordeal->aim, &ordeal->random);
    chaos_program_kill(ordeal->connector);
    show_progress(ordeal, kill, phase, forecast);
    status = chaos_program_start(ordeal->connector, err);
    return status == ISCEP_OK && chance_has(&ordeal->random, HOST_PERCENT) ? kill_host(ordeal, err) : status;
}

/* However short the ordeal was: there is something to judge. */
static iscep_status ask_for_a_few(chaos_ordeal *ordeal, iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    for (int i = 0; ordeal->revocations_asked < MIN_REVOCATIONS && i < MAX_TRIES && status == ISCEP_OK; i++) {
        status = ask_for_revocation(ordeal, err);
        poll(NULL, 0, TRY_EVERY_MS);
    }
    return status;
}

iscep_status chaos_ordeal_run(chaos_ordeal *ordeal, iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    for (uint32_t kill = 1; kill <= ordeal->kills && status == ISCEP_OK; kill++)
        status = kill_once(ordeal, kill, err);
    if (status == ISCEP_OK)
        status = chaos_weather_calm(&ordeal->intune, err);
    if (status == ISCEP_OK)
        status = chaos_program_await(ordeal->connector, err);
    return status == ISCEP_OK ? ask_for_a_few(ordeal, err) : status;
}
