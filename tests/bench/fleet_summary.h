/* What a run of the fleet comes to: sums and order statistics of its record. */
#ifndef BENCH_FLEET_SUMMARY_H
#define BENCH_FLEET_SUMMARY_H

#include "fleet_record.h"

#define FLEET_MAX_WAVES  100
#define FLEET_MAX_CAUSES 32

/* Of all, of one platform, of one URL, or of one wave. What makes no sense there is 0: nobody wants a certificate of a URL. */
typedef struct fleet_share {
    size_t wanted;
    size_t issued;
    size_t first_cycle; /* of them, in the first policy cycle */
    size_t lost;        /* devices that ended without */
    size_t setbacks;
    size_t repeats; /* attempts after the first, of those that were issued */
    size_t polls;   /* of those that were issued */
    int64_t p50_ms; /* from the profile to the certificate; 0 without any */
    int64_t p99_ms;
    int64_t max_ms;
} fleet_share;

typedef struct fleet_cause {
    char reason[FLEET_REASON_SIZE];
    size_t setbacks;
    size_t losses; /* devices that ended so */
} fleet_cause;

typedef struct fleet_summary {
    double seconds;
    fleet_share all;
    fleet_share platforms[FLEET_PLATFORMS];
    fleet_share urls[FLEET_MAX_URLS];
    fleet_share waves[FLEET_MAX_WAVES + 1]; /* 0: the first enrolment */
    size_t setbacks_without_url;
    fleet_cause causes[FLEET_MAX_CAUSES]; /* the most frequent first; what does not fit is "other" */
    size_t cause_count;
} fleet_summary;

iscep_status fleet_summary_make(fleet_summary *out, const fleet_events *events,
                                iscep_error *err) ISCEP_CHECKED;

/* Over time: so many certificates and setbacks in each slice. */
#define FLEET_MAX_SLICES 120
typedef struct fleet_series {
    int64_t slice_ms;
    size_t count;
    uint32_t issued[FLEET_MAX_SLICES][FLEET_PLATFORMS];
    uint32_t setbacks[FLEET_MAX_SLICES];
} fleet_series;

/* In the finest slices that fit. */
void fleet_series_make(fleet_series *out, const fleet_events *events);

#endif
