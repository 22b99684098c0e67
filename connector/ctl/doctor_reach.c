/*
 * doctor's steps on the way out: see doctor.h. Entra ID and Graph are each looked at once (net/http_probe.h), by the
 * first step; each of the following steps tells its part of what was seen.
 */
#include "ctl/doctor.h"

#include <inttypes.h>
#include <string.h>

#include "ctl/clouds.h"

enum { PROBE_TIMEOUT_MS = 15000, CLOCK_WARN_S = 60, CLOCK_FAIL_S = 300 };

/* "host:port" of a URL, as the number of characters from the pointer that is returned. */
static const char *find_host(const char *url, int *len)
{
    const char *scheme_end = strstr(url, "://");
    const char *name = scheme_end != NULL ? scheme_end + 3 : url;
    *len = (int)strcspn(name, "/?#");
    return name;
}

/* Did all hosts get past this stage? The first that did not is the step's failure. */
static bool passed(const doctor_chart *chart, doctor_finding *finding, iscep_probe_stage stage)
{
    for (size_t i = 0; i < chart->host_count; i++) {
        if (chart->hosts[i].probe.failed_at == stage) {
            doctor_find_error(finding, &chart->hosts[i].probe.err);
            return false;
        }
    }
    return true;
}

static bool probe_hosts(doctor_chart *chart, doctor_finding *finding)
{
    const iscep_tenant *tenant = &chart->tenant->tenant;
    iscep_error err = ISCEP_ERROR_INIT;
    chart->hosts[0].url = tenant->authority;
    chart->hosts[1].url = tenant->graph;
    chart->host_count = strcmp(tenant->authority, tenant->graph) == 0 ? 1 : 2;
    for (size_t i = 0; i < chart->host_count; i++) {
        doctor_host *host = &chart->hosts[i];
        if (iscep_http_probe(&host->probe, host->url, &chart->tenant->outbound, PROBE_TIMEOUT_MS, &err) !=
            ISCEP_OK) {
            doctor_find_error(finding, &err);
            return false;
        }
    }
    return true;
}

void doctor_dns(doctor_chart *chart, doctor_finding *finding)
{
    if (!probe_hosts(chart, finding) || !passed(chart, finding, ISCEP_PROBE_RESOLVE))
        return;
    for (size_t i = 0; i < chart->host_count; i++) {
        int len;
        const char *name = find_host(chart->hosts[i].url, &len);
        doctor_find(finding, DOCTOR_OK, NULL, "%.*s%s", len, name,
                    chart->hosts[i].probe.is_proxied ? ", by the proxy" : "");
    }
}

void doctor_tcp(doctor_chart *chart, doctor_finding *finding)
{
    if (!passed(chart, finding, ISCEP_PROBE_CONNECT))
        return;
    for (size_t i = 0; i < chart->host_count; i++)
        doctor_find(finding, DOCTOR_OK, NULL, "%s%s", chart->hosts[i].probe.is_proxied ? "the proxy, " : "",
                    chart->hosts[i].probe.address);
}

void doctor_proxy(doctor_chart *chart, doctor_finding *finding)
{
    if (passed(chart, finding, ISCEP_PROBE_TUNNEL))
        doctor_find(finding, DOCTOR_OK, NULL, "%s",
                    chart->tenant->outbound.proxy != NULL ? "connects us" : "none is configured");
}

/* A wrong clock makes good certificates look bad: then the clock is the cause. */
static bool is_clock_to_blame(const doctor_chart *chart, const iscep_probe *probe)
{
    int64_t off_s = iscep_now_unix_ms(&chart->env) / 1000 - probe->date_unix;
    bool is_about_time =
        strcmp(probe->err.code, "tls_expired") == 0 || strcmp(probe->err.code, "tls_not_yet_valid") == 0;
    return is_about_time && probe->date_unix > 0 && (off_s > CLOCK_FAIL_S || off_s < -CLOCK_FAIL_S);
}

