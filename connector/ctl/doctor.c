/* intune-scepctl doctor: the chain to Intune, step by step, and what to do about the first that fails. */
#include "ctl/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ctl/advice.h"
#include "ctl/print.h"
#include "ctl/tenant.h"

enum { INDENT = 24 };

/* In this order; each may rely on what the ones before it have left in the doctor. */
static const struct {
    const char *name;
    doctor_step_fn *run;
    bool (*is_wanted)(const doctor_chart *chart); /* NULL: always */
    bool is_aside;                                /* the others do not rely on it */
} steps[] = {
    {"configuration", doctor_configuration, NULL, false}, /* the file and what it says */
    {"credential", doctor_credential, NULL, false},       /* secret or key: usable, and well kept */
    {"database", doctor_database, doctor_has_database, true},
    {"dns", doctor_dns, NULL, false},                   /* Entra ID, Graph */
    {"tcp", doctor_tcp, NULL, false},                   /* the same, or the proxy */
    {"proxy", doctor_proxy, NULL, false},               /* does it connect us */
    {"tls", doctor_tls, NULL, false},                   /* who signed the certificates */
    {"clock", doctor_clock, NULL, false},               /* against Entra ID's */
    {"graph_token", doctor_graph_token, NULL, false},   /* may we have one */
    {"graph_roles", doctor_graph_roles, NULL, false},   /* consent */
    {"discovery", doctor_discovery, NULL, false},       /* licence */
    {"intune_reach", doctor_intune_reach, NULL, false}, /* DNS to TLS of the tenant's Intune */
    {"intune_token", doctor_intune_token, NULL, false}, /* licence, cloud */
    {"intune_roles", doctor_intune_roles, NULL, false}, /* consent */
    {"validation", doctor_validation, NULL, false},     /* a refusal, as it must be */
    {"revocation", doctor_revocation, NULL, false},     /* where Intune is asked for them, if it is */
};
enum { STEP_COUNT = sizeof steps / sizeof *steps };

void doctor_find(doctor_finding *finding, doctor_result result, const char *code, const char *format, ...)
{
    size_t len = strlen(finding->detail);
    va_list args;
    if (len > 0 && len + 2 < sizeof finding->detail) {
        memcpy(finding->detail + len, "; ", 3);
        len += 2;
    }
    va_start(args, format);
    vsnprintf(finding->detail + len, sizeof finding->detail - len, format, args);
    va_end(args);
    if (result > finding->result)
        finding->result = result;
    if (code != NULL && finding->code[0] == '\0')
        iscep_text_copy(finding->code, sizeof finding->code, code);
}

void doctor_find_error(doctor_finding *finding, const iscep_error *err)
{
    doctor_find(finding, DOCTOR_FAILED, err->code, "%s", err->message);
}

static const char *word_of(doctor_result result)
{
    static const char *const words[] = {"ok", "warning", "failed", "skipped"};
    return words[result];
}

/* NULL: there is nothing to be done. */
static const ctl_advice *advice_on(const char *step, const doctor_finding *finding)
{
    bool is_fault = finding->result == DOCTOR_WARNING || finding->result == DOCTOR_FAILED;
    return is_fault ? ctl_advice_find(step, finding->code) : NULL;
}

static void print_finding(const char *step, const doctor_finding *finding)
{
    printf("%-8s %-14s ", word_of(finding->result), step);
    ctl_print_words(finding->detail, INDENT);
    const ctl_advice *advice = advice_on(step, finding);
    if (advice != NULL) {
        printf("%*s", INDENT, "which means: ");
        ctl_print_words(advice->cause, INDENT);
        printf("%*s", INDENT, "what to do: ");
        ctl_print_words(advice->advice, INDENT);
    }
    fflush(stdout); /* the next step may take a while */
}

static void add_finding(iscep_json *to, const doctor_chart *chart, const char *step,
                        const doctor_finding *finding)
{
    const ctl_advice *advice = advice_on(step, finding);
    iscep_json_add_text(to, "tenant", chart->tenant != NULL ? chart->tenant->name : NULL);
    iscep_json_add_text(to, "step", step);
    iscep_json_add_text(to, "result", word_of(finding->result));
    iscep_json_add_text(to, "code", advice != NULL ? finding->code : NULL);
    iscep_json_add_text(to, "detail", finding->detail);
    iscep_json_add_text(to, "cause", advice != NULL ? advice->cause : NULL);
    iscep_json_add_text(to, "advice", advice != NULL ? advice->advice : NULL);
}

