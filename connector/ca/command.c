/*
 * The executor of kind command: any program, told what to revoke by its arguments and its environment, and answering
 * by its exit code. docs/REVOCATION.md is its manual.
 *
 * What comes from Intune or a certificate fills placeholders, and each placeholder stays inside the one argument it
 * stands in. The serial numbers, the reason and the file's path have harmless alphabets; the issuer has not, so no
 * argument may begin with it: a name such as "--help" must not become an option.
 */
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ca/kind.h"
#include "base/serial.h"
#include "net/process.h"

enum {
    MAX_ARGUMENTS_LEN = 64 * 1024, /* all of them, filled in */
    MAX_OUTPUT_LEN = 4096,
    MAX_SHOWN_LEN = 200, /* of what it printed, in the answer's message */
    MAX_GRACE_MS = 2000, /* between SIGTERM and SIGKILL; a quarter of the time if that is less */
    PEM_LINE_LEN = 64,
};

enum { SERIAL, SERIAL_DECIMAL, ISSUER, REASON, REASON_CODE, CERTIFICATE_FILE, VALUE_COUNT };

static const struct {
    const char *placeholder;
    const char *variable;
} names[VALUE_COUNT] = {
    [SERIAL] = {"{serial}", "SCEP_SERIAL"},
    [SERIAL_DECIMAL] = {"{serial_decimal}", "SCEP_SERIAL_DECIMAL"},
    [ISSUER] = {"{issuer}", "SCEP_ISSUER"},
    [REASON] = {"{reason}", "SCEP_REASON"},
    [REASON_CODE] = {"{reason_code}", "SCEP_REASON_CODE"},
    [CERTIFICATE_FILE] = {"{certificate_file}", "SCEP_CERTIFICATE"},
};

/*
 * What is final must have been meant. The small numbers are what programs end with at their own mistakes (sh and getopt
 * 2, curl up to 101, Perl's die an errno), those from 126 to 192 a shell's: none of them says anything of a certificate.
 */
static const struct {
    int exit_code;
    iscep_ca_outcome outcome;
} exits[] = {
    {0, ISCEP_CA_REVOKED},           {75, ISCEP_CA_BUSY}, /* EX_TEMPFAIL, sysexits.h */
    {194, ISCEP_CA_ALREADY_REVOKED}, {195, ISCEP_CA_NOT_FOUND},
    {196, ISCEP_CA_REFUSED},         {197, ISCEP_CA_UNSUPPORTED},
};

/* One run. */
typedef struct run {
    iscep_process *process;
    char cert_path[32]; /* empty: there is no such file */
    char decimal[3 * ISCEP_SERIAL_MAX_BYTES];
    char reason_code[4];
    const char *values[VALUE_COUNT];
    iscep_buf texts; /* arguments and variables, each with its NUL */
} run;

/* --- the template --- */

/* VALUE_COUNT: text does not begin with a placeholder. */
static unsigned find_placeholder(const char *text)
{
    unsigned i = 0;
    while (i < VALUE_COUNT && strncmp(text, names[i].placeholder, strlen(names[i].placeholder)) != 0)
        i++;
    return i;
}

static iscep_status check_argument(const char *argument, iscep_error *err)
{
    if (find_placeholder(argument) == ISSUER)
        return iscep_error_set(
            err, ISCEP_CONFIG, "ca",
            "command: %s: no argument may begin with {issuer}, which could look like an option: "
            "write --issuer={issuer}, or use the variable SCEP_ISSUER",
            argument);
    for (const char *at = strchr(argument, '{'); at != NULL; at = strchr(at + 1, '{'))
        if (find_placeholder(at) == VALUE_COUNT)
            return iscep_error_set(err, ISCEP_CONFIG, "ca", "command: %s: there is no such placeholder",
                                   argument);
    return ISCEP_OK;
}

static iscep_status open_command(iscep_ca *ca, iscep_error *err)
{
    const char *const *arguments = ca->options->arguments;
    iscep_status status = iscep_ca_require(arguments[0], "command", err);
    if (status == ISCEP_OK && (arguments[0][0] != '/' || access(arguments[0], X_OK) != 0))
        status = iscep_error_set(err, ISCEP_CONFIG, "ca", "command: %s is no absolute path of a program",
                                 arguments[0]);
    for (size_t i = 1; status == ISCEP_OK && arguments[i] != NULL; i++)
        status = check_argument(arguments[i], err);
    return status;
}

