/* See fleet_intune.h. */
#include "fleet_intune.h"

#include <stdio.h>

#include <openssl/rand.h>

#include "base/json.h"
#include "net/url.h"

enum { MAX_WISH_LEN = 16 * 1024, MAX_PROFILE_LEN = 1024 * 1024, MAX_URL_LEN = 2048 };

/* --- connections, kept for the next --- */

static iscep_status take_wire(fleet_mock *mock, fleet_wire **out, iscep_error *err)
{
    pthread_mutex_lock(&mock->lock);
    *out = mock->idle_count > 0 ? mock->idle[--mock->idle_count] : NULL;
    pthread_mutex_unlock(&mock->lock);
    return *out != NULL ? ISCEP_OK : fleet_wire_new(out, &mock->wire, err);
}

static void give_wire_back(fleet_mock *mock, fleet_wire *wire)
{
    pthread_mutex_lock(&mock->lock);
    bool has_room = mock->idle_count < FLEET_MAX_WIRES;
    if (has_room)
        mock->idle[mock->idle_count++] = wire;
    pthread_mutex_unlock(&mock->lock);
    if (!has_room)
        fleet_wire_free(wire);
}

/* --- the wish --- */

static void add_urls(iscep_json *to, const fleet_mock *mock, const fleet_wish *wish)
{
    iscep_json *urls = iscep_json_add_array(to, "urls");
    bool is_for_one = fleet_rules_of(wish->platform)->wants_each;
    for (uint32_t i = 0; i < mock->urls->count; i++)
        if (!is_for_one || i == wish->url)
            iscep_json_append_text(urls, mock->urls->urls[i]);
}

static iscep_status emit_wish(iscep_buf *out, const fleet_mock *mock, const fleet_wish *wish,
                              iscep_error *err)
{
    char text[FLEET_NAME_SIZE + 32];
    ISCEP_AUTO_JSON *json = iscep_json_new_object();
    iscep_json_add_text(json, "platform", fleet_rules_of(wish->platform)->name);
    add_urls(json, mock, wish);
    iscep_json_add_text(json, "deviceId", wish->name);
    snprintf(text, sizeof text, "CN=%s", wish->name);
    iscep_json_add_text(json, "subject", text);
    iscep_json *san = iscep_json_append_object(iscep_json_add_array(json, "subjectAltNames"));
    snprintf(text, sizeof text, "%s.fleet.example", wish->name);
    iscep_json_add_text(san, "type", "dns");
    iscep_json_add_text(san, "value", text);
    iscep_json *usages = iscep_json_add_array(json, "keyUsage");
    iscep_json_append_text(usages, "digitalSignature");
    iscep_json_append_text(usages, "keyEncipherment");
    iscep_json_append_text(iscep_json_add_array(json, "extendedKeyUsage"), "1.3.6.1.5.5.7.3.2");
    iscep_json_add_int(json, "keyLength", FLEET_KEY_BITS);
    return iscep_json_emit(out, json, err);
}

static iscep_status fetch_profile(iscep_buf *out, fleet_mock *mock, const fleet_wish *wish, iscep_error *err)
{
    ISCEP_AUTO_BUF url, body;
    fleet_wire *wire = NULL;
    iscep_buf_init(&url, MAX_URL_LEN);
    iscep_buf_init(&body, MAX_WISH_LEN);
    iscep_url_join(&url, mock->url, "admin/profiles");
    iscep_status status = emit_wish(&body, mock, wish, err);
    if (status == ISCEP_OK)
        status = take_wire(mock, &wire, err);
    if (status != ISCEP_OK)
        return status;
    const fleet_wire_request request = {
        .url = iscep_buf_text(&url), .content_type = "application/json", .body = iscep_buf_bytes(&body)};
    status = fleet_wire_fetch(wire, out, &request, err);
    give_wire_back(mock, wire);
    return status;
}

/* --- the order --- */

/* As devices make it: nobody else has it, now or in another run. */
static iscep_status choose_transaction(fleet_order *out, iscep_error *err)
{
    uint8_t random[(FLEET_TRANSACTION_SIZE - 1) / 2];
    if (RAND_bytes(random, sizeof random) != 1)
        return iscep_error_set(err, ISCEP_NOMEM, "random", "no random bytes");
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(out->transaction_id + 2 * i, 3, "%02X", random[i]);
    return ISCEP_OK;
}

static iscep_status give(fleet_intune *intune, fleet_order *out, const fleet_wish *wish, iscep_error *err)
{
    fleet_mock *mock = (fleet_mock *)(void *)intune;
    iscep_buf file;
    iscep_buf_init(&file, MAX_PROFILE_LEN);
    out->identity = &mock->keys->identities[wish->key % mock->keys->count];
    iscep_status status = choose_transaction(out, err);
    if (status == ISCEP_OK)
        status = fetch_profile(&file, mock, wish, err);
    if (status == ISCEP_OK)
        status = fleet_profile_apply(out, wish->platform, iscep_buf_bytes(&file), mock->urls, err);
    if (status != ISCEP_OK)
        iscep_error_prefix(err, "no profile");
    iscep_buf_wipe(&file);
    return status;
}

void fleet_mock_init(fleet_mock *out, const char *url, const fleet_urls *urls, const fleet_keys *keys,
                     const fleet_wire_options *wire)
{
    *out = (fleet_mock){.intune = {.give = give}, .url = url, .urls = urls, .keys = keys, .wire = *wire};
    pthread_mutex_init(&out->lock, NULL);
}

void fleet_mock_clear(fleet_mock *mock)
{
    for (size_t i = 0; i < mock->idle_count; i++)
        fleet_wire_free(mock->idle[i]);
    pthread_mutex_destroy(&mock->lock);
}
