/*
 * A host with two libcryptos, which share hundreds of symbol names: BoringSSL as Android has it, loaded so that everybody who looks
 * for a symbol finds it (RTLD_GLOBAL), and OpenSSL 3. It uses both by turns, and asks the plugin in between.
 *
 *     two-libcryptos PLUGIN.so TURNS
 *
 * Exit codes: 0 both were right in every turn, and so were the plugin's answers; 1 otherwise; 77 one of the two is not installed.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storm_question.h"
#include "storm_weather.h"

#define BORINGSSL     "/usr/lib/x86_64-linux-gnu/android/libcrypto.so.0"
#define OPENSSL       "libcrypto.so.3"
#define P256          415 /* NID_X9_62_prime256v1, in both */
#define MAX_SIGNATURE 128

#define MUST(condition) ((condition) ? (void)0 : (perror(#condition), exit(1)))

/* What both have under the same names, with the same parameters. */
typedef struct libcrypto {
    unsigned char *(*sha256)(const unsigned char *data, size_t len, unsigned char *out);
    void *(*new_key)(int curve);
    int (*generate)(void *key);
    int (*check)(const void *key);
    int (*sign)(int type, const unsigned char *digest, int len, unsigned char *out, unsigned *out_len,
                void *key);
    int (*verify)(int type, const unsigned char *digest, int len, const unsigned char *signature,
                  int signature_len, void *key);
    void (*free_key)(void *key);
} libcrypto;

static void *find(void *library, const char *name)
{
    void *symbol = dlsym(library, name);
    MUST(symbol != NULL);
    return symbol;
}

static void load(libcrypto *out, const char *file, int scope)
{
    void *library = dlopen(file, RTLD_NOW | scope);
    if (library == NULL) {
        printf("skipped: %s\n", dlerror());
        exit(77);
    }
    *(void **)&out->sha256 = find(library, "SHA256");
    *(void **)&out->new_key = find(library, "EC_KEY_new_by_curve_name");
    *(void **)&out->generate = find(library, "EC_KEY_generate_key");
    *(void **)&out->check = find(library, "EC_KEY_check_key");
    *(void **)&out->sign = find(library, "ECDSA_sign");
    *(void **)&out->verify = find(library, "ECDSA_verify");
    *(void **)&out->free_key = find(library, "EC_KEY_free");
}

/* A digest whose value is known, and a signature by a new key that is good for it and for no other. */
static bool is_right(const libcrypto *self)
{
    static const unsigned char abc[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40,
                                        0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17,
                                        0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
    unsigned char digest[sizeof abc], signature[MAX_SIGNATURE];
    unsigned signature_len = 0;
    self->sha256((const unsigned char *)"abc", 3, digest);
    void *key = self->new_key(P256);
    bool is = memcmp(digest, abc, sizeof abc) == 0 && key != NULL && self->generate(key) == 1 &&
              self->check(key) == 1 &&
              self->sign(0, digest, sizeof digest, signature, &signature_len, key) == 1 &&
              self->verify(0, digest, sizeof digest, signature, (int)signature_len, key) == 1;
    digest[0] ^= 1;
    is = is && self->verify(0, digest, sizeof digest, signature, (int)signature_len, key) == 0;
    self->free_key(key);
    return is;
}

static bool is_answered(const scep_plugin *plugin, scep_instance *instance, unsigned turn)
{
    static storm_question question;
    scep_answer answer = {.size = sizeof answer};
    storm_question_init(&question, (storm_kind)(turn % 3), turn % 2 == 0 ? STORM_ALLOW : STORM_DENY, turn);
    return storm_ask(plugin, instance, &question, &answer) == SCEP_OK &&
           storm_judge(&question, &answer, false) == STORM_RIGHT;
}

static bool is_one(const char *what, bool is)
{
    if (!is) {
        fprintf(stderr, "two-libcryptos: %s is wrong\n", what);
    }
    return is;
}

static const scep_plugin *load_plugin(const char *file)
{
    scep_plugin_entry_fn entry = NULL;
    const scep_plugin *plugin = NULL;
    void *module = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    MUST(module != NULL);
    *(void **)&entry = dlsym(module, SCEP_PLUGIN_ENTRY_SYMBOL);
    MUST(entry != NULL && entry(SCEP_PLUGIN_ABI_MAJOR, SCEP_PLUGIN_ABI_MINOR, &plugin) == SCEP_OK);
    return plugin;
}

int main(int argc, char **argv)
{
    static const scep_host services = {.size = sizeof services};
    const unsigned turns = argc == 3 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
    char directory[] = "/tmp/iscep-cryptos-XXXXXX", path[64];
    storm_weather weather;
    libcrypto boringssl, openssl;
    scep_instance *instance;
    if (turns == 0) {
        fputs("Usage: two-libcryptos PLUGIN.so TURNS\n", stderr);
        return 2;
    }
    load(&openssl, OPENSSL, RTLD_LOCAL); /* first: after the other it would be bound to that, and crash */
    load(&boringssl, BORINGSSL, RTLD_GLOBAL);
    MUST(boringssl.sha256 != openssl.sha256 && mkdtemp(directory) != NULL);
    snprintf(path, sizeof path, "%s/s", directory);
    storm_weather_begin(&weather, path);
    const scep_plugin *plugin = load_plugin(argv[1]);
    const scep_config_entry config[] = {{"socket", path}};
    MUST(plugin->open(&services, config, 1, &instance, NULL) == SCEP_OK);
    bool is = true;
    for (unsigned turn = 0; turn < turns && is; turn++) {
        is = is_one("BoringSSL", is_right(&boringssl)) &&
             is_one("the plugin", is_answered(plugin, instance, turn)) &&
             is_one("OpenSSL", is_right(&openssl)) &&
             is_one("the plugin", is_answered(plugin, instance, turns + turn));
    }
    plugin->close(instance);
    storm_weather_end(&weather);
    rmdir(directory);
    return is ? 0 : 1;
}
