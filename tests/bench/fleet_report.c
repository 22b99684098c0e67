/* See fleet_report.h: the text. */
#include "fleet_report.h"

#include <inttypes.h>

static void print_share(FILE *to, const char *name, const fleet_share *share)
{
    fprintf(to, "%-10s %7zu %7zu %7zu %7zu %9zu %7zu %7zu %9" PRId64 " %9" PRId64 " %9" PRId64 "\n", name,
            share->wanted, share->issued, share->first_cycle, share->lost, share->setbacks, share->repeats,
            share->polls, share->p50_ms, share->p99_ms, share->max_ms);
}

static void print_platforms(const fleet_report *report, FILE *to)
{
    const fleet_summary *summary = &report->summary;
    fprintf(to, "\n                    certificates                                        from profile to "
                "certificate, ms\n"
                "platform    wanted  issued 1st cyc    lost  setbacks repeats   polls       p50       p99"
                "       max\n");
    for (size_t i = 0; i < FLEET_PLATFORMS; i++)
        if (summary->platforms[i].wanted > 0)
            print_share(to, fleet_rules_of((fleet_platform)i)->name, &summary->platforms[i]);
    print_share(to, "all", &summary->all);
    for (uint32_t i = 0; report->waves > 0 && i <= report->waves; i++) {
        char name[32];
        snprintf(name, sizeof name, i == 0 ? "first" : "renewal %u", i);
        print_share(to, name, &summary->waves[i]);
    }
}

static void print_urls(const fleet_report *report, FILE *to)
{
    fprintf(to, "\n issued  setbacks  p50, ms  p99, ms  URL\n");
    for (size_t i = 0; i < report->urls->count; i++) {
        const fleet_share *share = &report->summary.urls[i];
        fprintf(to, "%7zu %9zu %8" PRId64 " %8" PRId64 "  %s\n", share->issued, share->setbacks,
                share->p50_ms, share->p99_ms, report->urls->urls[i]);
    }
    if (report->summary.setbacks_without_url > 0)
        fprintf(to, "        %9zu                    (Intune had no profile)\n",
                report->summary.setbacks_without_url);
}

static void print_causes(const fleet_report *report, FILE *to)
{
    if (report->summary.cause_count == 0)
        return;
    fprintf(to, "\nsetbacks     lost  why\n");
    for (size_t i = 0; i < report->summary.cause_count; i++)
        fprintf(to, "%8zu %8zu  %s\n", report->summary.causes[i].setbacks, report->summary.causes[i].losses,
                report->summary.causes[i].reason);
}

void fleet_report_print(const fleet_report *report, FILE *to)
{
    const fleet_summary *summary = &report->summary;
    double rate = summary->seconds > 0 ? (double)summary->all.issued / summary->seconds : 0;
    fprintf(to,
            "iscep-bench fleet: %u devices, seed %" PRIu64 ", %zu URLs: %zu of %zu certificates in %.1f s, "
            "%.0f/s%s\n",
            report->devices, report->seed, report->urls->count, summary->all.issued, summary->all.wanted,
            summary->seconds, rate, report->is_interrupted ? ". INTERRUPTED" : "");
    print_platforms(report, to);
    print_urls(report, to);
    print_causes(report, to);
}