static void tell(const doctor_chart *chart, iscep_json *all, size_t step, const doctor_finding *finding)
{
    if (chart->request->is_json)
        add_finding(iscep_json_append_object(all), chart, steps[step].name, finding);
    else
        print_finding(steps[step].name, finding);
}

/* True: no step has failed. Those behind a failed one are told as not reached. */
static bool walk(doctor_chart *chart, iscep_json *all)
{
    const char *failed = NULL;
    bool is_well = true;
    for (size_t i = 0; i < STEP_COUNT; i++) {
        doctor_finding finding = {.result = DOCTOR_OK};
        if (steps[i].is_wanted != NULL && !steps[i].is_wanted(chart))
            continue;
        if (failed != NULL)
            doctor_find(&finding, DOCTOR_SKIPPED, NULL, "not reached: %s failed", failed);
        else
            steps[i].run(chart, &finding);
        is_well = is_well && finding.result != DOCTOR_FAILED;
        if (finding.result == DOCTOR_FAILED && !steps[i].is_aside)
            failed = steps[i].name;
        tell(chart, all, i, &finding);
    }
    return is_well;
}

static void clear(doctor_chart *chart)
{
    iscep_intune_free(chart->intune);
    if (chart->http != NULL)
        chart->http->free(chart->http);
    iscep_loop_free(chart->await.loop);
}

/* One tenant's chain, or without a configuration that there is none. True: no step has failed. */
static bool examine(const doctor_chart *patient, iscep_json *all)
{
    doctor_chart chart = *patient;
    bool is_well = walk(&chart, all);
    clear(&chart);
    return is_well;
}

/* Of several tenants each, one after the other. */
static bool examine_each(doctor_chart *patient, iscep_json *all)
{
    const iscep_config *config = patient->config;
    bool is_well = true;
    for (size_t i = 0; i < config->tenant_count; i++) {
        patient->tenant = &config->tenants[i];
        if (!patient->request->is_json && config->tenant_count > 1)
            printf("%sTenant %s\n", i > 0 ? "\n" : "", patient->tenant->name);
        is_well = examine(patient, all) && is_well;
    }
    return is_well;
}

static int examine_config(doctor_chart *patient, iscep_json *all)
{
    const ctl_request *request = patient->request;
    iscep_error err = ISCEP_ERROR_INIT;
    if (request->tenant == NULL)
        return examine_each(patient, all) ? CTL_YES : CTL_NO;
    if (ctl_choose_tenant(&patient->tenant, patient->config, request, &err) != ISCEP_OK)
        return ctl_print_error(request, CTL_USAGE, &err);
    return examine(patient, all) ? CTL_YES : CTL_NO;
}

/* *is_read_beside: what was tried is what systemd hands over, not the copy that a running connector has. */
static int run(const ctl_request *request, iscep_json *all, bool *is_read_beside)
{
    iscep_config *config = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    doctor_chart patient = {.request = request, .env = iscep_env_system(NULL), .config_err = &err};
    if (iscep_config_load_beside(&config, request->config_path, CTL_SECRETS_DIRECTORY, &err) != ISCEP_OK)
        return examine(&patient, all) ? CTL_YES : CTL_NO;
    patient.config = config;
    *is_read_beside = iscep_config_is_read_beside(config);
    const int exit_code = examine_config(&patient, all);
    iscep_config_free(config);
    return exit_code;
}

int doctor_run(const ctl_request *request, iscep_json *all)
{
    bool is_read_beside = false;
    return run(request, all, &is_read_beside);
}

int ctl_doctor(const ctl_request *request)
{
    ISCEP_AUTO_JSON *all = iscep_json_new_array();
    bool is_read_beside = false;
    const int exit_code = run(request, all, &is_read_beside);
    if (request->is_json)
        return exit_code != CTL_USAGE ? ctl_print_json(all, exit_code) : exit_code;
    if (is_read_beside && exit_code != CTL_USAGE)
        puts("\nThis was tried with the secrets of " CTL_SECRETS_DIRECTORY
             ". A running connector has the copy of its last start:\n"
             "  systemctl restart intune-scepd");
    return exit_code;
}
