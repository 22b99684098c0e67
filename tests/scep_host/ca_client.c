/* See ca_client.h. */
#include "ca_client.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* No more lie idle than workers usually ask at once. */
enum { MAX_IDLE = 16, MAX_URL_LEN = 1024 };

struct iscep_ca_client {
    char *url;
    char *ca_file;
    char *certificate;
    char *key;
    long timeout_ms;
    pthread_mutex_t lock;
    CURL *idle[MAX_IDLE]; /* each with its connection */
    size_t idle_count;
};

/* What does not depend on the question. NULL: out of memory. */
static CURL *make_handle(const iscep_ca_client *client)
{
    CURL *easy = curl_easy_init();
    if (!easy)
        return NULL;
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(easy, CURLOPT_CAINFO, client->ca_file);
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(easy, CURLOPT_SSLCERT, client->certificate);
    curl_easy_setopt(easy, CURLOPT_SSLKEY, client->key);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, client->timeout_ms);
    return easy;
}

static CURL *take_handle(iscep_ca_client *client)
{
    CURL *easy = NULL;
    pthread_mutex_lock(&client->lock);
    if (client->idle_count > 0)
        easy = client->idle[--client->idle_count];
    pthread_mutex_unlock(&client->lock);
    return easy ? easy : make_handle(client);
}

static void give_handle(iscep_ca_client *client, CURL *easy)
{
    pthread_mutex_lock(&client->lock);
    if (client->idle_count < MAX_IDLE) {
        client->idle[client->idle_count++] = easy;
        easy = NULL;
    }
    pthread_mutex_unlock(&client->lock);
    curl_easy_cleanup(easy);
}

static size_t collect(char *data, size_t size, size_t count, void *user)
{
    iscep_buf *out = user;
    iscep_buf_append(out, data, size * count);
    return out->is_overflown ? 0 : size * count;
}

static void put_question(CURL *easy, const char *url, const iscep_ca_question *question, iscep_buf *reply,
                         struct curl_slist *headers)
{
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, reply);
    if (question->content_type) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)question->body.len);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, (const char *)question->body.data);
    } else {
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, question->method);
}

/* reply: what came as body. */
static iscep_status read_result(CURL *easy, CURLcode result, iscep_buf *reply, iscep_error *err)
{
    long http_status = 0;
    if (result != CURLE_OK)
        return iscep_error_set(err, ISCEP_NETWORK, "ca_away", "the CA cannot be asked: %s",
                               curl_easy_strerror(result));
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &http_status);
    if (http_status == 200)
        return ISCEP_OK;
    bool is_ill = http_status >= 500 || http_status == 429;
    return iscep_error_set(err, is_ill ? ISCEP_NETWORK : ISCEP_SERVICE, is_ill ? "ca_away" : "ca",
                           "the CA answers HTTP %ld: %.200s", http_status, iscep_buf_text(reply));
}

iscep_status iscep_ca_client_ask(iscep_buf *reply, iscep_ca_client *client, const iscep_ca_question *question,
                                 iscep_error *err)
{
    char url[MAX_URL_LEN];
    char content_type[64];
    snprintf(url, sizeof(url), "%s%s", client->url, question->path);
    snprintf(content_type, sizeof(content_type), "Content-Type: %s",
             question->content_type ? question->content_type : "");
    struct curl_slist *headers = question->content_type ? curl_slist_append(NULL, content_type) : NULL;
    CURL *easy = take_handle(client);
    iscep_status status;
    if (!easy || (question->content_type && !headers)) {
        curl_easy_cleanup(easy);
        status = iscep_error_nomem(err);
    } else {
        put_question(easy, url, question, reply, headers);
        status = read_result(easy, curl_easy_perform(easy), reply, err);
        give_handle(client, easy);
    }
    curl_slist_free_all(headers);
    return status;
}

iscep_status iscep_ca_client_new(iscep_ca_client **out, const iscep_issuer_remote_options *options,
                                 iscep_error *err)
{
    iscep_ca_client *client = calloc(1, sizeof(*client));
    if (!client)
        return iscep_error_nomem(err);
    pthread_mutex_init(&client->lock, NULL);
    client->url = strdup(options->url);
    client->ca_file = strdup(options->ca_file);
    client->certificate = strdup(options->client_certificate);
    client->key = strdup(options->client_key);
    client->timeout_ms = (long)options->timeout_ms;
    if (!client->url || !client->ca_file || !client->certificate || !client->key ||
        curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        iscep_ca_client_free(client);
        return iscep_error_nomem(err);
    }
    *out = client;
    return ISCEP_OK;
}

void iscep_ca_client_free(iscep_ca_client *client)
{
    if (!client)
        return;
    while (client->idle_count > 0)
        curl_easy_cleanup(client->idle[--client->idle_count]);
    pthread_mutex_destroy(&client->lock);
    free(client->url);
    free(client->ca_file);
    free(client->certificate);
    free(client->key);
    free(client);
}
