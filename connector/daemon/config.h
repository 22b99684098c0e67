/*
 * intune-scepd's configuration file, by libini_config. A mistake is refused with file and line; so is a key
 * or section that nobody knows.
 *
 *     [connector]                  how the daemon serves
 *     [journal]                    what is kept on disk, and how issued certificates are reported
 *     [policy]                     what requests and certificates must be like
 *     [credential/ID]              how the connector proves who it is, one or two
 *     [revocation]                 how Intune is asked for revocations, and the storm guard
 *     [ca/NAME]                    who revokes what Intune wants revoked
 *     [tenant/NAME]                which tenant, and how to reach Intune (exactly one for now)
 */
#ifndef ISCEP_DAEMON_CONFIG_H
#define ISCEP_DAEMON_CONFIG_H

#include "base/log.h"
#include "ca/ca.h"
#include "intune/cloud.h"
#include "net/curl_http.h"
#include "service/revoker.h"
#include "service/service.h"

#define ISCEP_CONFIG_MAX_UIDS 16
#define ISCEP_CONFIG_MAX_CAS  32

typedef struct iscep_config iscep_config;

typedef struct iscep_config_uids {
    uint32_t ids[ISCEP_CONFIG_MAX_UIDS];
    size_t count;
} iscep_config_uids;

struct iscep_config {
    /* [connector] */
    const char *socket_path; /* listen = unix:PATH */
    uint32_t socket_mode;
    int64_t request_timeout_ms; /* the longest that a caller is kept waiting */
    int64_t drain_timeout_ms;   /* after SIGTERM, for what is in flight */
    uint32_t max_connections;   /* inbound */
    iscep_log_level log_level;
    iscep_log_format log_format;
    iscep_config_uids admin_uids;  /* who may retry, purge, approve, beside root and our own user */
    iscep_config_uids plugin_uids; /* whose SCEP server revokes; none: whoever may open the socket */
    const char *audit;             /* where the audit trail goes; NULL: none is kept */
    /* [journal] */
    iscep_journal_options journal;
    iscep_reporting_options reporting;
    /* [tenant/NAME] */
    const char *tenant_name;
    iscep_tenant tenant;
    const iscep_cloud *cloud;       /* whose addresses are the defaults */
    const char *client_secret_file; /* the short form of a credential */
    char *credential_ids;           /* credentials = ID ID */
    iscep_curl_options outbound;
    /* [credential/ID], and the one that client_secret_file stands for */
    iscep_credential_options credentials[ISCEP_TENANT_MAX_CREDENTIALS];
    size_t credential_count;
    /* [revocation] */
    iscep_revoker_options revoker;
    bool is_poll_given; /* otherwise it polls if there is a CA */
    /* [ca/NAME] */
    iscep_ca_options cas[ISCEP_CONFIG_MAX_CAS];
    size_t ca_count;
    /* [policy] */
    iscep_policy policy;
    /* Its own. */
    iscep_secret *proxy_password;
    struct iscep_config_texts *texts;
};

iscep_status iscep_config_load(iscep_config **out, const char *path, iscep_error *err) ISCEP_CHECKED;
void iscep_config_free(iscep_config *config);

#endif
