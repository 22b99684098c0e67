/* doctor's steps on this machine: see doctor.h. */
#include "ctl/doctor.h"

#include <string.h>
#include <sys/stat.h>

#include "ctl/clouds.h"
#include "ctl/guid.h"
#include "intune/token.h"

/* The addresses must all be of one cloud, as far as they are Microsoft's at all. */
static void compare_clouds(doctor_finding *finding, const iscep_tenant *tenant)
{
    static const char *const keys[] = {"authority", "graph", "graph_resource", "intune_resource"};
    const char *const addresses[] = {tenant->authority, tenant->graph, tenant->graph_resource,
                                     tenant->intune_resource};
    size_t count = sizeof addresses / sizeof *addresses;
    if (ctl_is_one_cloud(addresses, count))
        return;
    for (size_t i = 0; i < count; i++)
        if (ctl_cloud_of(addresses[i]) != NULL)
            doctor_find(finding, DOCTOR_FAILED, "cloud_mixed", "%s %s is of the cloud %s", keys[i],
                        addresses[i], ctl_cloud_of(addresses[i]));
}

void doctor_configuration(doctor_chart *chart, doctor_finding *finding)
{
    if (chart->config == NULL) {
        doctor_find_error(finding, chart->config_err);
        return;
    }
    const iscep_tenant *tenant = &chart->tenant->tenant;
    doctor_find(finding, DOCTOR_OK, NULL, "%s: tenant %s (%s), application %s", chart->request->config_path,
                chart->tenant->name, tenant->tenant_id,
                tenant->client_id != NULL ? tenant->client_id : "as the identity says");
    compare_clouds(finding, tenant);
}

/* Others than owner and group may read the file, or write it. */
static void check_mode(doctor_finding *finding, const char *path)
{
    struct stat found;
    if (path == NULL || path[0] != '/' || stat(path, &found) != 0) /* absent, or a provider's URI */
        return;
    if ((found.st_mode & (S_IROTH | S_IWOTH)) != 0)
        doctor_find(finding, DOCTOR_WARNING, "secret_exposed", "%s is open to everybody (mode %04o)", path,
                    (unsigned)found.st_mode & 07777);
}

static void check_secret(doctor_finding *finding, const char *path)
{
    iscep_secret *secret = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    if (path == NULL)
        return;
    if (iscep_secret_load(&secret, path, &err) != ISCEP_OK)
        doctor_find_error(finding, &err);
    else if (ctl_is_guid(iscep_secret_reveal(secret)))
        doctor_find(finding, DOCTOR_WARNING, "secret_suspect", "%s has the form of an id", path);
    iscep_secret_free(secret);
}

static void describe_credential(doctor_finding *finding, const iscep_credential_facts *facts,
                                int64_t now_unix)
{
    char date[ISCEP_ISO8601_SIZE];
    if (facts->expires_unix == 0) {
        doctor_find(finding, DOCTOR_OK, NULL, "%s (%s)", facts->name, facts->kind);
        return;
    }
    iscep_iso8601_emit(date, facts->expires_unix * 1000);
    doctor_find(finding, DOCTOR_OK, NULL, "%s (%s), good until %.10s", facts->name, facts->kind, date);
    if (facts->expires_unix <= now_unix)
        doctor_find(finding, DOCTOR_WARNING, "credential_expired", "%s has expired", facts->name);
    else if (facts->expires_unix - now_unix < ISCEP_CREDENTIAL_WARN_S)
        doctor_find(finding, DOCTOR_WARNING, "credential_expiring", "%s expires soon", facts->name);
}

static void describe_credentials(doctor_finding *finding, const doctor_chart *chart)
{
    const iscep_credential_set *set = iscep_tokens_credentials(iscep_intune_tokens(chart->intune));
    for (size_t i = 0; i < iscep_credential_set_count(set); i++) {
        iscep_credential_facts facts = iscep_credential_set_describe(set, i);
        describe_credential(finding, &facts, iscep_now_unix_ms(&chart->env) / 1000);
    }
}

static iscep_status make_client(doctor_chart *chart, iscep_error *err)
{
    const iscep_config_tenant *tenant = chart->tenant;
    iscep_status status = iscep_loop_new(&chart->await.loop, err);
    if (status == ISCEP_OK)
        status = iscep_curl_http_new(&chart->http, &chart->env, chart->await.loop, &tenant->outbound, err);
    if (status == ISCEP_OK)
        status = iscep_intune_new(&chart->intune, &chart->env, chart->await.loop, chart->http,
                                  &tenant->tenant, err);
    return status;
}

void doctor_credential(doctor_chart *chart, doctor_finding *finding)
{
    const iscep_tenant *tenant = &chart->tenant->tenant;
    iscep_error err = ISCEP_ERROR_INIT;
    if (make_client(chart, &err) != ISCEP_OK) {
        doctor_find_error(finding, &err);
        return;
    }
    describe_credentials(finding, chart);
    for (size_t i = 0; i < tenant->credential_count; i++) {
        const iscep_credential_options *credential = tenant->credentials[i];
        check_mode(finding, credential->client_secret_file);
        check_mode(finding, credential->key);
        check_mode(finding, credential->password_file);
        check_secret(finding, credential->client_secret_file);
    }
}
