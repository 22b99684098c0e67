/*
 * What intune-scepctl's commands have in common: the request as typed, exit codes, and one function each. To add a
 * command: a line in commands.c, a file of its own, and its function (or its words) here. To add an option: a bit and a
 * member here, and a line in options.c.
 */
#ifndef ISCEP_CTL_CTL_H
#define ISCEP_CTL_CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CTL_DEFAULT_CONFIG "/etc/intune-scep/connector.conf"
#define CTL_DEFAULT_SOCKET "/run/intune-scep/connector.sock"
/* Whence the systemd unit takes what the configuration calls credential:secrets_FILE. */
#define CTL_SECRETS_DIRECTORY "/etc/intune-scep/secrets"

/* Exit codes. A refusal is an answer: no, not an error. */
enum { CTL_YES = 0, CTL_NO = 1, CTL_USAGE = 2, CTL_UNKNOWN = 3 };

/* Options that only some commands, and sub-commands, take. */
enum {
    TAKES_NOTHING = 0,
    TAKES_CONFIG =
        1, /* goes with every command, so that scripts can always give it; the bit shows it in the help */
    TAKES_SOCKET = 2,
    TAKES_TRANSACTION = 4,
    TAKES_ALL = 8,
    TAKES_DEAD = 16,
    TAKES_LIMIT = 32,
    TAKES_YES = 64,
    TAKES_BY = 128,
    TAKES_DECIMAL = 256,
    TAKES_JSON = 512, /* prints for people, or one JSON document */
    TAKES_TENANT = 1024,
    TAKES_TIMEOUT = 2048,
    TAKES_VERBOSE = 4096,
    TAKES_NO_REPLAY = 8192,
    TAKES_RETRY_EXIT = 16384,
    TAKES_ERROR_CODE = 32768,
    TAKES_DESCRIPTION = 65536,
    TAKES_PLATFORM = 131072,
    TAKES_STRICT = 262144,
    TAKES_NAME = 1 << 19,
    TAKES_TENANT_ID = 1 << 20,
    TAKES_CLIENT_ID = 1 << 21,
    TAKES_SECRET_FILE = 1 << 22,
    TAKES_SECRETS_DIR = 1 << 23,
    TAKES_USER = 1 << 24,
    TAKES_CLOUD = 1 << 25,
    TAKES_SET = 1 << 26,
    TAKES_FORCE = 1 << 27,
    TAKES_NO_START = 1 << 28,
    ASKS_DAEMON = TAKES_CONFIG | TAKES_SOCKET | TAKES_TENANT | TAKES_JSON, /* and prints what it says */
    IS_DOOR =
        TAKES_CONFIG | TAKES_SOCKET | TAKES_TENANT | TAKES_TIMEOUT | TAKES_VERBOSE /* for scripts: door.h */
};

#define CTL_MAX_TEXTS 32 /* of an option that may come again */

typedef struct ctl_texts {
    const char *texts[CTL_MAX_TEXTS];
    size_t count;
} ctl_texts;

typedef struct ctl_request {
    const char *config_path;
    const char *socket_path;    /* NULL: the configuration says */
    const char *tenant;         /* NULL: the only one */
    const char *transaction_id; /* NULL: one is made up, or made of the CSR */
    const char *by;             /* NULL: it is found out */
    const char *description;    /* of a failure; NULL: a general one */
    const char *platform;       /* NULL: whoever reads the file */
    const char *name;           /* of the tenant to be set up; this and the next: NULL: as setup says */
    const char *tenant_id;
    const char *client_id;
    const char *secret_file; /* "-": standard input */
    const char *secrets_dir;
    const char *user;
    const char *cloud;
    ctl_texts set;
    int64_t limit;      /* 0: the connector's */
    int64_t timeout_ms; /* 0: the command's own */
    int64_t retry_exit; /* 0: a retry is no exit code of its own */
    int64_t error_code; /* if given */
    bool is_json;
    unsigned given; /* of the options above */
    char *const *operands;
    size_t operand_count;
} ctl_request;

/* Each prints its answer and returns the exit code. */
typedef int ctl_command_fn(const ctl_request *request);
ctl_command_fn ctl_codes;
ctl_command_fn ctl_csrverifier;
ctl_command_fn ctl_doctor;
ctl_command_fn ctl_exec;
ctl_command_fn ctl_inspect;
ctl_command_fn ctl_nodes;
ctl_command_fn ctl_openxpki;
ctl_command_fn ctl_profile;
ctl_command_fn ctl_reload;
ctl_command_fn ctl_setup;
ctl_command_fn ctl_status;
ctl_command_fn ctl_trace;
ctl_command_fn ctl_validate;

/* A wrong call of what a SCEP server runs: what that server must hear instead of a usage. Returns the exit code. */
typedef int ctl_misuse_fn(const ctl_request *request, const char *problem);
ctl_misuse_fn ctl_csrverifier_misuse;
ctl_misuse_fn ctl_openxpki_misuse;

/* The words that follow some commands: "outbox list". Tables of them end with {0}. */
typedef struct ctl_word {
    const char *name;
    size_t min_operands; /* behind the word */
    size_t max_operands;
    unsigned takes; /* beside what its command takes */
    ctl_command_fn *run;
} ctl_word;
extern const ctl_word ctl_audit_words[];
extern const ctl_word ctl_completion_words[];
extern const ctl_word ctl_config_words[];
extern const ctl_word ctl_database_words[];
extern const ctl_word ctl_notify_words[];
extern const ctl_word ctl_outbox_words[];
extern const ctl_word ctl_revocations_words[];

#endif
