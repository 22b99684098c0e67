/* See fleet_report.h: one JSON document. Certificates are in a file of their own (fleet_record.h). */
#include "base/json.h"
#include "fleet_report.h"

static void add_share(iscep_json *to, const fleet_share *share)
{
    iscep_json_add_int(to, "wanted", (int64_t)share->wanted);
    iscep_json_add_int(to, "issued", (int64_t)share->issued);
    iscep_json_add_int(to, "firstCycle", (int64_t)share->first_cycle);
    iscep_json_add_int(to, "lost", (int64_t)share->lost);
    iscep_json_add_int(to, "setbacks", (int64_t)share->setbacks);
    iscep_json_add_int(to, "repeats", (int64_t)share->repeats);
    iscep_json_add_int(to, "polls", (int64_t)share->polls);
    iscep_json_add_int(to, "p50Ms", share->p50_ms);
    iscep_json_add_int(to, "p99Ms", share->p99_ms);
    iscep_json_add_int(to, "maxMs", share->max_ms);
}

static void add_shares(iscep_json *to, const fleet_report *report)
{
    const fleet_summary *summary = &report->summary;
    add_share(iscep_json_add_object(to, "all"), &summary->all);
    iscep_json *platforms = iscep_json_add_object(to, "platforms");
    for (size_t i = 0; i < FLEET_PLATFORMS; i++)
        if (summary->platforms[i].wanted > 0)
            add_share(iscep_json_add_object(platforms, fleet_rules_of((fleet_platform)i)->name),
                      &summary->platforms[i]);
    iscep_json *urls = iscep_json_add_array(to, "urls");
    for (size_t i = 0; i < report->urls->count; i++) {
        iscep_json *url = iscep_json_append_object(urls);
        iscep_json_add_text(url, "url", report->urls->urls[i]);
        iscep_json_add_int(url, "issued", (int64_t)summary->urls[i].issued);
        iscep_json_add_int(url, "setbacks", (int64_t)summary->urls[i].setbacks);
        iscep_json_add_int(url, "p50Ms", summary->urls[i].p50_ms);
        iscep_json_add_int(url, "p99Ms", summary->urls[i].p99_ms);
    }
    iscep_json *waves = iscep_json_add_array(to, "waves");
    for (size_t i = 0; i <= report->waves; i++)
        add_share(iscep_json_append_object(waves), &summary->waves[i]);
}

static void add_causes(iscep_json *to, const fleet_report *report)
{
    iscep_json *causes = iscep_json_add_array(to, "causes");
    for (size_t i = 0; i < report->summary.cause_count; i++) {
        iscep_json *cause = iscep_json_append_object(causes);
        iscep_json_add_text(cause, "reason", report->summary.causes[i].reason);
        iscep_json_add_int(cause, "setbacks", (int64_t)report->summary.causes[i].setbacks);
        iscep_json_add_int(cause, "lost", (int64_t)report->summary.causes[i].losses);
    }
}

static void add_subject(iscep_json *to, const fleet_subject *who)
{
    iscep_json_add_text(to, "device", who->name);
    iscep_json_add_text(to, "platform", fleet_rules_of(who->platform)->name);
    iscep_json_add_int(to, "wave", who->wave);
    iscep_json_add_int(to, "cycle", who->cycle);
}

/* Who met what, for judges that must know which device was handed which URL. */
static void add_failures(iscep_json *to, const fleet_report *report)
{
    const fleet_events *events = &report->events;
    iscep_json *setbacks = iscep_json_add_array(to, "setbackList");
    for (size_t i = 0; i < events->setback_count; i++) {
        const fleet_setback *setback = &events->setbacks[i];
        iscep_json *object = iscep_json_append_object(setbacks);
        add_subject(object, &setback->who);
        iscep_json_add_text(object, "url",
                            setback->url == FLEET_NO_URL ? NULL : report->urls->urls[setback->url]);
        iscep_json_add_int(object, "atUnixMs", setback->at_unix_ms);
        iscep_json_add_text(object, "reason", setback->reason);
    }
    iscep_json *losses = iscep_json_add_array(to, "lostList");
    for (size_t i = 0; i < events->loss_count; i++) {
        iscep_json *object = iscep_json_append_object(losses);
        add_subject(object, &events->losses[i].who);
        iscep_json_add_text(object, "reason", events->losses[i].reason);
    }
}

static void add_series(iscep_json *to, const fleet_report *report)
{
    const fleet_series *series = &report->series;
    iscep_json *object = iscep_json_add_object(to, "series");
    iscep_json_add_int(object, "sliceMs", series->slice_ms);
    for (size_t i = 0; i < FLEET_PLATFORMS; i++) {
        if (report->summary.platforms[i].wanted == 0)
            continue;
        iscep_json *line = iscep_json_add_array(object, fleet_rules_of((fleet_platform)i)->name);
        for (size_t at = 0; at < series->count; at++)
            iscep_json_append_int(line, series->issued[at][i]);
    }
    iscep_json *setbacks = iscep_json_add_array(object, "setbacks");
    for (size_t at = 0; at < series->count; at++)
        iscep_json_append_int(setbacks, series->setbacks[at]);
    iscep_json *marks = iscep_json_add_array(to, "marks");
    for (size_t i = 0; i < report->marks.count; i++) {
        iscep_json *mark = iscep_json_append_object(marks);
        iscep_json_add_int(mark, "atUnixMs", report->marks.marks[i].at_unix_ms);
        iscep_json_add_text(mark, "text", report->marks.marks[i].text);
    }
}

iscep_status fleet_report_emit_json(iscep_buf *out, const fleet_report *report, iscep_error *err)
{
    ISCEP_AUTO_JSON *json = iscep_json_new_object();
    iscep_json_add_int(json, "devices", report->devices);
    iscep_json_add_int(json, "seed", (int64_t)report->seed);
    iscep_json_add_bool(json, "isInterrupted", report->is_interrupted);
    iscep_json_add_int(json, "begunUnixMs", report->events.begun_unix_ms);
    iscep_json_add_int(json, "endedUnixMs", report->events.ended_unix_ms);
    iscep_json_add_number(json, "seconds", report->summary.seconds);
    add_shares(json, report);
    add_causes(json, report);
    add_series(json, report);
    add_failures(json, report);
    return iscep_json_emit(out, json, err);
}
