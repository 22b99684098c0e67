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
 *     [tenant/NAME]                which tenants, and how to reach Intune; one at least
 *     [listener/NAME]              where callers come in, who may, and what they find
 *     [step-ca/NAME]               the webhooks of a step-ca
 */
#ifndef ISCEP_DAEMON_CONFIG_H
#define ISCEP_DAEMON_CONFIG_H

#include "base/json.h"
#include "base/log.h"
#include "ca/ca.h"
#include "intune/cloud.h"
#include "journal/store_postgres.h"
#include "net/curl_http.h"
#include "net/http_server.h"
#include "net/limiter.h"
#include "net/listener.h"
#include "service/revoker.h"
#include "service/service.h"

#define ISCEP_CONFIG_MAX_UIDS        16
#define ISCEP_CONFIG_MAX_CAS         32
#define ISCEP_CONFIG_MAX_TENANTS     32
#define ISCEP_CONFIG_MAX_LISTENERS   16
#define ISCEP_CONFIG_MAX_STEP_CAS    32
#define ISCEP_CONFIG_MAX_WORKERS     16
#define ISCEP_CONFIG_NAME_SIZE       64 /* of what stands behind the slash of a section, with its NUL */
#define ISCEP_CONFIG_MAX_WORDS       16 /* of a list: names, files */
#define ISCEP_CONFIG_MAX_CREDENTIALS (ISCEP_CONFIG_MAX_TENANTS * ISCEP_TENANT_MAX_CREDENTIALS)

typedef struct iscep_config iscep_config;

typedef struct iscep_config_uids {
    uint32_t ids[ISCEP_CONFIG_MAX_UIDS];
    size_t count;
} iscep_config_uids;

typedef struct iscep_config_words {
    const char *words[ISCEP_CONFIG_MAX_WORDS];
    size_t count;
} iscep_config_words;

/* [tenant/NAME] */
typedef struct iscep_config_tenant {
    const char *name;
    iscep_tenant tenant;            /* its name is the same */
    const iscep_cloud *cloud;       /* whose addresses are the defaults */
    const char *client_secret_file; /* the short form of a credential */
    char *credential_ids;           /* credentials = ID ID; no two tenants share one */
    iscep_curl_options outbound;
    iscep_secret *proxy_password;
    /* So that one tenant's slow Intune does not fill the house; 0: no limit of its own. */
    uint32_t max_requests_in_flight;
} iscep_config_tenant;

/* What a listener answers: bits. docs/CONFIGURATION.md, serves. */
typedef enum iscep_serves {
    ISCEP_SERVES_API = 1,     /* validate, issued, failed, and revocations for plugins */
    ISCEP_SERVES_STEP_CA = 2, /* [step-ca/NAME]'s webhooks */
    ISCEP_SERVES_ADMIN = 4,   /* what intune-scepctl asks for */
    ISCEP_SERVES_METRICS = 8,
    ISCEP_SERVES_STATUS = 16 /* the status page and what it shows: read-only */
} iscep_serves;

/* [listener/NAME], and "default", which listen and socket_mode of [connector] stand for. */
typedef struct iscep_listener_options {
    const char *name;
    iscep_listen_options at;  /* address = unix:PATH | tcp:HOST:PORT; "owner" and "mode" of a Unix socket */
    const char *systemd_name; /* address = systemd:NAME: a socket that systemd has opened */
    /* Of a Unix socket: who is answered, beside root and our own user. None: whoever may open it. */
    iscep_config_uids peer_uids;
    const char *certificate_file; /* TLS; NULL: plain */
    const char *key_file;
    const char *client_ca_file;
    bool is_client_certificate_required;
    /* DNS names, or common names, of client certificates; the word any alone: whoever client_ca_file vouches for. */
    iscep_config_words client_names;
    iscep_config_words token_files; /* a bearer token each */
    bool is_plain_allowed;          /* allow_plain_tcp_beyond_loopback = yes */
    bool is_open;                   /* allow_anonymous = yes: metrics and status only, to whoever comes */
    uint32_t serves;                /* bits of iscep_serves; 0 in a file is an error */
    const char *tenant;             /* all that comes in here is for this tenant; NULL: the request says */
} iscep_listener_options;

/* [step-ca/NAME]: docs/step-ca.md. The hooks are at /step-ca/NAME/challenge and /step-ca/NAME/notify. */
typedef struct iscep_step_ca_options {
    const char *name;
    const char *tenant;                /* NULL: the listener says, or there is only one */
    const char *challenge_id;          /* X-Smallstep-Webhook-Id */
    const char *challenge_secret_file; /* as step-ca shows it: base64 */
    const char *notify_id;
    const char *notify_secret_file;
    const char *bearer_token_file; /* what Authorization must be besides; NULL: it is not looked at */
    const char *basic_user;
    const char *basic_password_file;
    bool is_key_empty; /* empty_key = yes: a webhook written into ca.json by hand, which mTLS must identify */
    iscep_config_words client_names; /* whose certificate step-ca presents; needed with empty_key */
    int64_t answer_within_ms;        /* [6000] */
} iscep_step_ca_options;

typedef enum iscep_log_target { ISCEP_LOG_TARGET_STDERR, ISCEP_LOG_TARGET_JOURNALD } iscep_log_target;

