/* What was found of a database that nodes share, for report.h's tables and document. */
#ifndef BENCH_REPORT_SHARED_H
#define BENCH_REPORT_SHARED_H

#include <stdio.h>

#include "base/json.h"
#include "results.h"

void bench_report_print_database(const bench_database *found, FILE *to);
void bench_report_print_nodes(const bench_nodes *found, FILE *to);
void bench_report_print_scaling(const bench_scaling *found, FILE *to);

void bench_report_add_database(iscep_json *json, const bench_database *found);
void bench_report_add_nodes(iscep_json *json, const bench_nodes *found);
void bench_report_add_scaling(iscep_json *json, const bench_scaling *found);

void bench_report_add_spread(iscep_json *json, const char *name, const bench_spread *spread);

#endif