void doctor_judge_certificate(doctor_finding *finding, const char *url, const iscep_probe *probe,
                              const char *ca_file)
{
    int len;
    const char *name = find_host(url, &len);
    bool is_expected = ctl_signs_for_microsoft(probe->issuer);
    if (is_expected || ctl_cloud_of(url) == NULL)
        doctor_find(finding, DOCTOR_OK, NULL, "%.*s: signed by %s%s%s", len, name, probe->issuer,
                    is_expected ? "" : ": no public CA that Microsoft uses; trusted because of ",
                    is_expected       ? ""
                    : ca_file != NULL ? ca_file
                                      : "this system's CAs");
    else
        doctor_find(finding, DOCTOR_WARNING, "tls_inspected", "%.*s: signed by %s, trusted because of %s",
                    len, name, probe->issuer, ca_file != NULL ? ca_file : "this system's CAs");
}

/* False: TLS failed, and the finding says why and who answered. */
static bool judge_handshake(const doctor_chart *chart, doctor_finding *finding, const iscep_probe *probe)
{
    if (probe->failed_at != ISCEP_PROBE_TLS)
        return true;
    doctor_find_error(finding, &probe->err);
    if (probe->issuer[0] != '\0')
        doctor_find(finding, DOCTOR_FAILED, NULL, "the certificate is signed by %s, and good until %s",
                    probe->issuer, probe->expires);
    if (is_clock_to_blame(chart, probe)) {
        finding->code[0] = '\0';
        doctor_judge_clock(finding, iscep_now_unix_ms(&chart->env) / 1000, probe->date_unix);
    }
    return false;
}

void doctor_tls(doctor_chart *chart, doctor_finding *finding)
{
    for (size_t i = 0; i < chart->host_count; i++) {
        const doctor_host *host = &chart->hosts[i];
        if (!judge_handshake(chart, finding, &host->probe))
            return;
        doctor_judge_certificate(finding, host->url, &host->probe, chart->tenant->outbound.ca_file);
    }
}

void doctor_judge_clock(doctor_finding *finding, int64_t here_unix, int64_t there_unix)
{
    int64_t off_s = here_unix - there_unix;
    int64_t distance_s = off_s < 0 ? -off_s : off_s;
    const char *direction = off_s < 0 ? "slow" : "fast";
    if (there_unix == 0)
        doctor_find(finding, DOCTOR_WARNING, "clock_unknown", "Entra ID's reply tells no time");
    else if (distance_s > CLOCK_FAIL_S)
        doctor_find(finding, DOCTOR_FAILED, "clock_wrong", "this clock is %" PRId64 " s %s", distance_s,
                    direction);
    else if (distance_s > CLOCK_WARN_S)
        doctor_find(finding, DOCTOR_WARNING, "clock_off", "this clock is %" PRId64 " s %s", distance_s,
                    direction);
    else
        doctor_find(finding, DOCTOR_OK, NULL, "within %d s of Entra ID's", CLOCK_WARN_S);
}

void doctor_clock(doctor_chart *chart, doctor_finding *finding)
{
    doctor_judge_clock(finding, iscep_now_unix_ms(&chart->env) / 1000, chart->hosts[0].probe.date_unix);
}

void doctor_intune_reach(doctor_chart *chart, doctor_finding *finding)
{
    iscep_probe probe;
    iscep_error err = ISCEP_ERROR_INIT;
    if (iscep_http_probe(&probe, chart->uri, &chart->tenant->outbound, PROBE_TIMEOUT_MS, &err) != ISCEP_OK) {
        doctor_find_error(finding, &err);
        return;
    }
    if (!judge_handshake(chart, finding, &probe))
        return;
    if (probe.failed_at != ISCEP_PROBE_DONE)
        doctor_find_error(finding, &probe.err);
    else
        doctor_judge_certificate(finding, chart->uri, &probe, chart->tenant->outbound.ca_file);
}