static bool wants_certificate(const iscep_ca_options *options)
{
    for (size_t i = 1; options->arguments[i] != NULL; i++)
        if (strstr(options->arguments[i], names[CERTIFICATE_FILE].placeholder) != NULL)
            return true;
    return false;
}

/* --- the values --- */

static void emit_pem(iscep_buf *out, iscep_bytes der)
{
    ISCEP_AUTO_BUF base64;
    iscep_buf_init(&base64, out->max_len);
    iscep_base64_encode(&base64, der);
    iscep_buf_append_text(out, "-----BEGIN CERTIFICATE-----\n");
    for (size_t at = 0; at < base64.len; at += PEM_LINE_LEN) {
        size_t left = base64.len - at;
        iscep_buf_append(out, base64.data + at, left < PEM_LINE_LEN ? left : PEM_LINE_LEN);
        iscep_buf_append_text(out, "\n");
    }
    iscep_buf_append_text(out, "-----END CERTIFICATE-----\n");
}

static bool write_certificate(run *r, iscep_bytes der)
{
    ISCEP_AUTO_BUF pem;
    iscep_buf_init(&pem, 2 * der.len + 128);
    emit_pem(&pem, der);
    memcpy(r->cert_path, "/tmp/iscep-revoke-XXXXXX", sizeof "/tmp/iscep-revoke-XXXXXX");
    int fd = mkostemp(r->cert_path, 0);
    if (fd < 0) {
        r->cert_path[0] = '\0';
        return false;
    }
    bool is_written = !pem.is_overflown && write(fd, pem.data, pem.len) == (ssize_t)pem.len;
    return close(fd) == 0 && is_written;
}

static bool set_values(run *r, const iscep_ca_request *request)
{
    ISCEP_AUTO_BUF decimal;
    iscep_buf_init(&decimal, sizeof r->decimal - 1);
    iscep_serial_emit_decimal(&decimal, request->serial);
    snprintf(r->decimal, sizeof r->decimal, "%s", iscep_buf_text(&decimal));
    snprintf(r->reason_code, sizeof r->reason_code, "%d", (int)request->reason);
    if (request->cert.len > 0 && !write_certificate(r, request->cert))
        return false;
    r->values[SERIAL] = request->serial;
    r->values[SERIAL_DECIMAL] = r->decimal;
    r->values[ISSUER] = request->issuer;
    r->values[REASON] = iscep_crl_reason_name(request->reason);
    r->values[REASON_CODE] = r->reason_code;
    r->values[CERTIFICATE_FILE] = r->cert_path[0] != '\0' ? r->cert_path : NULL;
    return true;
}

/* --- arguments and variables --- */

static void fill_argument(const run *r, iscep_buf *out, const char *argument)
{
    while (*argument != '\0') {
        size_t plain = strcspn(argument, "{");
        iscep_buf_append(out, argument, plain);
        argument += plain;
        if (*argument == '\0')
            break;
        unsigned which = find_placeholder(argument);
        iscep_buf_append_text(out, r->values[which]);
        argument += strlen(names[which].placeholder);
    }
    iscep_buf_append(out, "", 1);
}

static void fill_variable(const run *r, iscep_buf *out, unsigned which)
{
    iscep_buf_append_text(out, names[which].variable);
    iscep_buf_append_text(out, "=");
    iscep_buf_append_text(out, r->values[which]);
    iscep_buf_append(out, "", 1);
}

/* The texts that stand behind one another, as a NULL-ended list; returns what is behind them. */
static const char *list_texts(const char **list, const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        list[i] = text;
        text += strlen(text) + 1;
    }
    list[count] = NULL;
    return text;
}

static iscep_status fill_texts(run *r, const iscep_ca_options *options, size_t *argument_count,
                               size_t *env_count, iscep_error *err)
{
    const char *program = options->arguments[0]; /* a path, and no template */
    iscep_buf_append(&r->texts, program, strlen(program) + 1);
    *argument_count = 1;
    *env_count = 0;
    for (; options->arguments[*argument_count] != NULL; (*argument_count)++)
        fill_argument(r, &r->texts, options->arguments[*argument_count]);
    for (unsigned i = 0; i < VALUE_COUNT; i++) {
        if (r->values[i] == NULL)
            continue;
        fill_variable(r, &r->texts, i);
        (*env_count)++;
    }
    return iscep_buf_status(&r->texts, err);
}

