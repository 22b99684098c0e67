/* POST /admin/profiles: what Intune hands a device, with a challenge inside, in the form of its platform (docs/MOCK.md). */
#include "handlers.h"

#include <string.h>

#include "admin.h"
#include "device_file.h"

typedef iscep_status emit_fn(iscep_buf *out, const mock_device_file *file, iscep_error *err);

/* Intune's ways with several URLs are here, as far as they are Intune's and not the device's. */
typedef struct platform {
    const char *name;
    bool is_handed_one_url; /* at random */
    bool has_payload_a_url; /* each with a challenge of its own, because each is a request of its own */
    const char *content_type;
    emit_fn *emit; /* NULL: JSON, of our own form */
} platform;

static const platform platforms[] = {
    {"ios", true, true, "application/x-apple-aspen-config", mock_device_emit_apple},
    {"ipados", true, true, "application/x-apple-aspen-config", mock_device_emit_apple},
    {"macos", false, true, "application/x-apple-aspen-config", mock_device_emit_apple},
    {"windows", false, false, "application/vnd.syncml.dm+xml", mock_device_emit_windows},
    {"android", false, false, NULL, NULL},
};

static const platform *find_platform(const char *name)
{
    for (size_t i = 0; i < sizeof(platforms) / sizeof(platforms[0]); i++)
        if (strcmp(platforms[i].name, name) == 0)
            return &platforms[i];
    return NULL;
}

static iscep_status read_urls(mock_device_file *file, const iscep_json *urls, iscep_error *err)
{
    for (const iscep_json *url = iscep_json_first(urls); url != NULL; url = iscep_json_next(url)) {
        const char *text = iscep_json_as_text(url);
        if (text == NULL || text[0] == '\0' || file->url_count == MOCK_DEVICE_MAX_URLS)
            return iscep_error_set(err, ISCEP_USAGE, "urls", "urls must be 1 to %d texts",
                                   MOCK_DEVICE_MAX_URLS);
        file->urls[file->url_count++] = text;
    }
    return file->url_count > 0 ? ISCEP_OK
                               : iscep_error_set(err, ISCEP_USAGE, "urls", "urls must be 1 to %d texts",
                                                 MOCK_DEVICE_MAX_URLS);
}

static iscep_status choose_one(mock_device_file *file, const iscep_env *env, iscep_error *err)
{
    int64_t chosen = 0;
    iscep_status status = iscep_random_up_to(&chosen, env, (int64_t)file->url_count - 1, err);
    file->urls[0] = file->urls[chosen];
    file->url_count = 1;
    return status;
}

static iscep_status fill(mock_device_file *file, const mock_state *mock, const platform *of,
                         const iscep_json *json, iscep_error *err)
{
    iscep_status status = read_urls(file, iscep_json_member(json, "urls"), err);
    if (status == ISCEP_OK && of->is_handed_one_url)
        status = choose_one(file, &mock->env, err);
    if (status == ISCEP_OK)
        status = mock_profile_parse(&file->profile, json, err);
    if (status == ISCEP_OK)
        status = iscep_guid_new(file->id, &mock->env, err);
    file->sans = iscep_json_member(json, "subjectAltNames");
    file->issued_unix = mock_now_unix(mock) + mock_admin_int(json, "issuedInSeconds", 0);
    size_t challenge_count = of->has_payload_a_url ? file->url_count : 1;
    for (size_t i = 0; i < challenge_count && status == ISCEP_OK; i++) {
        status = iscep_guid_new(file->payload_ids[i], &mock->env, err);
        if (status == ISCEP_OK)
            status = mock_admin_mint(&file->challenges[i], mock, json, err);
    }
    return status;
}

/* No platform has such a file: Android's agent gets the same facts in a form that only Intune and it know. */
static iscep_status emit_json(iscep_buf *out, const mock_device_file *file, const platform *of,
                              const iscep_json *json, iscep_error *err)
{
    iscep_buf_printf(out, "{\"platform\":\"%s\",\"urls\":[", of->name);
    for (size_t i = 0; i < file->url_count; i++) {
        iscep_buf_append_text(out, i > 0 ? "," : "");
        iscep_json_append_quoted(out, file->urls[i]);
    }
    iscep_buf_printf(out, "],\"challenge\":\"%.*s\"", (int)file->challenges[0].len,
                     (const char *)file->challenges[0].data);
    iscep_status status = mock_profile_copy_json(out, json, err);
    iscep_buf_append_text(out, "}");
    return status == ISCEP_OK ? iscep_buf_status(out, err) : status;
}

static iscep_status answer(mock_reply *reply, const mock_state *mock, const mock_device_file *file,
                           const platform *of, const iscep_json *json, iscep_error *err)
{
    ISCEP_AUTO_BUF plain;
    iscep_buf_init(&plain, MOCK_DEVICE_FILE_MAX);
    bool is_signed = iscep_json_is_true(json, "signed");
    if (is_signed && of->emit != mock_device_emit_apple)
        return iscep_error_set(err, ISCEP_USAGE, "signed", "only Apple's profiles are signed");
    iscep_status status =
        of->emit == NULL ? emit_json(&plain, file, of, json, err) : of->emit(&plain, file, err);
    reply->content_type = of->content_type;
    if (status == ISCEP_OK && is_signed)
        return mock_device_sign(&reply->body, &mock->pki, iscep_buf_bytes(&plain), file->issued_unix, err);
    iscep_buf_append(&reply->body, plain.data, plain.len);
    return status;
}

void mock_admin_make_profile(mock_state *mock, const mock_request *request, mock_reply *reply)
{
    static const mock_json_rule rules[] = {
        MOCK_CHALLENGE_RULES,
        {"platform", MOCK_JSON_TEXT, true},
        {"urls", MOCK_JSON_ARRAY, true},
        {"signed", MOCK_JSON_BOOL, false},
    };
    iscep_error err = ISCEP_ERROR_INIT;
    mock_device_file file = {.url_count = 0};
    ISCEP_AUTO_JSON *json = mock_admin_read(request, reply, rules, sizeof(rules) / sizeof(rules[0]));
    if (json == NULL)
        return;
    for (size_t i = 0; i < MOCK_DEVICE_MAX_URLS; i++)
        iscep_buf_init(&file.challenges[i], MOCK_CHALLENGE_MAX_LEN);
    const platform *of = find_platform(iscep_json_text(json, "platform"));
    iscep_status status = of == NULL
                              ? iscep_error_set(&err, ISCEP_USAGE, "platform",
                                                "platform must be ios, ipados, macos, windows or android")
                              : fill(&file, mock, of, json, &err);
    if (status == ISCEP_OK)
        status = answer(reply, mock, &file, of, json, &err);
    if (status != ISCEP_OK) {
        iscep_buf_clear(&reply->body);
        reply->content_type = NULL;
        mock_admin_refuse(reply, status == ISCEP_USAGE ? 400 : 500, "bad_request", err.message);
    }
    mock_profile_clear(&file.profile);
    for (size_t i = 0; i < MOCK_DEVICE_MAX_URLS; i++)
        iscep_buf_wipe(&file.challenges[i]);
}
