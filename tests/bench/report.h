/* What was found: tables for people, or one JSON document. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "results.h"

void bench_report_print(const bench_results *results, FILE *to);
/* Whole numbers only; each member's name tells its unit. */
iscep_status bench_report_emit_json(iscep_buf *out, const bench_results *results,
                                    iscep_error *err) ISCEP_CHECKED;

#endif
