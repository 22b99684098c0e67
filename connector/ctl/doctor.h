/*
 * What the files of doctor share: doctor.c walks the table of steps and prints; doctor_local.c looks at this machine,
 * doctor_database.c at the database, doctor_reach.c at the way out, doctor_cloud.c at Entra ID, Graph and Intune, through the same code as the daemon.
 */
#ifndef ISCEP_CTL_DOCTOR_H
#define ISCEP_CTL_DOCTOR_H

#include "ctl/await.h"
#include "ctl/ctl.h"
#include "ctl/token_roles.h"
#include "daemon/config.h"
#include "intune/intune.h"
#include "journal/database_probe.h"
#include "net/http_probe.h"

typedef enum doctor_result { DOCTOR_OK, DOCTOR_WARNING, DOCTOR_FAILED, DOCTOR_SKIPPED } doctor_result;

/* What a step found out. With OK and SKIPPED there is no code. */
typedef struct doctor_finding {
    doctor_result result;
    char code[64];
    char detail[1024];
} doctor_finding;

typedef struct doctor_host {
    const char *url;
    iscep_probe probe;
} doctor_host;

/* What earlier steps have learnt, for later ones. */
typedef struct doctor_chart {
    const ctl_request *request;
    iscep_env env;
    const iscep_config *config; /* NULL: config_err says why */
    const iscep_error *config_err;
    const iscep_config_tenant *tenant; /* whose chain it is; NULL without a configuration */
    doctor_host hosts[2];              /* Entra ID and Graph; in a test they may be one */
    size_t host_count;
    ctl_await await;
    iscep_http *http;
    iscep_intune *intune;
    ctl_token_roles graph_roles;
    ctl_token_roles intune_roles;
    bool is_graph_token_readable;
    bool is_intune_token_readable;
    char uri[1024]; /* of the tenant's Intune service */
} doctor_chart;

/* A step fills its finding; it begins as OK without a detail. */
typedef void doctor_step_fn(doctor_chart *chart, doctor_finding *finding);

doctor_step_fn doctor_configuration; /* doctor_local.c */
doctor_step_fn doctor_credential;
doctor_step_fn doctor_database; /* doctor_database.c */
doctor_step_fn doctor_dns;      /* doctor_reach.c */
doctor_step_fn doctor_tcp;
doctor_step_fn doctor_proxy;
doctor_step_fn doctor_tls;
doctor_step_fn doctor_clock;
doctor_step_fn doctor_intune_reach;
doctor_step_fn doctor_graph_token; /* doctor_cloud.c */
doctor_step_fn doctor_graph_roles;
doctor_step_fn doctor_discovery;
doctor_step_fn doctor_intune_token;
doctor_step_fn doctor_intune_roles;
doctor_step_fn doctor_validation;
doctor_step_fn doctor_revocation;

/*
 * The whole of it, as request says: its configuration, its tenant. Prints as it goes, or with is_json adds to all, which the caller
 * prints. CTL_YES: no step has failed, CTL_NO, or CTL_USAGE, which was told.
 */
int doctor_run(const ctl_request *request, iscep_json *all);

/* Is there one? Otherwise there is no such step. */
bool doctor_has_database(const doctor_chart *chart);

/* code NULL: none. Appends to the detail of an earlier call; a worse result stays. */
void doctor_find(doctor_finding *finding, doctor_result result, const char *code, const char *format, ...)
    ISCEP_PRINTF(4, 5);
void doctor_find_error(doctor_finding *finding, const iscep_error *err); /* FAILED */

/* What a server certificate, a clock and a database tell; apart, so that tests reach them. */
void doctor_judge_certificate(doctor_finding *finding, const char *url, const iscep_probe *probe,
                              const char *ca_file);
void doctor_judge_database(doctor_finding *finding, const iscep_database_facts *facts, bool is_tls_demanded);
void doctor_judge_clock(doctor_finding *finding, int64_t here_unix, int64_t there_unix);

#endif