/* --- the run --- */

static void free_run(run *r)
{
    if (r->cert_path[0] != '\0')
        unlink(r->cert_path);
    iscep_buf_clear(&r->texts);
    free(r);
}

static iscep_ca_outcome judge(const iscep_process_result *result)
{
    if (result->is_timed_out)
        return ISCEP_CA_UNAVAILABLE;
    for (size_t i = 0; i < sizeof exits / sizeof *exits; i++)
        if (result->signal_number == 0 && exits[i].exit_code == result->exit_code)
            return exits[i].outcome;
    return ISCEP_CA_FAILED;
}

static void describe(iscep_buf *out, const iscep_process_result *result)
{
    if (result->is_timed_out)
        iscep_buf_append_text(out, "the command did not end in time");
    else if (result->signal_number != 0)
        iscep_buf_printf(out, "signal %d ended the command", result->signal_number);
    else if (result->exit_code < 0)
        iscep_buf_append_text(out,
                              "the command has ended, and nobody knows how: this process ignores SIGCHLD, "
                              "or reaps children that are not its own");
    else
        iscep_buf_printf(out, "the command ended with %d", result->exit_code);
    iscep_bytes output = result->output;
    while (output.len > 0 && strchr(" \t\r\n", output.data[output.len - 1]) != NULL)
        output.len--;
    if (output.len > 0)
        iscep_buf_printf(out, ": %.*s", (int)(output.len < MAX_SHOWN_LEN ? output.len : MAX_SHOWN_LEN),
                         (const char *)output.data);
}

static void on_done(void *user, const iscep_process_result *result)
{
    iscep_ca_call *call = user;
    ISCEP_AUTO_BUF message;
    iscep_buf_init(&message, 1024);
    describe(&message, result);
    free_run(call->state);
    iscep_ca_answer(call, judge(result), "%s", iscep_buf_text(&message));
}

static iscep_status start_process(run *r, iscep_ca_call *call, iscep_error *err)
{
    const char *argv[ISCEP_CA_MAX_ARGUMENTS + 1], *env[VALUE_COUNT + 1];
    size_t argument_count, env_count;
    iscep_status status = fill_texts(r, call->ca->options, &argument_count, &env_count, err);
    if (status != ISCEP_OK)
        return status;
    list_texts(env, list_texts(argv, iscep_buf_text(&r->texts), argument_count), env_count);
    int64_t left_ms = iscep_ca_time_left_ms(call);
    int64_t grace_ms = left_ms / 4 < MAX_GRACE_MS ? left_ms / 4 : MAX_GRACE_MS;
    const iscep_process_options options = {.argv = argv,
                                           .env = env,
                                           .max_output_len = MAX_OUTPUT_LEN,
                                           .timeout_ms = left_ms - 2 * grace_ms,
                                           .grace_ms = grace_ms};
    return iscep_process_start(&r->process, call->ca->loop, &options, on_done, call, err);
}

static void start_command(iscep_ca_call *call)
{
    iscep_error err = ISCEP_ERROR_INIT;
    if (call->request.cert.len == 0 && wants_certificate(call->ca->options)) {
        iscep_ca_answer(call, ISCEP_CA_UNSUPPORTED,
                        "the command wants the certificate, and nobody has this one any more");
        return;
    }
    run *r = calloc(1, sizeof *r);
    if (r == NULL) {
        iscep_ca_answer(call, ISCEP_CA_FAILED, "out of memory");
        return;
    }
    iscep_buf_init(&r->texts, MAX_ARGUMENTS_LEN);
    if (!set_values(r, &call->request))
        iscep_error_set(&err, ISCEP_STORAGE, "ca", "the certificate cannot be written to a file in /tmp");
    else if (start_process(r, call, &err) == ISCEP_OK) {
        call->state = r;
        return;
    }
    free_run(r);
    iscep_ca_answer(call, ISCEP_CA_FAILED, "%s", err.message);
}

static void abandon_command(iscep_ca_call *call)
{
    run *r = call->state;
    if (r == NULL)
        return;
    iscep_process_cancel(r->process);
    free_run(r);
}

static void close_command(iscep_ca *ca)
{
    (void)ca;
}

const iscep_ca_executor iscep_ca_command = {
    .open = open_command, .start = start_command, .abandon = abandon_command, .close = close_command};
