/* The report of a run: as text for people, as JSON with everything, as a chart. */
#ifndef BENCH_FLEET_REPORT_H
#define BENCH_FLEET_REPORT_H

#include <stdio.h>

#include "fleet_marks.h"
#include "fleet_profile.h"
#include "fleet_summary.h"

typedef struct fleet_report {
    uint32_t devices;
    uint64_t seed;
    uint32_t waves; /* of renewal */
    bool is_interrupted;
    const fleet_urls *urls;
    fleet_events events;
    fleet_summary summary;
    fleet_series series;
    fleet_marks marks;
} fleet_report;

#define FLEET_MAX_DOCUMENT_LEN (256u * 1024u * 1024u)

void fleet_report_print(const fleet_report *report, FILE *to);
iscep_status fleet_report_emit_json(iscep_buf *out, const fleet_report *report,
                                    iscep_error *err) ISCEP_CHECKED;
/* Certificates per second over time, a colour a platform; setbacks below; marks as lines. */
iscep_status fleet_report_emit_svg(iscep_buf *out, const fleet_report *report,
                                   iscep_error *err) ISCEP_CHECKED;

#endif