struct iscep_config {
    /* [connector] */
    iscep_limits limits;            /* net/limiter.h */
    iscep_http_server_options http; /* header, body and idle times, sizes */
    uint32_t workers;               /* 1 to ISCEP_CONFIG_MAX_WORKERS */
    int64_t request_timeout_ms;     /* the longest that a caller is kept waiting */
    int64_t drain_timeout_ms;       /* after SIGTERM, for what is in flight; likewise after a reload */
    iscep_log_level log_level;
    iscep_log_format log_format;
    iscep_log_target log_target;
    bool is_sandbox_off;                 /* sandbox = off: daemon/sandbox.h */
    iscep_config_uids admin_uids;        /* who may retry, purge, approve, beside root and our own user */
    iscep_config_uids plugin_uids;       /* whose SCEP server revokes; none: whoever may open the socket */
    const char *audit;                   /* where the audit trail goes; NULL: none is kept */
    iscep_config_words sandbox_writable; /* directories, beside those of the files that are named */
    /* [listener/NAME]; if there is none, the default, whose path this is (what intune-scepctl asks on) */
    iscep_listener_options listeners[ISCEP_CONFIG_MAX_LISTENERS];
    size_t listener_count;
    const char *socket_path; /* of the first Unix listener that serves admin; NULL: there is none */
    /* [step-ca/NAME] */
    iscep_step_ca_options step_cas[ISCEP_CONFIG_MAX_STEP_CAS];
    size_t step_ca_count;
    /* [journal] */
    iscep_journal_options journal;
    iscep_postgres_options database; /* its conninfo NULL: the journal is this node's own */
    bool is_database_tls_demanded;   /* database_tls = verified */
    iscep_reporting_options reporting;
    /* [tenant/NAME], in the order of the file */
    iscep_config_tenant tenants[ISCEP_CONFIG_MAX_TENANTS];
    size_t tenant_count;
    /* [credential/ID], and those that client_secret_file stands for */
    iscep_credential_options credentials[ISCEP_CONFIG_MAX_CREDENTIALS];
    size_t credential_count;
    /* [revocation], for each tenant */
    iscep_revoker_options revoker;
    bool is_poll_given; /* otherwise it polls if there is a CA */
    /* [ca/NAME], of all tenants */
    iscep_ca_options cas[ISCEP_CONFIG_MAX_CAS];
    size_t ca_count;
    /* [policy], of all tenants */
    iscep_policy policy;
    /* Its own. */
    char digest[65];        /* SHA-256 of the file, hex: which configuration is in force */
    char common_digest[65]; /* of what must be the same on all nodes that share a journal: config_digest.c */
    struct iscep_config_source *source;
};

/* CONFIG: file, line, and what to write instead. */
iscep_status iscep_config_load(iscep_config **out, const char *path, iscep_error *err) ISCEP_CHECKED;
/* Only socket_path is to be looked at: a mistake elsewhere, or a secret that we may not read, does not matter. CONFIG. */
iscep_status iscep_config_load_socket(iscep_config **out, const char *path, iscep_error *err) ISCEP_CHECKED;
/*
 * As load, for who looks at the daemon's configuration from outside: without credentials of systemd's in the environment, what is
 * credential:secrets_FILE to the daemon is secrets_directory/FILE, whence LoadCredential= takes it.
 */
iscep_status iscep_config_load_beside(iscep_config **out, const char *path, const char *secrets_directory,
                                      iscep_error *err) ISCEP_CHECKED;
/* Is a secret read where systemd takes it from? A daemon that runs has the copy that was made at its start. */
bool iscep_config_is_read_beside(const iscep_config *config);
/* As load, of a text that is to become the file at path. */
iscep_status iscep_config_parse(iscep_config **out, iscep_bytes text, const char *path,
                                iscep_error *err) ISCEP_CHECKED;
void iscep_config_free(iscep_config *config);

/* What stands in paths, log lines and labels: 1 to 63 letters, digits, '.', '_' and '-'. */
bool iscep_config_is_name(const char *name);
/* Borrowed; NULL: there is none of this name. */
const iscep_config_tenant *iscep_config_find_tenant(const iscep_config *config, const char *name);
/*
 * A listener with systemd_name has been given fd: may it be used? What can only be judged now (who can reach a socket of TCP
 * without TLS) was not before. CONFIG.
 */
iscep_status iscep_config_check_inherited(const iscep_config *config, const iscep_listener_options *listener,
                                          int fd, iscep_error *err) ISCEP_CHECKED;
/* Files that hold a secret or a key, by index from 0, so that their modes can be looked at; NULL behind the last. */
const char *iscep_config_secret_file(const iscep_config *config, size_t index);

/* --- what is in force, for people: daemon/config_show.c --- */

/* A file that loads to the same. Secrets are in files of their own; this has but their paths. */
void iscep_config_emit(iscep_buf *out, const iscep_config *config);
/* [{"section","keys":[{"key","value","isDefault"}]}] */
void iscep_config_describe(iscep_json *array, const iscep_config *config);

/* --- what a configuration can say, for people, documents and man pages: daemon/config_keys.c --- */

typedef struct iscep_config_key {
    const char *section; /* "tenant/NAME" */
    const char *name;
    const char *kinds; /* of the section that have it, by ", "; NULL: there are no kinds, or all have it */
    const char *default_text;  /* as the file would say it; NULL: default_words tell */
    const char *default_words; /* "required", "none", "the host's name" */
    const char *help;          /* `code` stands between backquotes */
} iscep_config_key;
typedef void iscep_config_key_fn(void *user, const iscep_config_key *key);

/* Calls each for every key there is, section by section. What is given is borrowed until the call returns. */
void iscep_config_for_each_key(iscep_config_key_fn *each, void *user);

#endif
