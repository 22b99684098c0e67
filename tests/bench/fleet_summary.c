/* See fleet_summary.h. */
#include "fleet_summary.h"

#include <stdlib.h>
#include <string.h>

#include "stats.h"

/* --- times --- */

typedef bool (*is_of)(const fleet_certificate *certificate, uint32_t what);

static bool is_any(const fleet_certificate *certificate, uint32_t what)
{
    (void)certificate, (void)what;
    return true;
}

static bool is_of_platform(const fleet_certificate *certificate, uint32_t what)
{
    return certificate->who.platform == what;
}

static bool is_of_url(const fleet_certificate *certificate, uint32_t what)
{
    return certificate->url == what;
}

static bool is_of_wave(const fleet_certificate *certificate, uint32_t what)
{
    return certificate->who.wave == what;
}

/* Everything that the certificates themselves say. room: for as many numbers as there are certificates. */
static void sum_certificates(fleet_share *out, const fleet_events *events, is_of is_in, uint32_t what,
                             int64_t *room)
{
    for (size_t i = 0; i < events->certificate_count; i++) {
        const fleet_certificate *certificate = &events->certificates[i];
        if (!is_in(certificate, what))
            continue;
        room[out->issued++] = certificate->took_ms;
        out->first_cycle += certificate->who.cycle == 1;
        out->repeats += certificate->tries - 1;
        out->polls += certificate->polls;
    }
    if (out->issued == 0)
        return;
    bench_sort(room, out->issued);
    out->p50_ms = bench_percentile(room, out->issued, 50);
    out->p99_ms = bench_percentile(room, out->issued, 99);
    out->max_ms = room[out->issued - 1];
}

/* --- what failed --- */

static fleet_cause *cause_of(fleet_summary *out, const char *reason)
{
    for (size_t i = 0; i < out->cause_count; i++)
        if (strcmp(out->causes[i].reason, reason) == 0)
            return &out->causes[i];
    if (out->cause_count >= FLEET_MAX_CAUSES - 1 && strcmp(reason, "other") != 0)
        return cause_of(out, "other");
    fleet_cause *cause = &out->causes[out->cause_count++];
    iscep_text_copy(cause->reason, sizeof cause->reason, reason);
    return cause;
}

static int compare_causes(const void *a, const void *b)
{
    const fleet_cause *left = a, *right = b;
    size_t l = left->setbacks + left->losses, r = right->setbacks + right->losses;
    return l != r ? (l < r) - (l > r) : strcmp(left->reason, right->reason);
}

static void sum_failures(fleet_summary *out, const fleet_events *events)
{
    for (size_t i = 0; i < events->setback_count; i++) {
        const fleet_setback *setback = &events->setbacks[i];
        out->all.setbacks++;
        out->platforms[setback->who.platform].setbacks++;
        out->waves[setback->who.wave].setbacks++;
        if (setback->url == FLEET_NO_URL)
            out->setbacks_without_url++;
        else
            out->urls[setback->url].setbacks++;
        cause_of(out, setback->reason)->setbacks++;
    }
    for (size_t i = 0; i < events->loss_count; i++) {
        const fleet_loss *loss = &events->losses[i];
        out->all.lost++;
        out->platforms[loss->who.platform].lost++;
        out->waves[loss->who.wave].lost++;
        cause_of(out, loss->reason)->losses++;
    }
    qsort(out->causes, out->cause_count, sizeof *out->causes, compare_causes);
}

iscep_status fleet_summary_make(fleet_summary *out, const fleet_events *events, iscep_error *err)
{
    *out = (fleet_summary){.seconds = (double)(events->ended_unix_ms - events->begun_unix_ms) / 1000};
    int64_t *room = calloc(events->certificate_count + 1, sizeof *room);
    if (room == NULL)
        return iscep_error_nomem(err);
    sum_certificates(&out->all, events, is_any, 0, room);
    for (uint32_t i = 0; i < FLEET_PLATFORMS; i++) {
        sum_certificates(&out->platforms[i], events, is_of_platform, i, room);
        out->platforms[i].wanted = events->wanted[i];
        out->all.wanted += events->wanted[i];
    }
    for (uint32_t i = 0; i < FLEET_MAX_URLS; i++)
        sum_certificates(&out->urls[i], events, is_of_url, i, room);
    for (uint32_t i = 0; i <= FLEET_MAX_WAVES; i++)
        sum_certificates(&out->waves[i], events, is_of_wave, i, room);
    sum_failures(out, events);
    for (uint32_t i = 0; i <= FLEET_MAX_WAVES; i++)
        out->waves[i].wanted = out->waves[i].issued + out->waves[i].lost;
    free(room);
    return ISCEP_OK;
}

/* --- over time --- */

void fleet_series_make(fleet_series *out, const fleet_events *events)
{
    static const int64_t widths_ms[] = {250, 1000, 5000, 15000, 60000, 300000, 3600000};
    int64_t span_ms = events->ended_unix_ms - events->begun_unix_ms;
    size_t width = 0;
    while (width + 1 < sizeof widths_ms / sizeof *widths_ms && span_ms / widths_ms[width] >= FLEET_MAX_SLICES)
        width++;
    *out = (fleet_series){.slice_ms = widths_ms[width], .count = (size_t)(span_ms / widths_ms[width]) + 1};
    if (out->count > FLEET_MAX_SLICES)
        out->count = FLEET_MAX_SLICES;
    for (size_t i = 0; i < events->certificate_count; i++) {
        size_t at = (size_t)((events->certificates[i].at_unix_ms - events->begun_unix_ms) / out->slice_ms);
        if (at < out->count)
            out->issued[at][events->certificates[i].who.platform]++;
    }
    for (size_t i = 0; i < events->setback_count; i++) {
        size_t at = (size_t)((events->setbacks[i].at_unix_ms - events->begun_unix_ms) / out->slice_ms);
        if (at < out->count)
            out->setbacks[at]++;
    }
}
